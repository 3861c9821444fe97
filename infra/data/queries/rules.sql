-- What each rule did yesterday, and how often it was right where labels say so: precision with its 95 % interval
-- after Wilson.
WITH newest AS (
    SELECT sources, decision, label,
        row_number() OVER (
            PARTITION BY transactionId ORDER BY labeledAt DESC, decision IS NULL, loggedAt DESC, label
        ) AS place
    FROM labels
    WHERE "date" = cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar)
), known AS (
    SELECT rule,
        cast(count(*) FILTER (WHERE label = 'FRAUD') AS double) AS fraud,
        cast(count(*) AS double) AS labelled
    FROM newest CROSS JOIN UNNEST(sources) AS hit (rule)
    WHERE place = 1 AND decision IS NOT NULL
    GROUP BY rule
), counted AS (
    SELECT key AS rule,
        coalesce(sum(transactions) FILTER (WHERE dimension = 'rule'), 0) AS hits,
        coalesce(sum(transactions) FILTER (WHERE dimension = 'ruleAlone'), 0) AS alone,
        coalesce(sum(transactions) FILTER (WHERE dimension = 'rule' AND decision = 'REVIEW'), 0) AS reviewed,
        coalesce(sum(transactions) FILTER (WHERE dimension = 'rule' AND decision = 'DECLINE'), 0) AS declined,
        coalesce(sum(transactions) FILTER (WHERE dimension = 'unevaluable'), 0) AS unevaluable
    FROM tallies
    WHERE "date" = cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar)
        AND dimension IN ('rule', 'ruleAlone', 'unevaluable')
    GROUP BY key
), bounds AS (
    SELECT rule, fraud, labelled, fraud / labelled AS share,
        3.841458820694124e0 / labelled AS square,
        1.959963984540054e0 * sqrt(
    fraud * (labelled - fraud) / labelled / labelled / labelled + 3.841458820694124e0 / (4 * labelled *
        labelled)
        ) AS half
    FROM known
)
SELECT counted.rule, hits, alone, reviewed, declined, unevaluable,
    coalesce(fraud, 0) AS fraud,
    coalesce(labelled - fraud, 0) AS legitimate,
    share AS labelledPrecision,
    (share + square / 2 - half) / (1 + square) AS low,
    (share + square / 2 + half) / (1 + square) AS high
FROM counted LEFT JOIN bounds ON bounds.rule = counted.rule
ORDER BY hits DESC, counted.rule
