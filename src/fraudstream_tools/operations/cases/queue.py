"""The queue of cases: those that are kept, and open alerts of one customer or card that nobody has taken yet.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import EntityKind
from fraudstream.transactions.transaction import Channel
from fraudstream_tools.operations.cases.case import ReviewCase
from fraudstream_tools.operations.cases.service_level import ServiceLevel
from fraudstream_tools.operations.cases.store import CaseStore
from fraudstream_tools.operations.review.alert_summary import AlertStatus, AlertSummary
from fraudstream_tools.operations.review.alerts import AlertOrder, AlertQuery, AlertQueue

_NOTHING_PROMISED: Final = ServiceLevel()


class CaseState(StrEnum):
    """Whether a case waits for somebody."""

    OPEN = "open"
    SNOOZED = "snoozed"
    EXPIRED = "expired"
    """Nobody has taken it for so long that nobody is asked any more."""
    CLOSED = "closed"


class CaseOrder(StrEnum):
    """Which case comes first."""

    LOSS = "loss"
    """The highest expected loss of its alerts together; where no amounts can be compared, what is most likely fraud."""
    VALUE = "value"
    """The highest value at risk, in the base currency."""
    SCORE = "score"
    OLDEST = "oldest"
    NEWEST = "newest"


@dataclass(frozen=True, kw_only=True)
class CaseQuery:
    """Which cases are wanted, and in which order. A case is wanted if one of its alerts is."""

    state: CaseState = CaseState.OPEN
    order: CaseOrder = CaseOrder.LOSS
    rule: str | None = None
    """The id of a rule, a reason code, `model` or `exploration`."""
    channel: Channel | None = None
    minimum_value: float | None = None
    """Least value of all alerts of the case together, in the base currency."""
    assignee: str | None = None
    """The ARN of who works on it; empty for those on which nobody does."""


@dataclass(frozen=True, kw_only=True)
class QueuedCase:
    """A case in the queue: kept already, or the alerts that would become one when somebody takes them."""

    alerts: Sequence[AlertSummary]
    """Highest score first; at least one."""
    case: ReviewCase | None
    """None where nobody has worked on it."""
    base: str | None = None
    """The base currency; None without exchange rates."""

    @property
    def first(self) -> AlertSummary:
        """The alert with the highest score."""
        return self.alerts[0]

    @property
    def value(self) -> float:
        """In the base currency, of the alerts that have an exchange rate."""
        return sum(alert.amount_base or 0 for alert in self.alerts)

    @property
    def expected_loss(self) -> float:
        """Return the expected loss of its alerts together: one look settles them all."""
        return sum(alert.expected_loss for alert in self.alerts)

    @property
    def likelihood(self) -> float:
        """Return the likelihood of the likeliest fraud among its alerts."""
        return max(alert.likelihood for alert in self.alerts)

    @property
    def since(self) -> int:
        """When the oldest alert was raised, epoch milliseconds."""
        return min(alert.created_at for alert in self.alerts)

    @property
    def until(self) -> int:
        """When the newest alert was raised, epoch milliseconds."""
        return max(alert.created_at for alert in self.alerts)

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules behind its alerts, each once; reason codes where they are not known."""
        return tuple(
            dict.fromkeys(rule for each in self.alerts for rule in (each.rules or each.reason_codes.split(",")) if rule)
        )

    @property
    def assignee(self) -> str | None:
        """The ARN of who has it: one of its alerts, or else the case."""
        return next(iter(self.holders), None)

    @property
    def holders(self) -> Sequence[str]:
        """The ARNs of all who have it or one of its alerts, each once."""
        having = [*(alert.assignee for alert in self.alerts), self.case.assignee if self.case else None]
        return list(dict.fromkeys(each for each in having if each))


