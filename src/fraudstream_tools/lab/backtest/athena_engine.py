"""A backtest by Athena: the tally of the log's days in the bucket, by the statements that DuckDB is asked too."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.reporting.log.reader.decision_log import NEWEST_LABEL
from fraudstream.reporting.log.reader.standing import LabelHorizon
from fraudstream.transactions.values.times import CLOCK_TOLERANCE
from fraudstream_tools.analytics.answers import LogAnswer, QuestionError
from fraudstream_tools.analytics.athena import MOST_STATEMENT_BYTES, Athena
from fraudstream_tools.lab.backtest.duckdb_engine import VerdictTable
from fraudstream_tools.lab.backtest.exploration import exploration_query, read_exploration
from fraudstream_tools.lab.backtest.queries import BacktestQuery, backtest_query, standing_of
from fraudstream_tools.lab.backtest.run import BacktestTally, Sum, VerdictChange

_LATEST: Final = "max(CASE WHEN timestamp > loggedAt THEN timestamp ELSE loggedAt END)"
_FOR_CHANGES: Final = MOST_STATEMENT_BYTES // 4
"""Bytes of a statement in which changed transactions are chosen, beside the rules."""


@dataclass(frozen=True, kw_only=True)
class AthenaBacktest:
    """A backtest of what was received on some days, as statements."""

    days: tuple[date, date]
    """The first and the last one."""
    rulesets: Sequence[Ruleset]
    """One, or two."""
    label_delay_days: float

    def summary(self) -> str:
        """Return the query of how many decisions and labels there are, and up to when."""
        return (
            f"SELECT count(*), count(featureSchema), {_LATEST}, CAST(NULL AS BIGINT), count(explorationPropensity) "
            f"FROM decisions WHERE {self._chosen} "
            f"UNION ALL SELECT NULL, NULL, {_LATEST}, count(label), NULL FROM labels WHERE {self._chosen}"
        )

    def query(self, latest: int, *, is_labelled: bool) -> BacktestQuery:
        """Return the query of the backtest.

        Args:
            latest: time of the newest record, epoch milliseconds.
            is_labelled: whether anybody ever labels.
        """
        standing = standing_of(self._horizon(latest), is_labelled=is_labelled)
        rows = f"(SELECT *, {standing} AS standing FROM {self._rows} AS read) AS decided"
        return backtest_query(rows, self.rulesets)

    def explored(self, latest: int) -> str:
        """Return the query of what was put into the review queue by chance.

        Args:
            latest: time of the newest record, epoch milliseconds.
        """
        return exploration_query(f"{self._rows} AS read", self._horizon(latest))

    def _horizon(self, latest: int) -> LabelHorizon:
        return LabelHorizon(until=latest, delay_days=self.label_delay_days)

    @property
    def _rows(self) -> str:
        newest = (
            f"SELECT transactionId AS labelledId, label, row_number() OVER (PARTITION BY transactionId "
            f"ORDER BY {NEWEST_LABEL}, labelSource) AS place FROM labels "
            f"WHERE {self._chosen} AND labeledAt >= timestamp - {CLOCK_TOLERANCE}"
        )
        return (
            f"(SELECT * FROM decisions LEFT JOIN ({newest}) AS newest ON labelledId = transactionId AND place = 1 "
            f"WHERE {self._chosen} AND featureSchema IS NOT NULL)"
        )

    @property
    def _chosen(self) -> str:
        first, last = self.days
        return f"\"date\" BETWEEN '{first}' AND '{last}'"


@dataclass(frozen=True, kw_only=True)
class AthenaTally:
    """What came of a backtest by Athena."""

    tally: BacktestTally
    answers: Sequence[LogAnswer]
    """Without their rows: the ids by which the results are kept, and the bytes that were read."""


def tally(athena: Athena, backtest: AthenaBacktest, *, with_changes: bool) -> AthenaTally:
    """Judge the decisions of some days.

    Args:
        athena: the workgroup.
        backtest: what is judged, by what.
        with_changes: list the transactions that two rulesets decide differently.

    Raises:
        QuestionError: there is no decision of these days, or Athena did not answer.
    """
    summary = athena.ask(backtest.summary())
    (decisions, readable, latest, _, drawn), (_, _, latest_label, labels, _) = sorted(
        summary.rows, key=lambda row: row[0] is None
    )
    if not decisions:
        raise QuestionError(f"no decision from {backtest.days[0]} to {backtest.days[1]} is in Athena's tables")
    latest = max(latest, latest_label or 0)
    query = backtest.query(latest, is_labelled=bool(labels))
    verdicts = VerdictTable(query, backtest.rulesets)
    counted = athena.ask(query.counts())
    whole = BacktestTally(other_features=decisions - readable)
    changed: list[Sequence[Any]] = []
    for *keys, number, amount, unvalued, first, last in counted.rows:
        key, decided = verdicts.outcomes(keys)
        whole.add(BacktestTally({key: Sum(number, int(amount), unvalued)}, first=first, last=last))
        if decided[0][0] is not decided[-1][0]:
            changed.append(keys)
    answers = [summary, counted]
    if drawn and labels:
        explored = athena.ask(backtest.explored(latest))
        answers.append(explored)
        whole.exploration = read_exploration(explored.rows[0])
    if with_changes:
        for statement in change_statements(query, changed):
            listed = athena.ask(statement)
            answers.append(listed)
            for name, timestamp, amount, *keys in listed.rows:
                (known, _), decided = verdicts.outcomes(keys)
                said, scores = zip(*decided, strict=True)
                whole.changes.append(VerdictChange(name, timestamp, known.standing, int(amount), said, scores))
        whole.changes.sort(key=lambda each: (each.timestamp, each.transaction_id))
    return AthenaTally(tally=whole, answers=answers)


def change_statements(query: BacktestQuery, changed: Sequence[Sequence[Any]]) -> Iterator[str]:
    """Return the queries that list the transactions with some keys, as many as their length asks for.

    Args:
        query: of the backtest.
        changed: values of the keys of `query`.
    """
    names = [f"key{place}" for place in range(len(query.keys))]
    listed = f"({query.listing()}) AS listed (transactionId, timestamp, amount, {', '.join(names)})"
    chosen: list[str] = []
    for keys in changed:
        is_one = " AND ".join(f"{name} = {value:d}" for name, value in zip(names, keys, strict=True))
        if sum(map(len, chosen)) + 6 * len(chosen) + len(is_one) > _FOR_CHANGES:
            yield f"SELECT * FROM {listed} WHERE {' OR '.join(chosen)}"
            chosen = []
        chosen.append(f"({is_one})")
    if chosen:
        yield f"SELECT * FROM {listed} WHERE {' OR '.join(chosen)}"
