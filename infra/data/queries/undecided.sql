-- Yesterday's transactions that were stored and have no decision, oldest first; receivedAt in epoch milliseconds.
WITH alone AS (
    SELECT key, min(largest) FILTER (WHERE dimension = 'onlyStored') AS receivedAt,
        count(*) FILTER (WHERE dimension = 'onlyDecided') AS decided
    FROM tallies
    WHERE "date" = cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar)
        AND dimension IN ('onlyStored', 'onlyDecided')
    GROUP BY key
)
SELECT key AS transactionId, receivedAt FROM alone WHERE decided = 0 ORDER BY receivedAt, key
