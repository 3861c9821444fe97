-- What false declines cost, over 90 days up to a month ago: by rule, transactions declined and later labelled
-- legitimate, their amount, and the customers who made no transaction in the 30 days after it, with what those had
-- spent in the 30 days before it. Mode ALL is all false declines. In the base currency.
WITH newest AS (
    SELECT transactionId, customerId, receivedAt, decision, label, coalesce(amountBase, 0) AS amount,
        coalesce(customerSum30d, 0) AS spent,
        row_number() OVER (
            PARTITION BY transactionId ORDER BY labeledAt DESC, decision IS NULL, loggedAt DESC, label
        ) AS place
    FROM labels
    WHERE "date" BETWEEN cast(cast(current_date - INTERVAL '121' DAY AS date) AS varchar)
        AND cast(cast(current_date - INTERVAL '31' DAY AS date) AS varchar)
), refused AS (
    SELECT transactionId, customerId, receivedAt, amount, spent
    FROM newest
    WHERE place = 1 AND label = 'LEGITIMATE' AND decision = 'DECLINE'
), back AS (
    SELECT DISTINCT refused.transactionId
    FROM refused JOIN decisions ON decisions.customerId = refused.customerId
    WHERE "date" BETWEEN cast(cast(current_date - INTERVAL '121' DAY AS date) AS varchar)
        AND cast(current_date AS varchar)
        AND decisions.receivedAt > refused.receivedAt
        AND decisions.receivedAt <= refused.receivedAt + 2592000000
), seen AS (
    SELECT refused.*, back.transactionId IS NULL AND customerId IS NOT NULL AS gone
    FROM refused LEFT JOIN back ON back.transactionId = refused.transactionId
), hit AS (
    SELECT transactionId, rule
    FROM hits
    WHERE "date" BETWEEN cast(cast(current_date - INTERVAL '121' DAY AS date) AS varchar)
            AND cast(cast(current_date - INTERVAL '31' DAY AS date) AS varchar)
        AND mode = 'LIVE'
), placed AS (
    SELECT 'ALL' AS mode, '' AS rule, customerId, amount, spent, gone FROM seen
    UNION ALL
    SELECT 'LIVE', rule, customerId, amount, spent, gone FROM seen JOIN hit ON hit.transactionId = seen.transactionId
)
SELECT mode, rule, count(*) AS falseDeclines, sum(amount) AS amount, count(DISTINCT customerId) AS customers,
    count(DISTINCT customerId) FILTER (WHERE gone) AS customersGone,
    coalesce(sum(spent) FILTER (WHERE gone), 0) AS spentByThoseGone
FROM placed
GROUP BY mode, rule
ORDER BY mode, amount DESC, rule
