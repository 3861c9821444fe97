"""Ages, days and moments: as people write them, and as they read them."""

import re
from datetime import UTC, date, datetime
from typing import Final

import typer

from fraudstream.durations import DAY, HOUR, MINUTE, SECOND
from fraudstream.reporting.tasks.asked import FIRST_DAY

_UNITS: Final = {"d": DAY, "h": HOUR, "m": MINUTE}
_AGE: Final = re.compile(r"(\d{1,5})([dhm])")
LAST_DAY: Final = date(9998, 12, 31)
"""Own choice: dates end a year later, and a day is compared with those around it."""
_FINE: Final = 2
"""Own choice: from two of a unit on, the smaller one tells nothing."""


def parse_age(text: str) -> int:
    """Return the milliseconds of an age such as `30m`, `4h` or `2d`.

    Raises:
        BadParameter: it is written in another way.
    """
    if (age := _AGE.fullmatch(text.strip().lower())) is None:
        raise typer.BadParameter("write it as minutes, hours or days: 30m, 4h or 2d")
    return int(age[1]) * _UNITS[age[2]]


def parse_day(text: str) -> datetime:
    """Return the start of a day such as `2026-11-23`.

    Raises:
        BadParameter: it is written in another way, or dates have too few days before or after it.
    """
    try:
        day = datetime.strptime(text.strip(), "%Y-%m-%d")  # noqa: DTZ007  (commands say in which zone the day is)
    except ValueError:
        raise typer.BadParameter("write a day of the calendar, such as 2026-11-23") from None
    if not FIRST_DAY <= day.date() <= LAST_DAY:
        raise typer.BadParameter(f"write a day from {FIRST_DAY} to {LAST_DAY}")
    return day


def parse_moment(text: str) -> datetime:
    """Return a moment such as `2026-11-23T09:59:00Z`.

    Raises:
        BadParameter: it is written in another way.
    """
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007  (the caller sets the zone)
    except ValueError:
        raise typer.BadParameter("write a moment in UTC, such as 2026-11-23T09:59:00Z") from None


def age_text(milliseconds: int) -> str:
    """Return an age in the largest unit that tells enough: `59 s`, `119 min`, `47 h`, `3 d`."""
    for name, unit in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if milliseconds >= _FINE * unit:
            return f"{milliseconds // unit:,} {name}"
    return f"{max(milliseconds, 0) // SECOND} s"


def last_day_text(end: int) -> str:
    """Return the last day that ends at a moment or before it: `2026-11-23`."""
    text = moment_text(end - 1)
    return text.partition(" ")[0] if text.endswith(" UTC") else text


def moment_text(milliseconds: int) -> str:
    """Return a moment as people read it: `2026-11-23 10:02:03 UTC`."""
    try:
        return f"{datetime.fromtimestamp(milliseconds / SECOND, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        # An API of another release, or no API of ours at all.
        return f"{milliseconds} ms after 1970"
