"""From the tables of a day's log to the figures of its report."""

import hashlib
from datetime import date
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
    RuleFigures,
    TableCheck,
    Undecided,
    Value,
)

if TYPE_CHECKING:
    import duckdb

TOP_ENTITIES = 5
"""Entities of each kind that the report names."""
ENTITY_COLUMNS = {
    "customer": "customerId",
    "card": "cardToken",
    "merchant": "merchantId",
    "device": "deviceId",
    "ip": "ipAddress",
}
SCORE_BINS = 10

_COUNTS = ", ".join(f"count(*) FILTER (decision = '{decision}')" for decision in ("APPROVE", "REVIEW", "DECLINE"))

_CURRENCIES = """
    SELECT currency, count(*), sum(amountMinor),
        coalesce(sum(amountMinor) FILTER (decision = 'REVIEW'), 0),
        coalesce(sum(amountMinor) FILTER (decision = 'DECLINE'), 0),
        coalesce(sum(amountMinor) FILTER (label = 'FRAUD'), 0),
        coalesce(sum(amountMinor) FILTER (label = 'FRAUD' AND stopped), 0)
    FROM judged GROUP BY currency ORDER BY count(*) DESC, currency
"""

_RULES = """
    WITH hits AS (
        SELECT unnest(sources) AS source, unnest(reasons) AS code, len(sources) = 1 AS alone, decision, label
        FROM judged
    ), blind AS (
        SELECT source, count(*) AS transactions
        FROM (SELECT unnest(unevaluableRules) AS source FROM judged) GROUP BY source
    ), counted AS (
        SELECT source, min(code) AS code, count(*) AS hits, count(*) FILTER (alone) AS unique_hits,
            count(*) FILTER (decision = 'REVIEW') AS reviewed, count(*) FILTER (decision = 'DECLINE') AS declined,
            count(*) FILTER (label = 'FRAUD') AS fraud, count(*) FILTER (label = 'LEGITIMATE') AS legitimate
        FROM hits GROUP BY source
    )
    SELECT source, coalesce(code, ''), coalesce(hits, 0), coalesce(unique_hits, 0), coalesce(reviewed, 0),
        coalesce(declined, 0), coalesce(fraud, 0), coalesce(legitimate, 0), coalesce(transactions, 0)
    FROM counted FULL JOIN blind USING (source) ORDER BY 3 DESC, source
"""


_RULE_VALUES = """
    SELECT source, currency, sum(amountMinor)
    FROM (SELECT unnest(sources) AS source, currency, amountMinor FROM judged)
    GROUP BY source, currency ORDER BY source, count(*) DESC, currency
"""


def summarize(connection: "duckdb.DuckDBPyConnection", day: date, table: TableCheck) -> DailyReport:
    """Give the figures of a day.

    Args:
        connection: the day's log, from `log_reader.open_log`.
        day: the day, UTC.
        table: what an independent look at the table found.
    """
    ask = _Asker(connection)
    as_of: int | None = ask.row("SELECT loggedAt FROM newest")[0]
    report = DailyReport(
        schema_version=REPORT_SCHEMA_VERSION,
        date=day.isoformat(),
        as_of=as_of,
        revision="",
        decisions=Counts(**_named(Counts, ask.row(f"SELECT {_COUNTS} FROM judged"))),  # noqa: S608  (a constant)
        currencies=tuple(CurrencyFigures(**_named(CurrencyFigures, row)) for row in ask.rows(_CURRENCIES)),
        rules=_rules(ask),
        shadow_rules=tuple(ask.tally("unnest(shadowHits)")),
        hours=_hours(ask),
        scores=_scores(ask),
        entities=tuple(entity for kind in ENTITY_COLUMNS for entity in _top_entities(ask, kind)),
        latency=_latency(ask),
        labels=_labels(ask),
        rulesets=tuple(ask.tally("rulesetVersion")),
        reconciliation=_reconciliation(ask, table),
    )
    return msgspec.structs.replace(report, revision=_revision(report))


