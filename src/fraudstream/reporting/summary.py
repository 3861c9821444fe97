"""From the tables of a day's log to the figures of its report."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import msgspec

from fraudstream.reporting.figures import (
    REPORT_SCHEMA_VERSION,
    Counts,
    CurrencyFigures,
    DailyReport,
    EntityFigures,
    HourFigures,
    LabelFigures,
    Percentiles,
    Reconciliation,
    Revision,
    RuleFigures,
    TableCheck,
    Undecided,
    Value,
)
from fraudstream.reporting.merge import FINGERPRINT
from fraudstream.reporting.tallies import ENTITIES

if TYPE_CHECKING:
    import duckdb

TOP_ENTITIES = 5
"""Entities of each kind that the report names."""
SCORE_BINS = 10

_STOPPED = "decision IN ('REVIEW', 'DECLINE')"
_COUNTS = ", ".join(
    f"coalesce(sum(transactions) FILTER (decision = '{decision}'), 0)::BIGINT"
    for decision in ("APPROVE", "REVIEW", "DECLINE")
)

_CURRENCIES = f"""
    WITH fraud AS (
        SELECT currency, sum(amountMinor) AS value, sum(amountMinor) FILTER ({_STOPPED}) AS caught
        FROM truths WHERE dimension = 'total' AND label = 'FRAUD' GROUP BY currency
    )
    SELECT currency, sum(transactions), sum(amountMinor),
        coalesce(sum(amountMinor) FILTER (decision = 'REVIEW'), 0),
        coalesce(sum(amountMinor) FILTER (decision = 'DECLINE'), 0),
        coalesce(any_value(fraud.value), 0), coalesce(any_value(fraud.caught), 0)
    FROM tallies LEFT JOIN fraud USING (currency) WHERE dimension = 'total'
    GROUP BY currency ORDER BY 2 DESC, currency
"""

_RULES = """
    WITH hits AS (
        SELECT key AS source, min(other) AS code, sum(transactions) AS hits,
            sum(transactions) FILTER (decision = 'REVIEW') AS reviewed,
            sum(transactions) FILTER (decision = 'DECLINE') AS declined
        FROM tallies WHERE dimension = 'rule' GROUP BY key
    ), alone AS (
        SELECT key AS source, sum(transactions) AS unique_hits FROM tallies WHERE dimension = 'ruleAlone' GROUP BY key
    ), known AS (
        SELECT key AS source, sum(transactions) FILTER (label = 'FRAUD') AS fraud,
            sum(transactions) FILTER (label = 'LEGITIMATE') AS legitimate
        FROM truths WHERE dimension = 'rule' GROUP BY key
    ), blind AS (
        SELECT key AS source, sum(transactions) AS unevaluable
        FROM tallies WHERE dimension = 'unevaluable' GROUP BY key
    )
    SELECT source, coalesce(code, ''), coalesce(hits, 0), coalesce(unique_hits, 0), coalesce(reviewed, 0),
        coalesce(declined, 0), coalesce(fraud, 0), coalesce(legitimate, 0), coalesce(unevaluable, 0)
    FROM hits FULL JOIN blind USING (source) LEFT JOIN alone USING (source) LEFT JOIN known USING (source)
    ORDER BY 3 DESC, source
"""

_RULE_VALUES = """
    SELECT key, currency, sum(amountMinor) FROM tallies WHERE dimension = 'rule'
    GROUP BY key, currency ORDER BY key, sum(transactions) DESC, currency
"""

_TOP_ENTITIES = """
    SELECT key, coalesce(sum(transactions) FILTER (decision = 'REVIEW'), 0) AS reviewed,
        coalesce(sum(transactions) FILTER (decision = 'DECLINE'), 0) AS declined
    FROM tallies WHERE dimension = $kind GROUP BY key
    ORDER BY reviewed + declined DESC, declined DESC, key LIMIT $most
"""

_LABELS = f"""
    SELECT coalesce(sum(transactions), 0), coalesce(sum(transactions) FILTER (label = 'FRAUD'), 0),
        coalesce(sum(transactions) FILTER (label = 'FRAUD' AND {_STOPPED}), 0),
        coalesce(sum(transactions) FILTER (label = 'LEGITIMATE' AND {_STOPPED}), 0)
    FROM truths WHERE dimension = 'total'
"""

_ONLY = "SELECT DISTINCT key FROM tallies WHERE dimension = '{}'"
_UNDECIDED = f"""
    SELECT key, min(largest) FROM tallies WHERE dimension = 'onlyStored'
    AND key NOT IN ({_ONLY.format("onlyDecided")}) GROUP BY key ORDER BY 2, 1
"""
_UNSTORED = f"""
    SELECT count(*) FROM ({_ONLY.format("onlyDecided")}) WHERE key NOT IN ({_ONLY.format("onlyStored")})
"""
# A label of what the log tells nothing else of.
_ONLY_LABELLED = f"""
    SELECT count(DISTINCT transactionId) FROM labels ANTI JOIN ids ON {FINGERPRINT} = fingerprint
