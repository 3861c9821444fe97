"""The heat map: which share was reviewed or declined, by day and hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fraudstream.reporting.daily.schema.report import DailyReport

HEAT_DAYS: Final = 14
"""Days of the map, the report's own among them."""

Hours = Sequence[tuple[int, int, int]]
"""Hour, decided transactions, and those that were reviewed or declined; without empty hours."""


@dataclass(frozen=True, kw_only=True)
class Heat:
    """What the map draws."""

    rows: Sequence[tuple[str, Hours]]
    """By date; the report's own day first, then back."""
    most: float
    """The greatest share of all."""
    own_most: float
    """Largest number of the report's own day, in its hour `own_hour`."""
    own_hour: int


def heatmap_of(report: DailyReport) -> Heat:
    """Return the heat map of a report."""
    decisions = [hour.decisions for hour in report.hours]
    own = _filled([each.total for each in decisions], [each.stopped for each in decisions])
    past = [(day.date, _filled(day.hours, day.stopped_hours)) for day in report.past.days[: HEAT_DAYS - 1]]
    own_most, early = max(((part / whole, -hour) for hour, whole, part in own), default=(0.0, 0))
    return Heat(
        rows=[(report.date, own), *past],
        most=max([own_most, *(part / whole for _, hours in past for _, whole, part in hours)]),
        own_most=own_most,
        own_hour=-early,
    )


def _filled(totals: Sequence[int], stopped: Sequence[int]) -> Hours:
    pairs = zip(totals, stopped, strict=True)
    return [(hour, whole, part) for hour, (whole, part) in enumerate(pairs) if whole]
