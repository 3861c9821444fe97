"""Of which days a decision log has anything: of others, nobody can say that nothing happened."""

from datetime import date

from fraudstream.reporting.log.keys import LogTable, days_of
from fraudstream.reporting.log.segments import all_days_prefix
from fraudstream.reporting.storage.object_store import Store


class UnloggedDayError(ValueError):
    """A day is outside of what a log tells of; the message says where it begins or ends."""


def logged_days(store: Store, log_prefix: str) -> list[date]:
    """Return the days of which a log has segments or tallies, in order."""
    prefixes = (all_days_prefix(log_prefix), f"{log_prefix}{LogTable.TALLIES}/")
    return sorted({day for prefix in prefixes for day in days_of(store.folders(prefix)).values()})


def refuse_before(days: list[date], day: date) -> None:
    """Refuse a day before all that a log has anything of.

    Raises:
        UnloggedDayError: it is such a day, or the log has nothing.
    """
    if not days or day < days[0]:
        raise UnloggedDayError(f"the log has nothing of {day}: it {f'begins on {days[0]}' if days else 'is empty'}")


def refuse_after(days: list[date], day: date) -> None:
    """Refuse a day after all that a copy of a log has anything of.

    Raises:
        UnloggedDayError: it is such a day, or the log has nothing.
    """
    if not days or day > days[-1]:
        raise UnloggedDayError(f"the log has nothing of {day}: it {f'ends on {days[-1]}' if days else 'is empty'}")
