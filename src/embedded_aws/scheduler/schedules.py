"""The scheduler: plays EventBridge Scheduler for schedules that invoke a function."""

import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from embedded_aws.runtime.invocations import Invocation, InvocationRefusedError, Invoke
from embedded_aws.specs import ScheduleSpec

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LAST_YEAR = 2199
"""The last that a cron expression can name."""
_HORIZON_DAYS = 366 * 8
"""The longest pause that a date can have: from a 29 February over a year that is none to the next."""
_LONGEST_SLEEP_SECONDS = 60.0
"""So that a machine that was asleep, or a changed clock, is noticed within a minute."""

_logger = logging.getLogger(__name__)
NextTime = Callable[[datetime], datetime | None]
"""Returns the first time after a time, both with time zones, or None if there is none."""


class ScheduleError(ValueError):
    """A schedule's expression or time zone is not one that is played here."""


@dataclass(frozen=True)
class _Cron:
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """1 is Sunday."""
    years: frozenset[int]

    def matches(self, day: date) -> bool:
        weekday = day.isoweekday() % 7 + 1
        return day.year in self.years and day.month in self.months and day.day in self.days and weekday in self.weekdays


def next_times(expression: str, time_zone: str) -> NextTime:
    """Read a schedule.

    Args:
        expression: `rate(5 minutes)` or `cron(0 1 * * ? *)`, as AWS has them: minute, hour, day of the month, month,
            day of the week, year, with lists, ranges, steps and names, without `L`, `W` and `#`.
        time_zone: an IANA name, for cron.

    Raises:
        ScheduleError: it is something else.
    """
    try:
        zone = ZoneInfo(time_zone)
    except (KeyError, ValueError):
        raise ScheduleError(f"time zone {time_zone!r} is not known") from None
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression):
        step = timedelta(**{f"{rate[2]}s": int(rate[1])})
        if not step:
            raise ScheduleError(f"schedule {expression!r} has no time between two runs")
        return lambda after: after + step
    cron = re.fullmatch(r"cron\((.*)\)", expression)
    if cron is None:
        raise ScheduleError(f"schedule {expression!r} is neither rate(…) nor cron(…)")
    parsed = _read_cron(expression, cron[1].split())
    return lambda after: _next_cron(parsed, zone, after)


def _read_cron(expression: str, fields: Sequence[str]) -> _Cron:
    if len(fields) != 6:  # noqa: PLR2004  (as AWS has them)
        raise ScheduleError(f"schedule {expression!r} does not have six fields")
    minutes, hours, days, months, weekdays, years = fields
    if (days == "?") == (weekdays == "?"):
        raise ScheduleError(f"schedule {expression!r} needs ? for the day of the month or of the week, not for both")
    try:
        return _Cron(
            minutes=_read_field(minutes, 0, 59),
            hours=_read_field(hours, 0, 23),
            days=_read_field(days.replace("?", "*"), 1, 31),
            months=_read_field(months, 1, 12, _MONTHS),
            weekdays=_read_field(weekdays.replace("?", "*"), 1, 7, _DAYS),
            years=_read_field(years, 1970, _LAST_YEAR),
        )
    except ValueError as error:
        raise ScheduleError(f"schedule {expression!r}: {error}") from None


def _read_field(text: str, first: int, last: int, names: Sequence[str] = ()) -> frozenset[int]:
    numbers = {name: str(number) for number, name in enumerate(names, start=1)}
    values: set[int] = set()
    for part in text.split(","):
        plain = re.sub(r"[A-Z]{3}", lambda match: numbers.get(match[0], match[0]), part.upper())
        match = re.fullmatch(r"(?:(?P<all>\*)|(?P<low>\d+)(?:-(?P<high>\d+))?)(?:/(?P<step>\d+))?", plain)
        if match is None:
            raise ValueError(f"{part!r} is not played here")
        step = int(match["step"] or 1)
        low = first if match["all"] else int(match["low"])
        # A step after a single value counts up to the end, as in 5/15.
        open_ended = match["all"] or (match["step"] and not match["high"])
        high = last if open_ended else int(match["high"] or low)
        if not (first <= low <= high <= last) or step == 0:
            raise ValueError(f"{part!r} is not within {first} to {last}")
        values.update(range(low, high + 1, step))
    return frozenset(values)


def _next_cron(cron: _Cron, zone: ZoneInfo, after: datetime) -> datetime | None:
    start = after.astimezone(zone)
    for offset in range(_HORIZON_DAYS):
        day = start.date() + timedelta(days=offset)
        if not cron.matches(day):
            continue
        for hour in sorted(cron.hours):
            for minute in sorted(cron.minutes):
                moment = datetime.combine(day, time(hour, minute), zone)
                # A time that the change to summer time leaves out does not come back from UTC as it went there.
                exists = moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == moment.replace(tzinfo=None)
                if exists and moment.astimezone(UTC) > after:
                    return moment
    return None


class Scheduler:
    """Invokes functions when their schedules say so.

    Args:
        specs: the schedules.
        invoke: invokes a function asynchronously, as the scheduler does.
        now: the clock, with a time zone.

    Raises:
        ScheduleError: a schedule cannot be played.
    """

    def __init__(
        self, specs: Sequence[ScheduleSpec], invoke: Invoke, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._specs: Mapping[str, ScheduleSpec] = {spec.name: spec for spec in specs}
        self._next_times = {spec.name: next_times(spec.expression, spec.time_zone) for spec in specs}
        self._invoke = invoke
        self._now = now
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def start(self) -> None:
        """Begin to watch the clock."""
        self._thread.start()

    def run(self, name: str) -> Invocation:
        """Invoke a schedule's function now, with the schedule's input.

        Raises:
            KeyError: there is no such schedule.
            InvocationRefusedError: the function was not reached.
        """
        spec = self._specs[name]
        return self._invoke(spec.function_name, spec.payload.encode())

    def close(self) -> None:
        """Stop; an invocation in flight is not waited for. Safe to repeat."""
        self._closed.set()

    def _run(self) -> None:
        began = self._now()
        due = {name: following(began) for name, following in self._next_times.items()}
        while not self._closed.is_set():
            now = self._now()
            for name, moment in due.items():
                if moment is not None and moment <= now:
                    due[name] = self._next_times[name](now)
                    threading.Thread(target=self._fire, args=(name,), name=f"schedule-{name}", daemon=True).start()
            waits = [(moment - now).total_seconds() for moment in due.values() if moment is not None]
            self._closed.wait(max(0.0, min([*waits, _LONGEST_SLEEP_SECONDS])))

    def _fire(self, name: str) -> None:
        try:
            result = self.run(name)
        except InvocationRefusedError as error:
            _logger.warning("schedule %s: %s", name, error)
        else:
            if result.function_error:
                _logger.warning("schedule %s: its function failed", name)
