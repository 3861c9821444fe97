-- How each rule's precision settles as labels come in: hits of the last 90 days by the age of the decision in days,
-- with what labels said at that age. Only decisions that are as old as that are counted.
WITH ages AS (
    SELECT cast(age AS bigint) AS age FROM (VALUES (1), (3), (7), (14), (30), (60)) AS given (age)
), hit AS (
    SELECT rule, mode, transactionId, date_diff('day', cast("date" AS date), current_date) AS days
    FROM hits
    WHERE "date" BETWEEN cast(cast(current_date - INTERVAL '90' DAY AS date) AS varchar)
        AND cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar)
), known AS (
    SELECT transactionId, age, label,
        row_number() OVER (
            PARTITION BY transactionId, age ORDER BY labeledAt DESC, decision IS NULL, loggedAt DESC, label
        ) AS place
    FROM labels CROSS JOIN ages
    WHERE "date" BETWEEN cast(cast(current_date - INTERVAL '90' DAY AS date) AS varchar)
        AND cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar)
        AND labeledAt <= receivedAt + age * 86400000
), aged AS (
    SELECT rule, mode, transactionId, age FROM hit CROSS JOIN ages WHERE days > age
), counted AS (
    SELECT aged.rule, aged.mode, aged.age, count(*) AS hits,
        count(label) AS labelled,
        count(*) FILTER (WHERE label = 'FRAUD') AS fraud
    FROM aged LEFT JOIN known
        ON known.transactionId = aged.transactionId AND known.age = aged.age AND place = 1
    GROUP BY aged.rule, aged.mode, aged.age
)
SELECT rule, mode, age, hits, labelled, fraud, cast(fraud AS double) / nullif(labelled, 0) AS labelledPrecision
FROM counted
ORDER BY rule, mode, age
