"""The report as people and programs read it: HTML, JSON and CSV."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any, cast

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from fraudstream.reporting.figures import DailyReport
from fraudstream.transactions.money import format_money, to_major
from fraudstream.transactions.reasons import sentence

SHOWN_UNDECIDED = 100
"""Undecided transactions that the page names; JSON and CSV have all of them."""
SHOWN_VALUES = 3
"""Currencies that the page gives for each rule; JSON and CSV have all of them."""

_NOTHING = "\N{EN DASH}"

# What the log carries is text to the page, whatever is in it.
_PAGES = Environment(
    loader=PackageLoader("fraudstream.reporting", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _share(part: int, whole: int, decimals: int = 1) -> str:
    """Give a share in percent; a part that is there is never shown as none, nor one that is missing as all."""
    if not whole:
        return _NOTHING
    least = 10**-decimals
    percent = 100 * part / whole
    if 0 < percent < least:
        return f"under {least:g} %"
    if part < whole and percent > 100 - least:
        return f"over {100 - least:g} %"
    return f"{percent:.{decimals}f} %" if 0 < part < whole else f"{percent:g} %"


def _basis_points(part: int, whole: int) -> str:
    """Give a share in hundredths of a percent."""
    return f"{10_000 * part / whole:,.1f} bp" if whole else _NOTHING


def _number(value: int) -> str:
    return f"{value:,}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _long_date(text: str) -> str:
    day = date.fromisoformat(text)
    return f"{day:%A}, {day.day} {day:%B %Y}"


def _moment(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _age(received_at: int, as_of: int | None) -> str:
    seconds = _age_seconds(received_at, as_of)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds} s"


def _age_seconds(received_at: int, as_of: int | None) -> int:
    return max(0, (as_of or received_at) - received_at) // 1000


_FILTERS: dict[str, Callable[..., str]] = {
    "age": _age,
    "basis_points": _basis_points,
    "counted": _counted,
    "long_date": _long_date,
    "moment": _moment,
    "money": format_money,
    "number": _number,
    "sentence": sentence,
    "share_of": _share,
}
cast("dict[str, Callable[..., str]]", _PAGES.filters).update(_FILTERS)


def to_html(report: DailyReport) -> bytes:
    """Give the report as one page that needs nothing else: its charts are inline SVG."""
    page = _PAGES.get_template("report.html")
    return page.render(report=report, shown_undecided=SHOWN_UNDECIDED, shown_values=SHOWN_VALUES).encode()


def to_json(report: DailyReport) -> bytes:
    """Give the report as JSON, with the fields of `DailyReport`."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def to_csv(report: DailyReport) -> bytes:
    """Give the report's tables as one CSV with the columns `table`, `row`, `measure` and `value`.

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
    for entity in report.entities:
        yield from _measures("entities", f"{entity.kind} {entity.token}", entity, without={"kind", "token"})
    if report.latency:
        yield from _measures("latency in milliseconds", report.date, report.latency)
    yield from _measures("labels", report.date, report.labels)
    for version, count in report.rulesets:
        yield "rulesets", version, "decisions", count
    yield from _reconciliation_lines(report)
    yield from _revision_lines(report)


def _money_lines(report: DailyReport) -> Iterator[Line]:
    for money in report.currencies:
        yield "currencies", money.currency, "count", money.count
        for _, row, measure, value in _measures("currencies", money.currency, money, without={"currency", "count"}):
            yield "currencies", row, measure, to_major(value, money.currency)
    for rule in report.rules:
        yield from _measures("rules", rule.source, rule, without={"source", "values"})
        for each in rule.values:
            yield "rules", rule.source, f"value {each.currency}", to_major(each.value, each.currency)
    for source, hits in report.shadow_rules:
        yield "shadow rules", source, "hits", hits


def _reconciliation_lines(report: DailyReport) -> Iterator[Line]:
    books = report.reconciliation
    yield from _measures("reconciliation", report.date, books, without={"undecided", "table"})
    yield "reconciliation", report.date, "sampledInTable", books.table.sampled
    for each in books.undecided:
        yield "undecided", each.transaction_id, "ageSeconds", _age_seconds(each.received_at, report.as_of)
    for transaction_id in books.table.missing:
        yield "missing from log", transaction_id, "inTable", 1


def _revision_lines(report: DailyReport) -> Iterator[Line]:
    yield "revision", report.date, "number", report.revision.number
    for change in report.revision.changes:
        row = change.figure if change.currency is None else f"{change.figure} {change.currency}"
        for measure, value in (("before", change.before), ("after", change.after)):
            yield "changes", row, measure, value if change.currency is None else to_major(value, change.currency)


def _measures(table: str, row: str, part: msgspec.Struct, *, without: set[str] | None = None) -> Iterator[Line]:
    values: dict[str, Any] = msgspec.to_builtins(part)
    for measure, value in values.items():
        if measure not in (without or ()):
            yield table, row, measure, value
