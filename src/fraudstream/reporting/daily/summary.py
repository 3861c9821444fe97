"""From the tables of a day's log to the figures of its report."""

import hashlib
from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING

import msgspec

from fraudstream.contract import DECISION_DEADLINE_SECONDS
from fraudstream.reporting.daily.figures import breakdowns, worklists
from fraudstream.reporting.daily.figures import rules as rule_figures
from fraudstream.reporting.daily.figures.base_currency import total_of
from fraudstream.reporting.daily.figures.exemptions import exemptions
from fraudstream.reporting.daily.figures.inline_decisions import inline_figures
from fraudstream.reporting.daily.queries import COUNTS, DayQueries, binned, counts, named, percentiles
from fraudstream.reporting.daily.schema.findings import LabelFigures, LogHours
from fraudstream.reporting.daily.schema.parts import Counts
from fraudstream.reporting.daily.schema.report import (
    REPORT_SCHEMA_VERSION,
    CurrencyFigures,
    DailyReport,
    HourFigures,
    Reconciliation,
    Revision,
    TableCheck,
    Undecided,
    UnlearnedLabel,
)
from fraudstream.reporting.daily.schema.trends import Past
from fraudstream.reporting.log.aggregates import STOPPED
from fraudstream.reporting.log.hours.merging import FINGERPRINT
from fraudstream.reporting.log.keys import HOUR_FORMAT, midnight, milliseconds
from fraudstream.reporting.log.reader.given_up import UNLEARNED
from fraudstream.reporting.log.verification.against_chain import Finding

if TYPE_CHECKING:
    import duckdb

    from fraudstream.detection.rules.rates import Rates

_CURRENCIES = f"""
    WITH known AS (
        SELECT currency, sum(amountMinor) FILTER (label = 'FRAUD') AS fraud,
            sum(amountMinor) FILTER (label = 'FRAUD' AND {STOPPED}) AS caught,
            sum(amountMinor) FILTER ({STOPPED}) AS stopped
        FROM truths WHERE dimension = 'total' GROUP BY currency
    )
    SELECT currency, sum(transactions), sum(amountMinor),
        coalesce(sum(amountMinor) FILTER (decision = 'REVIEW'), 0),
        coalesce(sum(amountMinor) FILTER (decision = 'DECLINE'), 0),
        coalesce(any_value(known.fraud), 0), coalesce(any_value(known.caught), 0),
        coalesce(sum(amountMinor) FILTER ({STOPPED}), 0) - coalesce(any_value(known.stopped), 0)
    FROM tallies LEFT JOIN known USING (currency) WHERE dimension = 'total'
    GROUP BY currency ORDER BY 2 DESC, currency
"""

_LABELS = f"""
    SELECT coalesce(sum(transactions), 0), coalesce(sum(transactions) FILTER (label = 'FRAUD'), 0),
        coalesce(sum(transactions) FILTER (label = 'FRAUD' AND {STOPPED}), 0),
        coalesce(sum(transactions) FILTER (label = 'LEGITIMATE' AND {STOPPED}), 0)
    FROM truths WHERE dimension = 'total'
"""

