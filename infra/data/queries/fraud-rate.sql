-- Fraud by day of receipt and currency, the last 28 days: in count, and in basis points of value. A day's rate
-- rises while labels come in.
WITH newest AS (
    SELECT "date" AS day, currency, amountMinor, decision, label,
        row_number() OVER (
            PARTITION BY transactionId ORDER BY labeledAt DESC, decision IS NULL, loggedAt DESC, label
        ) AS place
    FROM labels
    WHERE "date" >= cast(cast(current_date - INTERVAL '28' DAY AS date) AS varchar)
), known AS (
    SELECT day, currency, count(*) AS labelled,
        count(*) FILTER (WHERE label = 'FRAUD') AS fraud,
        coalesce(sum(amountMinor) FILTER (WHERE label = 'FRAUD'), 0) AS fraudAmountMinor,
        coalesce(sum(amountMinor) FILTER (WHERE label = 'FRAUD' AND decision <> 'APPROVE'), 0) AS caughtAmountMinor
    FROM newest
    WHERE place = 1 AND decision IS NOT NULL
    GROUP BY day, currency
), decided AS (
    SELECT "date" AS day, currency, sum(transactions) AS transactions, sum(amountMinor) AS amountMinor
    FROM tallies
    WHERE "date" >= cast(cast(current_date - INTERVAL '28' DAY AS date) AS varchar) AND dimension = 'total'
    GROUP BY "date", currency
)
SELECT decided.day, decided.currency, transactions, amountMinor,
    coalesce(labelled, 0) AS labelled,
    coalesce(fraud, 0) AS fraud,
    coalesce(fraudAmountMinor, 0) AS fraudAmountMinor,
    coalesce(caughtAmountMinor, 0) AS caughtAmountMinor,
    cast(coalesce(fraud, 0) AS double) / transactions AS fraudShare,
    10000 * cast(coalesce(fraudAmountMinor, 0) AS double) / nullif(cast(amountMinor AS double), 0) AS fraudBasisPoints
FROM decided LEFT JOIN known ON known.day = decided.day AND known.currency = decided.currency
ORDER BY decided.day, transactions DESC, decided.currency
