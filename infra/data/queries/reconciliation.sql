-- Yesterday's reconciliation: what was stored was decided, and each decision is in the log once. Balanced: stored =
-- decided = decisionRows, with nothing undecided or unstored.
WITH books AS (
    SELECT dimension, key, transactions
    FROM tallies
    WHERE "date" = cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar)
        AND dimension IN ('stored', 'total', 'onlyStored', 'onlyDecided')
), alone AS (
    SELECT key, count(*) FILTER (WHERE dimension = 'onlyStored') AS stored,
        count(*) FILTER (WHERE dimension = 'onlyDecided') AS decided
    FROM books
    WHERE dimension IN ('onlyStored', 'onlyDecided')
    GROUP BY key
), counted AS (
    SELECT coalesce(sum(transactions) FILTER (WHERE dimension = 'stored'), 0) AS stored,
        coalesce(sum(transactions) FILTER (WHERE dimension = 'total'), 0) AS decided
    FROM books
), open AS (
    SELECT count(*) FILTER (WHERE decided = 0) AS undecided, count(*) FILTER (WHERE stored = 0) AS unstored FROM alone
), kept AS (
    SELECT count(*) AS decisionRows
    FROM decisions
    WHERE "date" = cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar)
)
SELECT counted.stored, counted.decided, decisionRows, undecided, unstored
FROM counted CROSS JOIN open CROSS JOIN kept
