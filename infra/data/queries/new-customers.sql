-- New customers by the week of their first transaction, over twelve weeks, and the weeks since: how many were active,
-- what they did, and how much of it was flagged and fraud, in the base currency.
WITH made AS (
    SELECT transactionId, customerId, decision, customerAgeDays, coalesce(amountBase, 0) AS amount,
        cast("date" AS date) AS day
    FROM decisions
    WHERE "date" BETWEEN
            cast(cast(date_trunc('week', current_date) - INTERVAL '77' DAY AS date) AS varchar)
            AND cast(current_date AS varchar)
        AND customerId IS NOT NULL
), newcomers AS (
    SELECT customerId, min(day) AS first FROM made WHERE customerAgeDays = 0 GROUP BY customerId
), newest AS (
    SELECT transactionId, label,
        row_number() OVER (
            PARTITION BY transactionId ORDER BY labeledAt DESC, decision IS NULL, loggedAt DESC, label
        ) AS place
    FROM labels
    WHERE "date" BETWEEN
            cast(cast(date_trunc('week', current_date) - INTERVAL '77' DAY AS date) AS varchar)
            AND cast(current_date AS varchar)
), placed AS (
    SELECT cast(date_trunc('week', first) AS date) AS cohort,
        cast(floor(date_diff('day', first, day) / 7e0) AS bigint) AS week,
        made.customerId, decision, amount, label
    FROM made JOIN newcomers ON newcomers.customerId = made.customerId
        LEFT JOIN newest ON newest.transactionId = made.transactionId AND place = 1
    WHERE day >= first
)
SELECT cohort, week, count(DISTINCT customerId) AS customers, count(*) AS transactions, sum(amount) AS amount,
    count(*) FILTER (WHERE decision <> 'APPROVE') AS flagged,
    count(*) FILTER (WHERE label = 'FRAUD') AS fraud,
    coalesce(sum(amount) FILTER (WHERE label = 'FRAUD'), 0) AS fraudAmount,
    cast(count(*) FILTER (WHERE label = 'FRAUD') AS double) / count(*) AS fraudShare
FROM placed
GROUP BY cohort, week
ORDER BY cohort, week
