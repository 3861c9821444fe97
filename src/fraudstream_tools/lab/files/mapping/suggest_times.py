"""How a column of times is written, from its values."""

import itertools
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

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
    " %H%M%S",
)
_ISO_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_UNITS: Final = (("seconds", 1000.0), ("milliseconds", 1.0), ("microseconds", 0.001), ("nanoseconds", 0.000001))
_FIRST_DAY: Final = 30_000
"""First day of 1982, in days since 1900."""
_LAST_DAY: Final = 73_051
"""Last day of 2099, in days since 1900."""
_DOUBT: Final = "which zone did the file's clock run in?"


class WrittenTimes(NamedTuple):
    """How a column of times is written."""

    keys: str
    """Keys of a map that reads them."""
    doubt: str
    """What a person has to look at, or nothing."""
    misfits: int = 0
    """Values that are written otherwise."""
    is_of_days: bool = False
    """They have no time of day."""


def suggest_time(values: Sequence[str]) -> WrittenTimes | None:
    """Return how times are written: as all values are, or else all but a tenth.

    Args:
        values: of one column.

    Returns:
        The way that the fewest values do not fit; None if they are no times.
    """
    if not values:
        return None
    for most in sorted({0, len(values) // 1000, len(values) // 100, len(values) // 10}):
        if written := _written(values, most):
            return written
    return None


def _written(values: Sequence[str], most: int) -> WrittenTimes | None:
    if (misfits := _misfits(values, _is_usual, most)) is not None:
        return WrittenTimes("", "", misfits, is_of_days=all(map(_ISO_DAY.fullmatch, values)))
    for day, other in _DAYS:
        for clock in _CLOCKS:
            misfits = _misfits(values, partial(_fits, format_=day + clock), most)
            if misfits is None:
                continue
            is_ambiguous = bool(other) and _misfits(values, partial(_fits, format_=other + clock), misfits) is not None
            doubt = "day first, or month first?" if is_ambiguous else _DOUBT if clock else ""
            zone = ", zone: UTC" if clock else ""
            return WrittenTimes(f'format: "{day}{clock}"{zone}', doubt, misfits, is_of_days=not clock)
    return _counted(values, most)


def _counted(values: Sequence[str], most: int) -> WrittenTimes | None:
    numbers = [float(value) for value in values if re.fullmatch(r"\d{1,20}(?:\.\d+)?", value)]
    others = len(values) - len(numbers)
    for unit, factor in _UNITS:
        outside = sum(not EARLIEST <= number * factor <= LATEST for number in numbers)
        if others + outside <= most:
            return WrittenTimes(f"unit: {unit}", "", others + outside)
    outside = sum(not _FIRST_DAY <= number <= _LAST_DAY for number in numbers)
    if others + outside <= most:
        return WrittenTimes("unit: spreadsheet-days, zone: UTC", _DOUBT, others + outside)
    return None


def _misfits(values: Sequence[str], fits: Callable[[str], bool], most: int) -> int | None:
    """Count the values that do not fit; None if they are more than so many."""
    misfits = list(itertools.islice((value for value in values if not fits(value)), most + 1))
    return len(misfits) if len(misfits) <= most else None


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
