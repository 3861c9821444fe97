"""How a column of times is written, from its values."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from fraudstream.transactions.values.times import EARLIEST, LATEST, TimeProblemError, read_time

_DAYS: Final = (
    ("%Y-%m-%d", ""),
    ("%Y/%m/%d", ""),
    ("%Y.%m.%d", ""),
    ("%Y%m%d", ""),
    ("%d.%m.%Y", ""),
    ("%d.%m.%y", ""),
    ("%d/%m/%Y", "%m/%d/%Y"),
    ("%m/%d/%Y", "%d/%m/%Y"),
    ("%d-%m-%Y", "%m-%d-%Y"),
    ("%m-%d-%Y", "%d-%m-%Y"),
    ("%d/%m/%y", "%m/%d/%y"),
    ("%m/%d/%y", "%d/%m/%y"),
    ("%d %b %Y", ""),
    ("%b %d, %Y", ""),
)
_CLOCKS: Final = (
    "",
    " %H:%M:%S",
    " %H:%M",
    " %H:%M:%S.%f",
    "T%H:%M:%S",
    "T%H:%M:%S.%f",
    " %I:%M:%S %p",
    " %I:%M %p",
    "%H%M%S",
)
_UNITS: Final = (("seconds", 1000.0), ("milliseconds", 1.0), ("microseconds", 0.001), ("nanoseconds", 0.000001))
_DOUBT: Final = "which zone did the file's clock run in?"


def suggest_time(values: Sequence[str]) -> tuple[str, str] | None:
    """Return how times are written.

    Args:
        values: of one column.

    Returns:
        The keys of a map that read them, and what a person has to look at or nothing; None if they are no times.
    """
    if not values:
        return None
    if all(_is_usual(value) for value in values):
        return "", ""
    for day, other in _DAYS:
        for clock in _CLOCKS:
            if not all(_fits(value, day + clock) for value in values):
                continue
            is_ambiguous = bool(other) and all(_fits(value, other + clock) for value in values)
            doubt = "day first, or month first?" if is_ambiguous else _DOUBT if clock else ""
            zone = ", zone: UTC" if clock else ""
            return f'format: "{day}{clock}"{zone}', doubt
    return _counted(values)


def _counted(values: Sequence[str]) -> tuple[str, str] | None:
    if not all(re.fullmatch(r"\d{1,20}(?:\.\d+)?", value) for value in values):
        return None
    numbers = [float(value) for value in values]
    for unit, factor in _UNITS:
        if all(EARLIEST <= number * factor <= LATEST for number in numbers):
            return f"unit: {unit}", ""
    if all(30_000 <= number <= 73_051 for number in numbers):  # noqa: PLR2004  (1982 to 2100, in days since 1900)
        return "unit: spreadsheet-days, zone: UTC", _DOUBT
    return None


def _is_usual(value: str) -> bool:
    try:
        read_time(value)
    except TimeProblemError:
        return False
    return True


def _fits(value: str, format_: str) -> bool:
    try:
        datetime.strptime(value, format_)  # noqa: DTZ007  (only tried)
    except ValueError:
        return False
    return True
