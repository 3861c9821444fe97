-- Yesterday's decisions by hour of receipt (UTC) and currency; amounts in minor units.
SELECT key AS hour, currency,
    sum(transactions) AS transactions,
    coalesce(sum(transactions) FILTER (WHERE decision = 'APPROVE'), 0) AS approved,
    coalesce(sum(transactions) FILTER (WHERE decision = 'REVIEW'), 0) AS reviewed,
    coalesce(sum(transactions) FILTER (WHERE decision = 'DECLINE'), 0) AS declined,
    sum(amountMinor) AS amountMinor
FROM tallies
WHERE "date" = cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar) AND dimension = 'hour'
GROUP BY key, currency
ORDER BY key, currency
