-- Yesterday's decisions by channel, corridor (country of card or billing, of merchant or internet address),
-- merchant category and amount band, with what labels say.
WITH newest AS (
    SELECT channel, cardCountry, billingCountry, merchantCountry, ipCountry, merchantCategoryCode,
        amountMinor, currency, decision, label,
        row_number() OVER (
            PARTITION BY transactionId ORDER BY labeledAt DESC, decision IS NULL, loggedAt DESC, label
        ) AS place
    FROM labels
    WHERE "date" = cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar)
), labelled AS (
    SELECT *, cast(amountMinor AS varchar) AS digits FROM newest WHERE place = 1 AND decision IS NOT NULL
), placed AS (
    SELECT 'channel' AS dimension, channel AS key, '' AS other, '' AS currency, label FROM labelled
    UNION ALL
    SELECT 'corridor', coalesce(cardCountry, billingCountry), coalesce(merchantCountry, ipCountry, ''), '', label
    FROM labelled
    UNION ALL
    SELECT 'merchantCategoryCode', merchantCategoryCode, '', '', label FROM labelled
    UNION ALL
    SELECT 'amountBand',
        CASE
            WHEN amountMinor = 0 THEN '0'
            WHEN substr(digits, 1, 1) >= '5' THEN rpad('5', cast(length(digits) AS integer), '0')
            WHEN substr(digits, 1, 1) >= '2' THEN rpad('2', cast(length(digits) AS integer), '0')
            ELSE rpad('1', cast(length(digits) AS integer), '0')
        END, '', currency, label
    FROM labelled
), known AS (
    SELECT dimension, key, other, currency, count(*) AS labelled, count(*) FILTER (WHERE label = 'FRAUD') AS fraud
    FROM placed
    GROUP BY dimension, key, other, currency
), cut AS (
    SELECT dimension, key, coalesce(other, '') AS other,
        CASE WHEN dimension = 'amountBand' THEN currency ELSE '' END AS currency, decision, transactions
    FROM tallies
    WHERE "date" = cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar)
        AND dimension IN ('channel', 'corridor', 'merchantCategoryCode', 'amountBand')
), counted AS (
    SELECT dimension, key, other, currency,
        sum(transactions) AS transactions,
        coalesce(sum(transactions) FILTER (WHERE decision = 'REVIEW'), 0) AS reviewed,
        coalesce(sum(transactions) FILTER (WHERE decision = 'DECLINE'), 0) AS declined
    FROM cut
    GROUP BY dimension, key, other, currency
)
SELECT counted.dimension, counted.key, counted.other, counted.currency, transactions, reviewed, declined,
    coalesce(known.labelled, 0) AS labelled,
    coalesce(known.fraud, 0) AS fraud
FROM counted LEFT JOIN known
    ON known.dimension = counted.dimension AND known.key = counted.key
    AND known.other = counted.other AND known.currency = counted.currency
ORDER BY counted.dimension, reviewed + declined DESC, transactions DESC, counted.key, counted.other, counted.currency
