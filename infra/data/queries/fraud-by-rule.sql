-- Fraud by month of receipt and rule, this month and the eleven before it, in the base currency: what of it was caught
-- (reviewed or declined) and what was missed (approved). Mode is LIVE or SHADOW; ALL is all fraud, and NONE what no
-- live rule hit.
WITH newest AS (
    SELECT transactionId, substr("date", 1, 7) AS month, decision, amountBase, label,
        row_number() OVER (
            PARTITION BY transactionId ORDER BY labeledAt DESC, decision IS NULL, loggedAt DESC, label
        ) AS place
    FROM labels
    WHERE "date" BETWEEN cast(cast(date_trunc('month', current_date) - INTERVAL '11' MONTH AS date) AS varchar)
        AND cast(current_date AS varchar)
), frauds AS (
    SELECT transactionId, month, decision, coalesce(amountBase, 0) AS amount
    FROM newest
    WHERE place = 1 AND label = 'FRAUD' AND decision IS NOT NULL
), hit AS (
    SELECT transactionId, rule, mode
    FROM hits
    WHERE "date" BETWEEN cast(cast(date_trunc('month', current_date) - INTERVAL '11' MONTH AS date) AS varchar)
        AND cast(current_date AS varchar)
), hitting AS (
    SELECT frauds.transactionId, month, decision, amount, rule, mode
    FROM frauds JOIN hit ON hit.transactionId = frauds.transactionId
), live AS (
    SELECT DISTINCT transactionId FROM hitting WHERE mode = 'LIVE'
), placed AS (
    SELECT month, rule, mode, decision, amount FROM hitting
    UNION ALL
    SELECT month, '', 'ALL', decision, amount FROM frauds
    UNION ALL
    SELECT month, '', 'NONE', decision, amount
    FROM frauds LEFT JOIN live ON live.transactionId = frauds.transactionId
    WHERE live.transactionId IS NULL
)
SELECT month, mode, rule, count(*) AS frauds,
    count(*) FILTER (WHERE decision <> 'APPROVE') AS caught,
    coalesce(sum(amount) FILTER (WHERE decision <> 'APPROVE'), 0) AS caughtAmount,
    count(*) FILTER (WHERE decision = 'APPROVE') AS missed,
    coalesce(sum(amount) FILTER (WHERE decision = 'APPROVE'), 0) AS missedAmount
FROM placed
GROUP BY month, mode, rule
ORDER BY month, mode, caughtAmount DESC, frauds DESC, rule
