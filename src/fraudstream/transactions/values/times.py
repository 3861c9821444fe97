"""Times are epoch milliseconds: what can only be another unit is found out, and never read as the year 1970.

Every time that enters is looked at here: in a request, in a file of transactions or labels, in training and backtests.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from fraudstream.durations import DAY

EARLIEST: Final = 631_152_000_000
"""1990-01-01 in epoch milliseconds: no payment or label is older, and no number of another unit is as large."""
LATEST: Final = 4_102_444_800_000
"""2100-01-01 in epoch milliseconds."""
EARLIEST_ACCOUNT: Final = -2_208_988_800_000
"""1900-01-01 in epoch milliseconds: accounts may be old."""
CLOCK_TOLERANCE: Final = 300_000
"""Milliseconds by which the clocks of those who report times may differ."""
TIMES_NEEDED: Final = "a date, a date and time with its zone, or epoch milliseconds"

_QUARTER_HOUR: Final = 900_000
_SECONDS_2100: Final = LATEST // 1000
# What a number of each unit is between 1990 and 2100, in the order in which they are tried.
_DIGITS: Final = (
    ("YYYYMMDD", re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")),
    ("YYYYMMDDhhmm", re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d")),
    (
        "YYYYMMDDhhmmss",
        re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])(?:[0-5]\d){2}"),
    ),
    (
        "YYYYMMDDhhmmss and milliseconds",
        re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])(?:[0-5]\d){2}\d{3}"),
    ),
)
_RANGES: Final = (
    ("years", 1900, 2101),
    ("days", 7_305, 73_051),  # since 1970, or since 1900 as spreadsheets count them
    ("hours", 175_320, 1_139_568),
    ("minutes", 10_519_200, 68_374_080),
    ("seconds", EARLIEST // 1000, _SECONDS_2100),
    ("tenths of a second", EARLIEST // 100, LATEST // 100),
    ("tenths of a millisecond", EARLIEST * 10, LATEST * 10),
    ("microseconds", EARLIEST * 1000, LATEST * 1000),
    ("microseconds since 1601", 12_275_000_000_000_000, 15_747_000_000_000_000),
    ("ticks since 1601", 122_750_000_000_000_000, 157_470_000_000_000_000),
    ("ticks since the year 1", 627_660_000_000_000_000, 662_380_000_000_000_000),
    ("nanoseconds", EARLIEST * 1_000_000, LATEST * 1_000_000),
)


class TimeProblemError(ValueError):
    """A value is no time that can be read; the message says what is needed, and not the value."""


def other_unit(value: float, *, may_be_old: bool = False) -> str | None:
    """Return which unit a time is in, if it can't be epoch milliseconds.

    Args:
        value: the number.
        may_be_old: the time may lie before 1990, as that of an account's opening. Then positive numbers below 4.1
            billion count as seconds, days or dates, so that the first 47 days of 1970 cannot be written.

    Returns:
        What a client reads, such as "milliseconds are needed, these look like seconds"; None for milliseconds.
    """
    if may_be_old:
        is_plausible = EARLIEST_ACCOUNT <= value <= LATEST and not 0 < value < _SECONDS_2100
        if is_plausible and not (value > 0 and _DIGITS[1][1].fullmatch(str(int(value)))):
            return None
    elif EARLIEST <= value <= LATEST:
        return None
    return f"milliseconds are needed, these {_looks(value, may_be_old=may_be_old)}"


def _looks(value: float, *, may_be_old: bool) -> str:
    digits = str(int(value)) if abs(value) < 1e19 else ""  # noqa: PLR2004  (more digits than any unit has)
    for name, pattern in _DIGITS:
        if pattern.fullmatch(digits):
            return f"look like {name}"
    for name, low, high in _RANGES:
        if low <= value < high:
            return f"look like {name}"
    if may_be_old and 0 < value < _SECONDS_2100:
        return "look like seconds"
    return f"are of no time between {_first_year(may_be_old=may_be_old)} and 2100"


def read_time(value: object, *, may_be_old: bool = False) -> int:
    """Read a time as files and options give it, as epoch milliseconds.

    A date and time needs its zone; a date alone is the end of that day in UTC, so that nothing counts as known before
    it was. Numbers, also those in texts, are epoch milliseconds.

    Args:
        value: a number, a text, a date, or a date and time with its zone.
        may_be_old: as for `other_unit`.

    Raises:
        TimeProblemError: it is no time, or a number of another unit.
    """
    match value:
        case bool() | None:
            pass
        case int():
            return _checked(value, may_be_old=may_be_old)
        case float() if value.is_integer():
            return _checked(int(value), may_be_old=may_be_old)
        case float() if problem := other_unit(value, may_be_old=may_be_old):
            raise TimeProblemError(problem)
        case datetime() if value.tzinfo is not None:
            return _within(_milliseconds(value), may_be_old=may_be_old)
        case date() if not isinstance(value, datetime) and value < date.max:
            return _within(end_of_day(value), may_be_old=may_be_old)
        case str():
            return _read_text(value.strip(), may_be_old=may_be_old)
        case _:
            pass
    raise TimeProblemError(f"must be {TIMES_NEEDED}")


def _read_text(text: str, *, may_be_old: bool) -> int:
    if re.fullmatch(r"[-+]?\d{1,20}(?:\.\d{1,9})?", text, re.ASCII):
        return read_time(int(text) if text.lstrip("+-").isdecimal() else float(text), may_be_old=may_be_old)
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            moment = date.fromisoformat(text)
        else:
            moment = datetime.fromisoformat(text) if re.match(r"\d{4}-", text, re.ASCII) else None
    except ValueError:
        moment = None
    return read_time(moment, may_be_old=may_be_old)


def _checked(value: int, *, may_be_old: bool) -> int:
    if problem := other_unit(value, may_be_old=may_be_old):
        raise TimeProblemError(problem)
    return value


def _within(moment: int, *, may_be_old: bool) -> int:
    earliest = EARLIEST_ACCOUNT if may_be_old else EARLIEST
    if not earliest <= moment <= LATEST:
        raise TimeProblemError(f"must be between {_first_year(may_be_old=may_be_old)} and 2100")
    return moment


def _first_year(*, may_be_old: bool) -> int:
    return 1900 if may_be_old else 1990


def end_of_day(day: date, zone: tzinfo = UTC) -> int:
    """Return the last millisecond of a day in a time zone."""
    return _milliseconds(datetime.combine(day + timedelta(days=1), time.min, zone)) - 1


def _milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def is_future(moment: int, now: int) -> bool:
    """Return whether a label's time is in the future.

    What is known today may carry the end of this day, which a date alone means: the last millisecond of a quarter of an
    hour, since zones differ from UTC by quarters.
    """
    is_end_of_day = moment % _QUARTER_HOUR == _QUARTER_HOUR - 1
    return moment > now + (DAY if is_end_of_day else CLOCK_TOLERANCE)


def is_before(known_at: int, happened_at: int) -> bool:
    """Return whether something was known before its transaction happened, by more than clocks may differ."""
    return known_at < happened_at - CLOCK_TOLERANCE