class CaseQueue:
    """Finds cases."""

    def __init__(
        self,
        alerts: AlertQueue,
        cases: CaseStore,
        service_level: ServiceLevel = _NOTHING_PROMISED,
        clock: Callable[[], int] = epoch_milliseconds,
    ) -> None:
        """Store where alerts and cases are read, and how long they may wait; the clock returns epoch milliseconds."""
        self._alerts = alerts
        self._cases = cases
        self._service_level = service_level
        self._clock = clock

    def find(
        self,
        query: CaseQuery,
        limit: int | None = None,
        *,
        among: int,
        on_more: Callable[[], None] = lambda: None,
    ) -> list[QueuedCase]:
        """Return the cases that are wanted.

        Args:
            query: which, and in which order.
            limit: how many at most; None for all.
            among: how many alerts are looked at, the newest (or oldest, in that order).
            on_more: called where there may be more alerts than are looked at.
        """
        status = AlertStatus.CLOSED if query.state is CaseState.CLOSED else AlertStatus.OPEN
        order = AlertOrder.OLDEST if query.order is CaseOrder.OLDEST else AlertOrder.NEWEST
        asked = AlertQuery(status=status, order=order)
        alerts = self._alerts.find(asked, among=among)
        if len(alerts) == among:
            on_more()
            if order is AlertOrder.OLDEST and query.state is CaseState.OPEN:
                alerts = self._beside_expired(alerts, asked, among)
        named = {alert.case_id for alert in alerts if alert.case_id is not None}
        # A case with an open alert left is open, and its closed alerts are told with it.
        shown = {status, AlertStatus.OPEN}
        kept = {case.case_id: case for case in self._cases.by_ids(named) if case.status in shown}
        cases = [case for case in together(alerts, kept, self._alerts.base_currency) if self._is_wanted(case, query)]
        return sorted(cases, key=_KEYS[query.order])[:limit]

    def _beside_expired(self, oldest: Sequence[AlertSummary], asked: AlertQuery, among: int) -> list[AlertSummary]:
        """Return the oldest alerts without what has expired: there is ever more of it, and nobody is asked about it."""
        since = self._service_level.expired_before(self._clock())
        waiting = [each for each in oldest if each.created_at >= since or each.assignee or each.case_id]
        if len(waiting) == len(oldest):
            return waiting
        known = {each.transaction_id for each in waiting}
        later = self._alerts.find(replace(asked, raised_from=since), among=among)
        return [*waiting, *(each for each in later if each.transaction_id not in known)][:among]

    def _is_wanted(self, queued: QueuedCase, query: CaseQuery) -> bool:
        if query.state is not CaseState.CLOSED and self._state_of(queued) is not query.state:
            return False
        fits = AlertQuery(rule=query.rule, channel=query.channel).fits
        return (
            any(fits(alert) for alert in queued.alerts)
            and (query.minimum_value is None or queued.value >= query.minimum_value)
            and (query.assignee is None or query.assignee in (queued.holders or [""]))
        )

    def _state_of(self, queued: QueuedCase) -> CaseState:
        """Return whether an open case waits for somebody."""
        now = self._clock()
        if queued.case is not None and queued.case.is_snoozed(now):
            return CaseState.SNOOZED
        is_expired = not queued.holders and self._service_level.is_expired(queued.until, now)
        return CaseState.EXPIRED if is_expired else CaseState.OPEN


_KEYS: Final[Mapping[CaseOrder, Callable[[QueuedCase], tuple[float, ...]]]] = {
    CaseOrder.LOSS: lambda case: (-case.expected_loss, -case.likelihood),
    CaseOrder.VALUE: lambda case: (-case.value,),
    CaseOrder.SCORE: lambda case: (-case.first.score,),
    CaseOrder.OLDEST: lambda case: (case.since,),
    CaseOrder.NEWEST: lambda case: (-case.since,),
}


def together(
    alerts: Iterable[AlertSummary], kept: Mapping[str, ReviewCase], base: str | None = None
) -> list[QueuedCase]:
    """Group alerts that belong together: of one kept case; and of those in none, what has one customer or card.

    Args:
        alerts: of one status.
        kept: the stored cases, by their ids.
        base: the base currency.
    """
    groups: dict[str, list[AlertSummary]] = {}
    leads: dict[str, str] = {}
    """Group of each customer and card."""
    for alert in alerts:
        if alert.case_id is not None:
            groups.setdefault(f"case {alert.case_id}", []).append(alert)
            continue
        names = [alert.entity, *([EntityKind.CARD.key(alert.card)] if alert.card else [])]
        known = list(dict.fromkeys(leads[name] for name in names if name in leads)) or [alert.transaction_id]
        group = groups.setdefault(known[0], [])
        group.append(alert)
        for other in known[1:]:
            group += groups.pop(other)
            leads |= {name: known[0] for name, lead in leads.items() if lead == other}
        leads |= dict.fromkeys(names, known[0])
    return [
        QueuedCase(
            alerts=sorted(group, key=lambda alert: (-alert.score, alert.created_at)),
            case=kept.get(group[0].case_id or ""),
            base=base,
        )
        for group in groups.values()
    ]