class _Asker:
    """Asks a connection and gives plain rows."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._connection = connection

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query).fetchall()

    def row(self, query: str) -> tuple[Any, ...]:
        return self.rows(query)[0]

    def tally(self, expression: str) -> list[tuple[str, int]]:
        """Count decided transactions by an expression, the most frequent first."""
        query = f"SELECT value, count(*) FROM (SELECT {expression} AS value FROM judged) WHERE value IS NOT NULL"  # noqa: S608
        return [(value, count) for value, count in self.rows(f"{query} GROUP BY value ORDER BY 2 DESC, value")]


def _named(struct: type[msgspec.Struct], row: tuple[Any, ...]) -> dict[str, Any]:
    """Give a row's values by the struct's fields, in their order; the last fields may be none of the row's business."""
    return dict(zip(struct.__struct_fields__, row, strict=False))


def _rules(ask: _Asker) -> tuple[RuleFigures, ...]:
    values: dict[str, list[Value]] = {}
    for source, currency, value in ask.rows(_RULE_VALUES):
        values.setdefault(source, []).append(Value(currency=currency, value=value))
    return tuple(
        RuleFigures(**_named(RuleFigures, row), values=tuple(values.get(row[0], ()))) for row in ask.rows(_RULES)
    )


def _hours(ask: _Asker) -> tuple[HourFigures, ...]:
    rows = ask.rows(f"SELECT (receivedAt // 3600000) % 24, {_COUNTS} FROM judged GROUP BY 1")  # noqa: S608
    found = {row[0]: Counts(**_named(Counts, row[1:])) for row in rows}
    return tuple(HourFigures(hour=hour, decisions=found.get(hour, Counts())) for hour in range(24))


def _scores(ask: _Asker) -> tuple[int, ...]:
    rows = ask.rows(f"SELECT least(score // 10, {SCORE_BINS - 1}), count(*) FROM judged GROUP BY 1")  # noqa: S608
    found = dict(rows)
    return tuple(found.get(each, 0) for each in range(SCORE_BINS))


def _top_entities(ask: _Asker, kind: str) -> list[EntityFigures]:
    column = ENTITY_COLUMNS[kind]
    rows = ask.rows(
        f"SELECT {column}, count(*), count(*) FILTER (stopped) FROM judged WHERE {column} IS NOT NULL "  # noqa: S608
        f"GROUP BY 1 HAVING count(*) FILTER (stopped) > 0 ORDER BY 3 DESC, 2 DESC, 1 LIMIT {TOP_ENTITIES}"
    )
    return [EntityFigures(kind=kind, token=token, count=count, stopped=stopped) for token, count, stopped in rows]


def _latency(ask: _Asker) -> Percentiles | None:
    # Two machines' clocks may differ by more than a quick decision takes.
    milliseconds = "greatest(0, decidedAt - receivedAt)"
    row = ask.row(
        f"SELECT quantile_disc({milliseconds}, [0.5, 0.9, 0.99]), max({milliseconds}) FROM judged"  # noqa: S608
    )
    if row[1] is None:
        return None
    p50, p90, p99 = row[0]
    return Percentiles(p50=p50, p90=p90, p99=p99, maximum=row[1])


def _labels(ask: _Asker) -> LabelFigures:
    row = ask.row(
        "SELECT count(label), count(*) FILTER (label = 'FRAUD'), count(*) FILTER (label = 'FRAUD' AND stopped), "
        "count(*) FILTER (label = 'LEGITIMATE' AND stopped) FROM judged"
    )
    return LabelFigures(**_named(LabelFigures, row))


def _reconciliation(ask: _Asker, table: TableCheck) -> Reconciliation:
    undecided = ask.rows(
        "SELECT transactionId, receivedAt FROM stored ANTI JOIN decided USING (transactionId) ORDER BY 2, 1"
    )
    stored, decided, logged = ask.row(
        "SELECT (SELECT count(*) FROM stored), (SELECT count(*) FROM decided), "
        "(SELECT count(DISTINCT transactionId) FROM log)"
    )
    return Reconciliation(
        stored=stored,
        decided=decided,
        logged=logged,
        undecided=tuple(
            Undecided(transaction_id=transaction_id, received_at=received_at)
            for transaction_id, received_at in undecided
        ),
        table=table,
    )


def _revision(report: DailyReport) -> str:
    # What the sample finds missing is said of the day; how much it looked at is chance.
    table = msgspec.structs.replace(report.reconciliation.table, sampled=0)
    books = msgspec.structs.replace(report.reconciliation, table=table)
    said = msgspec.structs.replace(report, as_of=None, revision="", reconciliation=books)
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:12]
