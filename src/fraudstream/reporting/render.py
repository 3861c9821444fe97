"""The report as people and programs read it: HTML, JSON and CSV."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, cast

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from fraudstream.reporting.figures import DailyReport
from fraudstream.transactions.money import format_money, to_major

# A transaction or token that the log carries is text to the page, whatever is in it.
_PAGES = Environment(
    loader=PackageLoader("fraudstream.reporting", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none"


def _number(value: int) -> str:
    return f"{value:,}"


def _long_date(text: str) -> str:
    return f"{date.fromisoformat(text):%A, %-d %B %Y}"


def _moment(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


_FILTERS: dict[str, Callable[..., str]] = {
    "money": format_money,
    "moment": _moment,
    "duration": _duration,
    "number": _number,
    "long_date": _long_date,
}
cast("dict[str, Callable[..., str]]", _PAGES.filters).update(_FILTERS)


def to_html(report: DailyReport) -> bytes:
    """Give the report as one page that needs nothing else: its charts are inline SVG."""
    return _PAGES.get_template("report.html").render(report=report, share=_share).encode()


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


def _lines(report: DailyReport) -> list[tuple[str, str, str, Any]]:
    lines: list[tuple[str, str, str, Any]] = []

    def add(table: str, row: str, part: msgspec.Struct, *, without: tuple[str, ...] = ()) -> None:
        values: dict[str, Any] = msgspec.to_builtins(part)
        lines.extend((table, row, measure, value) for measure, value in values.items() if measure not in without)

    add("decisions", report.date, report.decisions)
    for money in report.currencies:
        lines.append(("currencies", money.currency, "count", money.count))
        lines += [
            ("currencies", money.currency, name, to_major(value, money.currency))
            for name, value in msgspec.to_builtins(money).items()
            if name not in {"currency", "count"}
        ]
    for rule in report.rules:
        add("rules", rule.source, rule, without=("source",))
    lines += [("shadow_rules", source, "hits", hits) for source, hits in report.shadow_rules]
    for hour in report.hours:
        add("hours", f"{hour.hour:02}", hour.decisions)
    lines += [("scores", f"{10 * index}", "count", count) for index, count in enumerate(report.scores)]
    for entity in report.entities:
        add("entities", f"{entity.kind} {entity.token}", entity, without=("kind", "token"))
    if report.latency:
        add("latency_milliseconds", report.date, report.latency)
    add("labels", report.date, report.labels)
    reconciliation = report.reconciliation
    for name in ("stored", "decided", "logged"):
        lines.append(("reconciliation", report.date, name, getattr(reconciliation, name)))
    lines += [("undecided", each.transaction_id, "age_seconds", each.age_seconds) for each in reconciliation.undecided]
    return lines
