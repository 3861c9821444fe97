-- What changed the week fraud rose: fraud of the last seven days beside the mean of the four weeks before, by channel,
-- type, entry mode, merchant category, corridor, merchant, device, rule and ruleset; the largest rise first. Of every
-- week only the labels are counted that came before it ended.
WITH aged AS (
    SELECT transactionId, channel, type, entryMode, merchantCategoryCode, merchantId, deviceId, rulesetVersion,
        coalesce(cardCountry, billingCountry) AS home, coalesce(merchantCountry, ipCountry) AS abroad,
        coalesce(amountBase, 0) AS amount, decision, label, labeledAt, loggedAt, receivedAt,
        date_diff('day', cast("date" AS date), current_date) AS days
    FROM labels
    WHERE "date" BETWEEN cast(cast(current_date - INTERVAL '35' DAY AS date) AS varchar)
        AND cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar)
), known AS (
    SELECT *,
        row_number() OVER (
            PARTITION BY transactionId ORDER BY labeledAt DESC, decision IS NULL, loggedAt DESC, label
        ) AS place
    FROM aged
    WHERE labeledAt < receivedAt - receivedAt % 86400000 + ((days - 1) % 7 + 1) * 86400000
), frauds AS (
    SELECT * FROM known WHERE place = 1 AND label = 'FRAUD' AND decision IS NOT NULL
), hit AS (
    SELECT transactionId, rule
    FROM hits
    WHERE "date" BETWEEN cast(cast(current_date - INTERVAL '35' DAY AS date) AS varchar)
        AND cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar)
), placed AS (
    SELECT 'total' AS dimension, '' AS key, days, amount FROM frauds
    UNION ALL
    SELECT 'channel', channel, days, amount FROM frauds WHERE channel IS NOT NULL
    UNION ALL
    SELECT 'type', type, days, amount FROM frauds
    UNION ALL
    SELECT 'entryMode', entryMode, days, amount FROM frauds WHERE entryMode IS NOT NULL
    UNION ALL
    SELECT 'merchantCategoryCode', merchantCategoryCode, days, amount FROM frauds WHERE merchantCategoryCode IS NOT NULL
    UNION ALL
    SELECT 'corridor', home || '-' || abroad, days, amount FROM frauds WHERE home IS NOT NULL AND abroad IS NOT NULL
    UNION ALL
    SELECT 'merchant', merchantId, days, amount FROM frauds WHERE merchantId IS NOT NULL
    UNION ALL
    SELECT 'device', deviceId, days, amount FROM frauds WHERE deviceId IS NOT NULL
    UNION ALL
    SELECT 'ruleset', rulesetVersion, days, amount FROM frauds WHERE rulesetVersion IS NOT NULL
    UNION ALL
    SELECT 'rule', rule, days, amount FROM frauds JOIN hit ON hit.transactionId = frauds.transactionId
), counted AS (
    SELECT dimension, key,
        count(*) FILTER (WHERE days <= 7) AS frauds,
        count(*) FILTER (WHERE days > 7) / 4e0 AS fraudsBefore,
        coalesce(sum(amount) FILTER (WHERE days <= 7), 0) AS amount,
        coalesce(sum(amount) FILTER (WHERE days > 7), 0) / 4e0 AS amountBefore
    FROM placed
    GROUP BY dimension, key
), carried AS (
    SELECT CASE WHEN dimension = 'corridor' THEN key || '-' || other ELSE key END AS key, dimension, transactions,
        date_diff('day', cast("date" AS date), current_date) AS days
    FROM tallies
    WHERE "date" BETWEEN cast(cast(current_date - INTERVAL '35' DAY AS date) AS varchar)
        AND cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar)
        AND dimension IN ('total', 'channel', 'type', 'entryMode', 'merchantCategoryCode', 'corridor', 'rule')
), traffic AS (
    SELECT dimension, key,
        cast(coalesce(sum(transactions) FILTER (WHERE days <= 7), 0) AS bigint) AS transactions,
        cast(coalesce(sum(transactions) FILTER (WHERE days > 7), 0) AS double) / 4e0 AS transactionsBefore
    FROM carried
    GROUP BY dimension, key
)
SELECT counted.dimension, counted.key, frauds, fraudsBefore, frauds - fraudsBefore AS rise, amount, amountBefore,
    transactions, transactionsBefore
FROM counted LEFT JOIN traffic ON traffic.dimension = counted.dimension AND traffic.key = counted.key
WHERE frauds > 0
ORDER BY rise DESC, amount - amountBefore DESC, counted.dimension, counted.key
LIMIT 200
