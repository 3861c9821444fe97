"""The report's tables as CSV."""

import csv
import io
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from fraudstream.reporting.daily.schema.report import DailyReport
from fraudstream.reporting.render.words import CHANGED, COMPARED, METERS, merchant_category, verdict_of
from fraudstream.transactions.values.money import to_major


def to_csv(report: DailyReport) -> bytes:
    """Return the report's tables as one CSV with the columns `table`, `row`, `measure` and `value`.

    Values in money are in major units, with as many decimals as their currency has.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("table", "row", "measure", "value"))
    writer.writerows(_lines(report))
    return text.getvalue().encode()


Line = tuple[str, str, str, Any]


def _lines(report: DailyReport) -> Iterator[Line]:
    yield from _measures("decisions", report.date, report.decisions)
    yield from _money_lines(report)
    for hour in report.hours:
        yield from _measures("hours", f"{hour.hour:02}", hour.decisions)
    for index, count in enumerate(report.scores):
        yield "scores", f"from {10 * index}", "count", count
    for index, count in enumerate(report.model.shadow_scores):
        yield "shadow scores", f"from {10 * index}", "count", count
    for each in report.model.calibration:
        yield from _measures("calibration", f"from {each.from_score}", each.fraud)
    yield "probability", report.date, "decisions", report.model.probability_decisions
    yield "probability", report.date, "expected frauds", report.model.expected_frauds
    yield from _cut_lines(report)
    for name, durations in (("latency", report.latency), ("lag", report.lag)):
        if durations:
            yield from _measures(f"{name} in milliseconds", report.date, durations)
    yield from _measures("labels", report.date, report.labels, without={"sources"})
    for source, count in report.labels.sources:
        yield "label sources", source, "labels", count
    for version, count in report.rulesets:
        yield "rulesets", version, "decisions", count
    yield from _inline_lines(report)
    yield from _people_lines(report)
    yield from _reconciliation_lines(report)
    yield from _revision_lines(report)
    yield from _fraud_lines(report)
    yield from _worklist_lines(report)
    yield from _past_lines(report)


def _cut_lines(report: DailyReport) -> Iterator[Line]:
    for cut in report.cuts:
        name = merchant_category(cut.key) if cut.dimension == "merchantCategoryCode" else cut.other
        row = f"{cut.key} {name}".strip()
        yield from _measures(cut.dimension, row, cut, without={"dimension", "key", "other"})
    for entity in report.entities:
        row = f"{entity.kind} {entity.token}"
        yield from _measures("entities", row, entity, without={"kind", "token"})
        yield "entities", row, "new", int(entity.token in report.past.new_entities)
    for burst in report.bursts:
        row = f"{burst.source} {burst.start // 60:02}:{burst.start % 60:02}"
        yield from _measures("bursts", row, burst, without={"source"})


def _total_lines(report: DailyReport) -> Iterator[Line]:
    if report.total:
        for _, row, measure, value in _measures(
            "total", report.total.currency, report.total, without={"currency", "withoutRate"}
        ):
            yield "total", row, measure, to_major(value, report.total.currency)
        for currency in report.total.without_rate:
            yield "total", report.total.currency, "withoutRate", currency


def _fraud_lines(report: DailyReport) -> Iterator[Line]:
    for each in report.frauds:
        row = f"{each.kind or 'no kind named'} {each.action or 'nothing told'} {each.currency}"
        yield from _measures("frauds", row, each, without={"kind", "action", "currency", "value", "flaggedValue"})
        yield "frauds", row, "value", to_major(each.value, each.currency)
        yield "frauds", row, "flaggedValue", to_major(each.flagged_value, each.currency)


def _worklist_lines(report: DailyReport) -> Iterator[Line]:
    listed = {
        "missed frauds": report.missed,
        "open alerts": report.open_alerts,
        "open alerts of the days before": report.past.open_alerts,
        "open alerts of the highest expected loss": report.costliest_alerts,
        "open alerts of the highest expected loss of the days before": report.past.costliest_alerts,
    }
    for table, rows in listed.items():
        for each in rows:
            row = each.transaction_id
            yield table, row, f"value {each.currency}", to_major(each.value, each.currency)
            yield from _measures(table, row, each, without={"transactionId", "currency", "value", "baseValue"})


def _past_lines(report: DailyReport) -> Iterator[Line]:
    for each in report.past.comparisons:
        figure = COMPARED[each.figure]
        row = figure if each.currency is None else f"{figure} in minor units of {each.currency}"
        yield from _measures("comparisons", row, each, without={"figure", "kind", "currency"})
    for meter in report.past.meters:
        name = METERS[meter.name].name
        row = name if meter.currency is None else f"{name} {meter.currency}"
        yield "meters", row, "ratio", "not measurable" if meter.ratio is None else f"{meter.ratio:.9f}"
        yield "meters", row, "verdict", verdict_of(meter)
    for each in report.past.exemptions:
        used = each.used
        row = f"{used.kind} {used.exemption} {used.band} {used.currency}"
        yield from _measures("exemptions", row, used, without={"kind", "exemption", "band", "currency"})
        yield from _measures("exemptions", row, each, without={"used"})
    for rule in report.past.silent_rules:
        yield "silent rules", rule.source, "lastHit", rule.last_hit


def _money_lines(report: DailyReport) -> Iterator[Line]:
    for money in report.currencies:
        yield "currencies", money.currency, "count", money.count
        for _, row, measure, value in _measures("currencies", money.currency, money, without={"currency", "count"}):
            yield "currencies", row, measure, to_major(value, money.currency)
    yield from _total_lines(report)
    for rule in report.rules:
        yield from _measures("rules", rule.source, rule, without={"source", "values"})
        for each in rule.values:
            yield "rules", rule.source, f"value {each.currency}", to_major(each.value, each.currency)
    for rule in report.shadow_rules:
        yield from _measures("shadow rules", rule.source, rule, without={"source"})
    for each in report.other_reasons:
        yield "other reasons", f"{each.source} {each.code}", "decisions", each.decisions
    for pair in report.overlaps:
        yield "overlaps", f"{pair.first} and {pair.second}", "transactions", pair.transactions


def _people_lines(report: DailyReport) -> Iterator[Line]:
    if report.people is None:
        return
    yield "people", report.date, "people", report.people.people
    yield "people", report.date, "unread records", report.people.unread
    for each in report.people.actions:
        yield "actions", each.action, "done", each.done
        yield "actions", each.action, "refused", each.refused
    for change in report.people.ruleset_changes:
        yield "ruleset changes", f"{change.file} {change.version or 'incomplete'}", "recorded", int(change.recorded)
    if report.people.labels is not None:
        yield from _measures("label writes", report.date, report.people.labels, without={"examples"})
    if report.people.lists is not None:
        yield from _measures("list writes", report.date, report.people.lists, without={"examples"})


def _inline_lines(report: DailyReport) -> Iterator[Line]:
    yield from _measures("inline decisions", report.date, report.inline, without={"fallbacks", "agreement"})
    for why, count in report.inline.fallbacks:
        yield "inline fallbacks", why, "transactions", count
    for each in report.inline.agreement:
        yield from _measures("inline agreement", f"answered {each.answered}", each.final)


def _reconciliation_lines(report: DailyReport) -> Iterator[Line]:
    reconciliation = report.reconciliation
    yield from _measures(
        "reconciliation", report.date, reconciliation, without={"undecided", "table", "unreadProfiles", "unlearned"}
    )
    yield "reconciliation", report.date, "sampledInTable", reconciliation.table.sampled
    for each in reconciliation.undecided:
        age = max(0, (report.as_of or each.received_at) - each.received_at)
        yield "undecided", each.transaction_id, "ageSeconds", age // 1000
    for each in reconciliation.unread_profiles:
        yield "unread profiles", each.profile, each.code, each.decisions
    for each in reconciliation.unlearned:
        yield "label not learnt", each.transaction_id, "labeledAt", each.labeled_at
    for transaction_id in reconciliation.table.missing:
        yield "missing from log", transaction_id, "inTable", 1


def _revision_lines(report: DailyReport) -> Iterator[Line]:
    yield "revision", report.date, "number", report.revision.number
    for change in report.revision.changes:
        figure = CHANGED[change.figure]
        row = figure if change.currency is None else f"{figure} {change.currency}"
        for measure, value in (("before", change.before), ("after", change.after)):
            yield "changes", row, measure, value if change.currency is None else to_major(value, change.currency)


def _measures(table: str, row: str, part: msgspec.Struct, *, without: set[str] | None = None) -> Iterator[Line]:
    values: dict[str, Any] = msgspec.to_builtins(part)
    for measure, value in values.items():
        if measure in (without or ()) or value is None:
            continue
        if isinstance(value, dict):
            for name, inner in cast("dict[str, Any]", value).items():
                yield table, row, f"{measure}.{name}", inner
        else:
            yield table, row, measure, int(value) if isinstance(value, bool) else value