_UNTIL_LABEL = """
    SELECT greatest(0, labeledAt - {start}) AS took, count(*) FROM labelled WHERE {which} GROUP BY took ORDER BY took
"""
_LABEL_SOURCES = "SELECT labelSource, count(*) FROM labelled GROUP BY labelSource ORDER BY 2 DESC, 1"
_DURATIONS = """
    SELECT max(largest) AS longest, sum(transactions) FROM tallies WHERE dimension = $dimension
    GROUP BY key ORDER BY longest
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
    connection: "duckdb.DuckDBPyConnection",
    day: date,
    table: TableCheck,
    *,
    as_of: int | None,
    hours: Iterable[str],
    rates: "Rates | None",
) -> DailyReport:
    """Return the figures of a day, as its first revision, beside no other day.

    Args:
        connection: the day's log, from `day_tables.open_day`.
        day: the day, UTC.
        table: what an independent look at the table found.
        as_of: when the newest record of the log was logged, epoch milliseconds.
        hours: those of the log that tell of the day, such as `2026-11-22T14`.
        rates: exchange rates to the base currency, if any are known.
    """
    at = milliseconds(midnight(day))
    queries = DayQueries(connection)
    currencies = tuple(CurrencyFigures(**named(CurrencyFigures, row)) for row in queries.rows(_CURRENCIES))
    rules = rule_figures.rules(queries)
    report = DailyReport(
        schema_version=REPORT_SCHEMA_VERSION,
        date=day.isoformat(),
        as_of=as_of,
        revision=Revision(number=1, content=""),
        decisions=counts(queries.row(f"SELECT {COUNTS} FROM tallies WHERE dimension = 'total'")),
        currencies=currencies,
        rules=rules,
        shadow_rules=rule_figures.shadow_rules(queries),
        overlaps=rule_figures.overlaps(queries, rules),
        hours=_hours(queries),
        scores=binned(queries.tally("score")),
        model=rule_figures.model(queries),
        cuts=breakdowns.cuts(queries, currencies[0].currency if currencies else None),
        entities=breakdowns.top_entities(queries),
        bursts=breakdowns.bursts(queries),
        payments=breakdowns.payments(queries),
        latency=percentiles(queries.rows(_DURATIONS, {"dimension": "latency"})),
        lag=percentiles(queries.rows(_DURATIONS, {"dimension": "lag"})),
        labels=_labels(queries),
        rulesets=queries.tally("version"),
        inline=inline_figures(queries),
        exemptions=exemptions(queries),
        reconciliation=_reconciliation(queries, table, as_of),
        log_hours=_log_hours(day, hours),
        total=total_of(currencies, rates, at),
        other_reasons=rule_figures.other_reasons(queries),
        frauds=breakdowns.frauds(queries),
        missed=worklists.largest_missed(queries, rates, at),
        open_alerts=worklists.oldest_open(queries),
        costliest_alerts=worklists.costliest_open(queries, rates, at),
        past=Past(),
    )
    return msgspec.structs.replace(report, revision=Revision(number=1, content=_content(report)))


def with_log_state(
    report: DailyReport, *, damaged: tuple[str, ...], changed: tuple[Finding, ...], erased: tuple[str, ...]
) -> DailyReport:
    """Return a report that names what of the log cannot be read, and what is not what was written."""
    hours = msgspec.structs.replace(report.log_hours, damaged=damaged, changed=changed, erased=erased)
    named = msgspec.structs.replace(report, log_hours=hours)
    return msgspec.structs.replace(named, revision=Revision(number=1, content=_content(named)))


def look_up(sampled: Iterable[str], log: "duckdb.DuckDBPyConnection", orphaned_claims: tuple[str, ...]) -> TableCheck:
    """Look transactions of the table up in the day's log.

    Args:
        sampled: ids from the table.
        log: the day's log, from `day_tables.open_day`.
        orphaned_claims: ids of claims in the table without a transaction.
    """
    ids = sorted(sampled)
    missing = log.execute(
        "SELECT transactionId FROM (SELECT unnest($ids::VARCHAR[]) AS transactionId) "
        f"ANTI JOIN ids ON {FINGERPRINT} = fingerprint ORDER BY 1",
        {"ids": ids},
    ).fetchall()
    return TableCheck(sampled=len(ids), missing=tuple(row[0] for row in missing), orphaned_claims=orphaned_claims)


def _hours(queries: DayQueries) -> tuple[HourFigures, ...]:
    rows = queries.rows(f"SELECT key, {COUNTS} FROM tallies WHERE dimension = 'hour' GROUP BY key")
    by_hour = {int(row[0]): counts(row[1:]) for row in rows}
    return tuple(HourFigures(hour=hour, decisions=by_hour.get(hour, Counts())) for hour in range(24))


def _labels(queries: DayQueries) -> LabelFigures:
    return LabelFigures(
        **named(LabelFigures, queries.row(_LABELS)),
        delay=percentiles(queries.rows(_UNTIL_LABEL.format(start="receivedAt", which="true"))),
        time_to_label=percentiles(queries.rows(_UNTIL_LABEL.format(start="decidedAt", which=STOPPED))),
        sources=tuple((source, count) for source, count in queries.rows(_LABEL_SOURCES)),
    )


def _log_hours(day: date, hours: Iterable[str]) -> LogHours:
    known = sorted(set(hours))
    start = midnight(day)
    own = [f"{start + timedelta(hours=hour):{HOUR_FORMAT}}" for hour in range(24)]
    late = f"{start + timedelta(hours=25):{HOUR_FORMAT}}"
    return LogHours(
        hours=len(known),
        empty=tuple(hour for hour in own if hour not in known),
        late=tuple(hour for hour in known if hour >= late),
    )


def _reconciliation(queries: DayQueries, table: TableCheck, as_of: int | None) -> Reconciliation:
    (stored,) = queries.row("SELECT coalesce(sum(transactions), 0) FROM tallies WHERE dimension = 'stored'")
    (decided,) = queries.row("SELECT coalesce(sum(transactions), 0) FROM tallies WHERE dimension = 'total'")
    (unstored,), (only_labelled,) = queries.row(_UNSTORED), queries.row(_ONLY_LABELLED)
    return Reconciliation(
        stored=stored,
        decided=decided,
        logged=stored + unstored + only_labelled,
        undecided=tuple(
            Undecided(transaction_id=transaction_id, received_at=received_at)
            for transaction_id, received_at in queries.rows(_UNDECIDED)
        ),
        table=table,
        unread_profiles=rule_figures.unread_profiles(queries),
        unlearned=tuple(
            UnlearnedLabel(transaction_id=transaction_id, labeled_at=labeled_at)
            for transaction_id, labeled_at in queries.rows(
                UNLEARNED, {"until": (as_of or 0) - 1000 * DECISION_DEADLINE_SECONDS}
            )
        ),
    )


def _content(report: DailyReport) -> str:
    # What the sample finds missing is said of the day; how much it looked at is chance.
    table = msgspec.structs.replace(report.reconciliation.table, sampled=0)
    reconciliation = msgspec.structs.replace(report.reconciliation, table=table)
    unset = Revision(number=0, content="")
    # Nor is what the reports of other days say.
    said = msgspec.structs.replace(report, as_of=None, revision=unset, reconciliation=reconciliation, past=Past())
    plain = msgspec.to_builtins(said)
    # What people did is no part of what the log says.
    del plain["people"]
    del plain["costliestAlerts"]
    # A part that came later changes nothing of a day that has nothing of it.
    if not reconciliation.unread_profiles:
        del plain["reconciliation"]["unreadProfiles"]
    for part in ("frauds", "exemptions"):
        if not plain[part]:
            del plain[part]
    return hashlib.sha256(msgspec.json.encode(plain)).hexdigest()[:12]
