"""The report as people read it, and as programs do: HTML and JSON."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final, cast

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from fraudstream.contract import MODERATE_DRIFT, SIGNIFICANT_DRIFT
from fraudstream.counts import counted, word_for
from fraudstream.durations import SECOND
from fraudstream.reporting.daily.figures.worklists import costliest_first
from fraudstream.reporting.daily.schema.report import DailyReport
from fraudstream.reporting.daily.schema.trends import Comparison
from fraudstream.reporting.render import words
from fraudstream.reporting.render.heatmap import heatmap_of
from fraudstream.transactions.decisions.reasons import sentence
from fraudstream.transactions.values.money import format_money

SHOWN_UNDECIDED = 100
"""Undecided transactions that the page names; JSON and CSV have all of them."""
SHOWN_VALUES = 3
"""Currencies that the page gives for each rule; JSON and CSV have all of them."""

SHOWN_ROWS = 10
"""Currencies, rows of a cut and overlapping rules that the page shows; JSON and CSV have more."""
SHOWN_ENTITIES = 5
"""Entities of each kind that the page names; JSON and CSV have more."""
COST_PER_THOUSAND: Final = "$0.014"
"""List prices of us-east-2 at a million transactions a day: the table of costs in the README."""


_MANY_POINTS: Final = 100
_NOTHING = "\N{EN DASH}"

# What the log carries is text to the page, whatever is in it.
_PAGES = Environment(
    loader=PackageLoader("fraudstream.reporting.render", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _share(part: int, whole: int, decimals: int = 1) -> str:
    """Return a share in percent; a part that is there is never shown as none, nor one that is missing as all."""
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
    """Return a share in hundredths of a percent."""
    return f"{10_000 * part / whole:,.1f} bp" if whole else _NOTHING


def _number(value: int) -> str:
    return f"{value:,}"


def _long_date(text: str) -> str:
    day = date.fromisoformat(text)
    return f"{day:%A}, {day.day} {day:%B %Y}"


def _moment(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _age(received_at: int, as_of: int | None) -> str:
    return _duration(max(0, (as_of or received_at) - received_at) // 1000 * 1000)


def _duration(milliseconds: int) -> str:
    """Return a duration in the largest unit that fits."""
    if 0 < milliseconds < SECOND:
        return f"{milliseconds} ms"
    seconds = milliseconds / SECOND
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.3g} s"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _percent(share: float, decimals: int = 1) -> str:
    return f"{100 * share:.{decimals}f} %"


def _in_basis_points(share: float) -> str:
    """Return a share in hundredths of a percent, with two digits that matter where it is small."""
    points = 10_000 * share
    return f"{points:,.0f} bp" if points >= _MANY_POINTS else f"{points:,.2f} bp"


def _figure(value: float, comparison: Comparison) -> str:
    """Return a figure, as its kind is written."""
    if comparison.kind == "share":
        return _percent(value, 2)
    if comparison.kind == "value" and comparison.currency is not None:
        return format_money(round(value), comparison.currency)
    return f"{value:,.0f}"


def _change(comparison: Comparison, then: float) -> str:
    """Return how much a figure is more or less than it was then."""
    difference = comparison.now - then
    if comparison.kind == "share":
        return f"{_signed(100 * difference, 2)} points"
    return f"{_signed(100 * difference / then, 1)} %" if then else _NOTHING


def _signed(value: float, decimals: int) -> str:
    text = f"{abs(value):,.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        return f"\N{PLUS-MINUS SIGN}{text}"
    return ("+" if value > 0 else "\N{MINUS SIGN}") + text


def _drift(psi: float) -> str:
    if psi < MODERATE_DRIFT:
        return "stable"
    return "moderate drift" if psi < SIGNIFICANT_DRIFT else "significant drift"


_FILTERS: dict[str, Callable[..., Any]] = {
    "age": _age,
    "basis_points": _basis_points,
    "change": _change,
    "clock": _clock,
    "costliest_first": costliest_first,
    "counted": counted,
    "duration": _duration,
    "figure": _figure,
    "in_basis_points": _in_basis_points,
    "long_date": _long_date,
    "moment": _moment,
    "money": format_money,
    "number": _number,
    "percent": _percent,
    "band": words.BANDS.__getitem__,
    "category": words.merchant_category,
    "changed": words.CHANGED.__getitem__,
    "compared": words.COMPARED.__getitem__,
    "drift": _drift,
    "meter": words.METERS.__getitem__,
    "problem": words.PROBLEMS.__getitem__,
    "verdict": words.verdict_of,
    "sentence": sentence,
    "share_of": _share,
    "word_for": word_for,
}
cast("dict[str, Callable[..., Any]]", _PAGES.filters).update(_FILTERS)


def to_html(report: DailyReport) -> bytes:
    """Return the report as one page that needs nothing else: its charts are inline SVG."""
    page = _PAGES.get_template("report.html")
    shown = {
        "undecided": SHOWN_UNDECIDED,
        "values": SHOWN_VALUES,
        "rows": SHOWN_ROWS,
        "entities": SHOWN_ENTITIES,
    }
    return page.render(
        report=report, shown=shown, heat=heatmap_of(report), cost_per_thousand=COST_PER_THOUSAND
    ).encode()


def to_json(report: DailyReport) -> bytes:
    """Return the report as JSON, with the fields of `DailyReport`."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
