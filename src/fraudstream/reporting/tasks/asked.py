"""What the report generator can be asked for, and how what it is asked with is read."""

import contextlib
from datetime import UTC, date, datetime
from typing import Final, cast

from fraudstream.reporting.log.keys import parse_hour

TASKS: Final = ("hourly-roll-up", "daily-report", "verify-log", "chain-hours", "rebuild-log")
FIRST_DAY: Final = date(1970, 1, 1)
"""Earlier ones have no log, and too few days before them to compare with."""


class UnknownEventError(ValueError):
    """The function was called with something else than stream records or a task that it knows."""


def day_of(name: str, text: object) -> date:
    """Return a day.

    Args:
        name: of the field of the event.
        text: what it holds.

    Raises:
        UnknownEventError: it is no day, or one that has no log.
    """
    with contextlib.suppress(TypeError, ValueError):
        day = date.fromisoformat(cast("str", text))
        # It also reads other forms of ISO 8601.
        if day.isoformat() == text and FIRST_DAY <= day <= datetime.now(UTC).date():
            return day
    raise UnknownEventError(f'"{name}" must be YYYY-MM-DD, since 1970 and not in the future')


def hour_of(text: object) -> datetime:
    """Return the first moment of an hour, such as `2026-11-22T14`, UTC.

    Raises:
        UnknownEventError: it is none.
    """
    try:
        return parse_hour(cast("str", text))
    except (TypeError, ValueError):
        raise UnknownEventError('each of "hours" must be YYYY-MM-DDTHH') from None
