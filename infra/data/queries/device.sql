-- All that touched a device in the last 90 days, by token: customers, cards, merchants, addresses, payees and terminals
-- of its transactions, with what was decided and labelled. The device's token takes the place of the question mark.
WITH seen AS (
    SELECT transactionId, customerId, cardToken, merchantId, ipAddress, counterpartyToken, terminalId, receivedAt,
        decision, coalesce(amountBase, 0) AS amount
    FROM decisions
    WHERE "date" BETWEEN cast(cast(current_date - INTERVAL '90' DAY AS date) AS varchar)
        AND cast(current_date AS varchar)
        AND deviceId = ?
), newest AS (
    SELECT transactionId, label,
        row_number() OVER (
            PARTITION BY transactionId ORDER BY labeledAt DESC, decision IS NULL, loggedAt DESC, label
        ) AS place
    FROM labels
    WHERE "date" BETWEEN cast(cast(current_date - INTERVAL '90' DAY AS date) AS varchar)
        AND cast(current_date AS varchar)
), known AS (
    SELECT seen.*, label FROM seen LEFT JOIN newest ON newest.transactionId = seen.transactionId AND place = 1
), touched AS (
    SELECT 'customer' AS kind, customerId AS token, receivedAt, decision, amount, label FROM known
    UNION ALL
    SELECT 'card', cardToken, receivedAt, decision, amount, label FROM known
    UNION ALL
    SELECT 'merchant', merchantId, receivedAt, decision, amount, label FROM known
    UNION ALL
    SELECT 'ip', ipAddress, receivedAt, decision, amount, label FROM known
    UNION ALL
    SELECT 'payee', counterpartyToken, receivedAt, decision, amount, label FROM known
    UNION ALL
    SELECT 'terminal', terminalId, receivedAt, decision, amount, label FROM known
)
SELECT kind, token, count(*) AS transactions, sum(amount) AS amount,
    count(*) FILTER (WHERE decision <> 'APPROVE') AS flagged,
    count(*) FILTER (WHERE label = 'FRAUD') AS fraud,
    count(*) FILTER (WHERE label = 'LEGITIMATE') AS legitimate,
    min(receivedAt) AS firstReceivedAt, max(receivedAt) AS lastReceivedAt
FROM touched
WHERE token IS NOT NULL
GROUP BY kind, token
ORDER BY kind, transactions DESC, token