"""


def summarize(
    connection: "duckdb.DuckDBPyConnection", day: date, table: TableCheck, *, as_of: int | None
) -> DailyReport:
    """Give the figures of a day, as its first revision.

    Args:
        connection: the day's log, from `day.open_day`.
        day: the day, UTC.
        table: what an independent look at the table found.
        as_of: when the newest record of the log was logged, epoch milliseconds.
    """
    ask = _Asker(connection)
    report = DailyReport(
        schema_version=REPORT_SCHEMA_VERSION,
        date=day.isoformat(),
        as_of=as_of,
        revision=Revision(number=1, content=""),
        decisions=_counts(ask.row(f"SELECT {_COUNTS} FROM tallies WHERE dimension = 'total'")),
        currencies=tuple(CurrencyFigures(**_named(CurrencyFigures, row)) for row in ask.rows(_CURRENCIES)),
        rules=_rules(ask),
        shadow_rules=ask.tally("shadow"),
        hours=_hours(ask),
        scores=_scores(ask),
        entities=tuple(entity for kind in ENTITIES for entity in _top_entities(ask, kind)),
        latency=_latency(ask),
        labels=LabelFigures(**_named(LabelFigures, ask.row(_LABELS))),
        rulesets=ask.tally("version"),
        reconciliation=_reconciliation(ask, table),
    )
    return msgspec.structs.replace(report, revision=Revision(number=1, content=_content(report)))


def look_up(sampled: Iterable[str], log: "duckdb.DuckDBPyConnection") -> TableCheck:
    """Look transactions of the table up in the day's log.

    Args:
        sampled: ids from the table.
        log: the day's log, from `day.open_day`.
    """
    ids = sorted(sampled)
    missing = log.execute(
        "SELECT transactionId FROM (SELECT unnest($ids::VARCHAR[]) AS transactionId) "
        f"ANTI JOIN ids ON {FINGERPRINT} = fingerprint ORDER BY 1",
        {"ids": ids},
    ).fetchall()
    return TableCheck(sampled=len(ids), missing=tuple(row[0] for row in missing))


class _Asker:
    """Asks a connection and gives plain rows; sums come as whole numbers."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._connection = connection

    def rows(self, query: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        found = self._connection.execute(query, parameters or {}).fetchall()
        return [tuple(value if isinstance(value, str | None) else int(value) for value in row) for row in found]

    def row(self, query: str) -> tuple[Any, ...]:
        return self.rows(query)[0]

    def tally(self, dimension: str) -> tuple[tuple[str, int], ...]:
        """Give the decided transactions by the keys of a dimension, the most frequent first."""
        query = (
            "SELECT key, sum(transactions) FROM tallies WHERE dimension = $dimension GROUP BY key ORDER BY 2 DESC, 1"
        )
        return tuple((key, count) for key, count in self.rows(query, {"dimension": dimension}))


def _named(struct: type[msgspec.Struct], row: tuple[Any, ...]) -> dict[str, Any]:
    """Give a row's values by the struct's fields, in their order; the last fields may be none of the row's business."""
    return dict(zip(struct.__struct_fields__, row, strict=False))


def _counts(row: tuple[Any, ...]) -> Counts:
    return Counts(**_named(Counts, row))


def _rules(ask: _Asker) -> tuple[RuleFigures, ...]:
    values: dict[str, list[Value]] = {}
    for source, currency, value in ask.rows(_RULE_VALUES):
        values.setdefault(source, []).append(Value(currency=currency, value=value))
    return tuple(
        RuleFigures(**_named(RuleFigures, row), values=tuple(values.get(row[0], ()))) for row in ask.rows(_RULES)
    )


def _hours(ask: _Asker) -> tuple[HourFigures, ...]:
    rows = ask.rows(f"SELECT key, {_COUNTS} FROM tallies WHERE dimension = 'hour' GROUP BY key")
    found = {int(row[0]): _counts(row[1:]) for row in rows}
    return tuple(HourFigures(hour=hour, decisions=found.get(hour, Counts())) for hour in range(24))


def _scores(ask: _Asker) -> tuple[int, ...]:
    bins = [0] * SCORE_BINS
    for score, count in ask.tally("score"):
        bins[min(int(score) // 10, SCORE_BINS - 1)] += count
    return tuple(bins)


def _top_entities(ask: _Asker, kind: str) -> list[EntityFigures]:
    rows = ask.rows(_TOP_ENTITIES, {"kind": kind, "most": TOP_ENTITIES})
    return [
        EntityFigures(kind=kind, token=token, reviewed=reviewed, declined=declined)
        for token, reviewed, declined in rows
    ]


def _latency(ask: _Asker) -> Percentiles | None:
    rows = ask.rows(
        "SELECT max(largest) AS longest, sum(transactions) FROM tallies WHERE dimension = 'latency' "
        "GROUP BY key ORDER BY longest"
    )
    if not rows:
        return None
    longest = [row[0] for row in rows]
    within = list(accumulate(row[1] for row in rows))

    def at(percent: int) -> int:
        return next(each for each, count in zip(longest, within, strict=True) if 100 * count >= percent * within[-1])

    return Percentiles(p50=at(50), p90=at(90), p99=at(99), maximum=longest[-1])


def _reconciliation(ask: _Asker, table: TableCheck) -> Reconciliation:
    (stored,) = ask.row("SELECT coalesce(sum(transactions), 0) FROM tallies WHERE dimension = 'stored'")
    (decided,) = ask.row("SELECT coalesce(sum(transactions), 0) FROM tallies WHERE dimension = 'total'")
    (unstored,), (only_labelled,) = ask.row(_UNSTORED), ask.row(_ONLY_LABELLED)
    return Reconciliation(
        stored=stored,
        decided=decided,
        logged=stored + unstored + only_labelled,
        undecided=tuple(
            Undecided(transaction_id=transaction_id, received_at=received_at)
            for transaction_id, received_at in ask.rows(_UNDECIDED)
        ),
        table=table,
    )


def _content(report: DailyReport) -> str:
    # What the sample finds missing is said of the day; how much it looked at is chance.
    table = msgspec.structs.replace(report.reconciliation.table, sampled=0)
    books = msgspec.structs.replace(report.reconciliation, table=table)
    said = msgspec.structs.replace(report, as_of=None, revision=Revision(number=0, content=""), reconciliation=books)
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:12]
