"""Today: what waits, what the newest report says, and how old everything is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import Response

from fraudstream.clock import epoch_milliseconds
from fraudstream.durations import DAY, HOUR
from fraudstream_tools.console.rendering import page
from fraudstream_tools.operations.alert_summary import AlertSummary
from fraudstream_tools.operations.alerts import AlertOrder, AlertQuery

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem

LOOKED_AT: Final = 500
"""Open alerts that are counted, oldest first; own choice: five requests for their transactions."""
_AGES: Final[Sequence[tuple[str, float]]] = (
    ("under an hour", HOUR),
    ("1 to 4 hours", 4 * HOUR),
    ("4 to 24 hours", DAY),
    ("over a day", float("inf")),
)
_BAR_HEIGHT: Final = 60


@dataclass(frozen=True, kw_only=True)
class AgeGroup:
    """Open alerts of an age."""

    name: str
    alerts: int
    value: float
    """In the base currency, of those that have an exchange rate."""


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
    alerts = system.queue.find(AlertQuery(order=AlertOrder.OLDEST), LOOKED_AT + 1)
    days = system.reports.days()
    report = system.reports.summary(days[0]) if days else None
    return page(
        request,
        "today",
        groups=_by_age(alerts[:LOOKED_AT]),
        is_more=len(alerts) > LOOKED_AT,
        looked_at=LOOKED_AT,
        mine=sum(alert.assignee == system.operator.arn for alert in alerts),
        free=sum(alert.assignee is None for alert in alerts),
        oldest=alerts[0] if alerts else None,
        late=sum(alert.assignee is None and level.is_overdue(alert.created_at, now) for alert in alerts),
        level=level,
        alarms=system.alarms(),
        can_see_alarms=system.cloudwatch is not None,
        base=ruleset.rates.base if ruleset else None,
        ruleset=ruleset,
        day=days[0] if days else None,
        report=report,
        bars=_bars((report or {}).get("hours", ())),
    )


def _by_age(alerts: Iterable[AlertSummary]) -> list[AgeGroup]:
    now = epoch_milliseconds()
    found: dict[str, list[AlertSummary]] = {name: [] for name, _ in _AGES}
    for alert in alerts:
        age = now - alert.created_at
        found[next(name for name, until in _AGES if age < until)].append(alert)
    return [
        AgeGroup(name=name, alerts=len(group), value=sum(alert.amount_base or 0 for alert in group))
        for name, group in found.items()
    ]


def _bars(hours: Iterable[Mapping[str, Any]]) -> list[HourBar]:
    counted: list[tuple[int, int, int]] = []
    for each in hours:
        decisions = each["decisions"]
        flagged = decisions["review"] + decisions["decline"]
        counted.append((each["hour"], decisions["approve"] + flagged, flagged))
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
