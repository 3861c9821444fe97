"""Today: what waits, what was decided so far, what the newest report says, and how old everything is."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import ClientError
from starlette.requests import Request
from starlette.responses import Response

from fraudstream.aws.errors import is_denied
from fraudstream.clock import epoch_milliseconds
from fraudstream.durations import DAY, HOUR
from fraudstream_tools.analytics.answers import QuestionError
from fraudstream_tools.console.rendering import page
from fraudstream_tools.operations.cases.queue import CaseOrder, CaseQuery, QueuedCase
from fraudstream_tools.operations.day_so_far import DaySoFar
from fraudstream_tools.operations.review.alert_summary import AlertSummary

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem

LOOKED_AT: Final = 500
"""Open alerts whose cases are counted, oldest first; own choice: five requests for their transactions."""
_AGES: Final[Sequence[tuple[str, float]]] = (
    ("under an hour", HOUR),
    ("1 to 4 hours", 4 * HOUR),
    ("4 to 24 hours", DAY),
    ("over a day", float("inf")),
)
_BAR_HEIGHT: Final = 60
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class AgeGroup:
    """Open cases of an age."""

    name: str
    cases: int
    alerts: Sequence[AlertSummary]
    """All alerts of these cases."""


@dataclass(frozen=True, kw_only=True)
class HourBar:
    """The decisions of an hour as parts of a bar, in the drawing's units."""

    hour: int
    total: int
    flagged: int
    height: float
    flagged_height: float


def show(request: Request) -> Response:
    """Answer with the page."""
    system: ConsoleSystem = request.app.state.system
    ruleset, level, now = system.ruleset, system.service_level, epoch_milliseconds()
    is_more = False

    def tell_more() -> None:
        nonlocal is_more
        is_more = True

    cases = system.case_queue.find(CaseQuery(order=CaseOrder.OLDEST), among=LOOKED_AT, on_more=tell_more)
    free = [each for each in cases if each.assignee is None]
    mine = sum(system.operator.arn in each.holders for each in cases)
    so_far, is_log_denied = _unless_denied(lambda: _so_far(system))
    newest, are_reports_denied = _unless_denied(lambda: _newest_report(system))
    day, report = newest or (None, None)
    return page(
        request,
        "today",
        groups=_by_age(cases),
        is_more=is_more,
        looked_at=LOOKED_AT,
        open=len(cases),
        free=len(free),
        mine=mine,
        others=len(cases) - len(free) - mine,
        oldest=free[0] if free else None,
        late=sum(level.is_overdue(each.since, now) for each in free),
        level=level,
        alarms=system.alarms(),
        can_see_alarms=system.cloudwatch is not None,
        base=ruleset.rates.base if ruleset else None,
        ruleset=ruleset,
        day=day,
        report=report,
        are_reports_denied=are_reports_denied,
        is_log_denied=is_log_denied,
        bars=_bars(_counted((report or {}).get("hours", ()))),
        so_far=so_far,
        bars_so_far=_bars([(each.hour, each.decisions, each.flagged) for each in so_far.hours]) if so_far else [],
    )


def _unless_denied(read: Callable[[], _T]) -> tuple[_T | None, bool]:
    """Return what is read, and whether AWS denies it to these credentials: the rest of the page is right without it."""
    try:
        return read(), False
    except ClientError as error:
        if not is_denied(error):
            raise
        return None, True


def _newest_report(system: "ConsoleSystem") -> tuple[date, dict[str, Any] | None] | None:
    days = system.reports.days()
    return (days[0], system.reports.summary(days[0])) if days else None


def _so_far(system: "ConsoleSystem") -> DaySoFar | None:
    ruleset = system.ruleset
    try:
        return system.today.so_far(ruleset.rates) if system.today and ruleset else None
    except QuestionError:
        # A damaged file: the report says so, and everything else of the page is right.
        return None


def _by_age(cases: Iterable[QueuedCase]) -> list[AgeGroup]:
    now = epoch_milliseconds()
    groups: dict[str, list[QueuedCase]] = {name: [] for name, _ in _AGES}
    for case in cases:
        age = now - case.since
        groups[next(name for name, until in _AGES if age < until)].append(case)
    return [
        AgeGroup(name=name, cases=len(group), alerts=[alert for case in group for alert in case.alerts])
        for name, group in groups.items()
    ]


def _counted(hours: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, int, int]]:
    for each in hours:
        decisions = each["decisions"]
        flagged = decisions["review"] + decisions["decline"]
        yield each["hour"], decisions["approve"] + flagged, flagged


def _bars(hours: Iterable[tuple[int, int, int]]) -> list[HourBar]:
    """Lay out hours with their decisions and those that were flagged."""
    counted = list(hours)
    most = max((total for _, total, _ in counted), default=0) or 1
    return [
        HourBar(
            hour=hour,
            total=total,
            flagged=flagged,
            height=round(_BAR_HEIGHT * total / most, 1),
            flagged_height=round(_BAR_HEIGHT * flagged / most, 1),
        )
        for hour, total, flagged in counted
    ]
