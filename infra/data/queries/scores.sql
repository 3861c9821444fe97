-- Yesterday's transactions by score, in ten steps, and the share of fraud among those with a label: it should rise
-- with the score.
WITH newest AS (
    SELECT score, decision, label,
        row_number() OVER (
            PARTITION BY transactionId ORDER BY labeledAt DESC, decision IS NULL, loggedAt DESC, label
        ) AS place
    FROM labels
    WHERE "date" = cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar)
), known AS (
    SELECT least(score - score % 10, 90) AS fromScore, count(*) AS labelled,
        count(*) FILTER (WHERE label = 'FRAUD') AS fraud
    FROM newest
    WHERE place = 1 AND decision IS NOT NULL
    GROUP BY least(score - score % 10, 90)
), scored AS (
    SELECT cast(key AS bigint) AS score, transactions
    FROM tallies
    WHERE "date" = cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar) AND dimension = 'score'
), counted AS (
    SELECT least(score - score % 10, 90) AS fromScore, sum(transactions) AS transactions
    FROM scored
    GROUP BY least(score - score % 10, 90)
)
SELECT counted.fromScore, transactions,
    coalesce(labelled, 0) AS labelled,
    coalesce(fraud, 0) AS fraud,
    cast(fraud AS double) / labelled AS fraudShare
FROM counted LEFT JOIN known ON known.fromScore = counted.fromScore
ORDER BY counted.fromScore
