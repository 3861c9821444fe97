-- Of each kind, the twenty entities with the most transactions that were reviewed or declined yesterday, by token.
WITH counted AS (
    SELECT dimension AS kind, key AS token,
        coalesce(sum(transactions) FILTER (WHERE decision = 'REVIEW'), 0) AS reviewed,
        coalesce(sum(transactions) FILTER (WHERE decision = 'DECLINE'), 0) AS declined
    FROM tallies
    WHERE "date" = cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar)
        AND dimension IN ('customer', 'card', 'merchant', 'terminal', 'device', 'ip')
    GROUP BY dimension, key
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY kind ORDER BY reviewed + declined DESC, declined DESC, token) AS place
    FROM counted
)
SELECT kind, place, token, reviewed, declined FROM ranked WHERE place <= 20 ORDER BY kind, place
