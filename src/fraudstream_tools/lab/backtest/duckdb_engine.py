"""A backtest by DuckDB: the same tally as by Python, without a transaction ever becoming an object."""

from collections.abc import Sequence
from typing import Any

from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.detection.scoring import Score, decide_by_score
from fraudstream.reporting.log.reader.decision_log import DecisionLog
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream_tools.lab.backtest.exploration import exploration_of
from fraudstream_tools.lab.backtest.queries import BacktestQuery, backtest_query, standing_of
from fraudstream_tools.lab.backtest.run import BacktestTally, Key, Sum, Truths, VerdictChange


class VerdictTable:
    """What rulesets decide, by the truths of their rules and the scores by their models."""

    def __init__(self, query: BacktestQuery, rulesets: Sequence[Ruleset]) -> None:
        """Prepare for the rows of a query."""
        self._query = query
        self._rulesets = rulesets
        self._known: list[dict[tuple[Truths, Score | None], tuple[Verdict, int]]] = [{} for _ in rulesets]

    def outcomes(self, row: Sequence[Any]) -> tuple[Key, tuple[tuple[Verdict, int], ...]]:
        """Return the key that a row is counted by, and for each ruleset verdict and score."""
        known_as, said = self._query.read(row)
        decided: list[tuple[Verdict, int]] = []
        for position, (truths, score) in enumerate(said):
            known = self._known[position]
            if (truths, score) not in known:
                known[truths, score] = decide_by_score(self._rulesets[position], truths, score)
            decided.append(known[truths, score])
        key = (known_as, tuple((truths, verdict) for (truths, _), (verdict, _) in zip(said, decided, strict=True)))
        return key, tuple(decided)


def tally(log: DecisionLog, rulesets: Sequence[Ruleset], *, with_changes: bool) -> BacktestTally:
    """Judge all decisions of a log.

    Args:
        log: an open log.
        rulesets: one, or two.
        with_changes: list the transactions that two decide differently.

    Raises:
        DecisionLogError: the log cannot be read.
    """
    standing = standing_of(log.horizon, is_labelled=log.is_labelled)
    query = backtest_query(f"(SELECT *, {standing} AS standing FROM {log.decided_rows()}) AS decided", rulesets)
    verdicts = VerdictTable(query, rulesets)
    whole = BacktestTally(other_features=log.unreadable_features(), exploration=exploration_of(log))
    for *keys, number, amount, unvalued, first, last in log.ask(query.counts()):
        key, _ = verdicts.outcomes(keys)
        whole.add(BacktestTally({key: Sum(number, int(amount), unvalued)}, first=first, last=last))
    if with_changes and len(rulesets) > 1:
        whole.changes += _changes(log, query, verdicts)
    return whole


def _changes(log: DecisionLog, query: BacktestQuery, verdicts: VerdictTable) -> list[VerdictChange]:
    changes: list[VerdictChange] = []
    for name, timestamp, amount, *keys in log.ask(f"{query.listing()} ORDER BY timestamp, transactionId"):
        (known, _), decided = verdicts.outcomes(keys)
        if decided[0][0] is not decided[-1][0]:
            said, scores = zip(*decided, strict=True)
            changes.append(VerdictChange(name, timestamp, known.standing, amount, said, scores))
    return changes
