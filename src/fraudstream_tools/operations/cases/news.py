"""What other systems are told of kept cases: an event in the outbox, written together with the change of the case."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from fraudstream.contract import CASE_PREFIX, OUTBOX_RETENTION_DAYS, EventType
from fraudstream.detection.events import EVENT_VERSION, OutboundEvent
from fraudstream.durations import SECONDS_A_DAY
from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.decisions.label_sources import told_code
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.storage.updates import change_of
from fraudstream_tools.operations.cases.case import ReviewCase
from fraudstream_tools.operations.review.alert_summary import AlertStatus, AlertSummary
from fraudstream_tools.operations.review.reviews import ANALYST
from fraudstream_tools.rules.taken_names import EXPLORATION, MODEL

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import UpdateTypeDef


@dataclass(frozen=True, kw_only=True)
class CaseNews:
    """Tells of cases that begin, begin anew and end."""

    outbox: str
    """The table of events."""
    types: Collection[str]
    """Types of the events that are told; others are dropped."""
    environment: str
    """The stack's suffix, which each event names."""

    def of_change(
        self,
        before: ReviewCase | None,
        after: ReviewCase,
        alert: AlertSummary,
        label: Truth | None,
        source: str = ANALYST,
    ) -> "UpdateTypeDef | None":
        """Return what stores the event of a change; None where there is nothing to tell.

        Args:
            before: the case before it; None where it is opened.
            after: the case.
            alert: the one by which it is opened or closed.
            label: what the alert's transaction turned out to be.
            source: who says so.
        """
        event_type = _type_of(before, after)
        if event_type is None or event_type not in self.types:
            return None
        key = f"{CASE_PREFIX}{after.case_id}"
        event = OutboundEvent(
            event_id=f"{key}:{event_type}:{after.version}",
            event_type=event_type,
            event_version=EVENT_VERSION,
            event_time=str(after.events[-1].at),
            environment=self.environment,
            transaction_id=key,
            customer_id=after.entity.partition("#")[2],
            type=alert.type or "",
            amount_minor=str(alert.amount_minor or 0),
            currency=alert.currency or "",
            decision=alert.decision,
            score=str(alert.score),
            reason_codes=alert.reason_codes,
            rule_ids=",".join(rule for rule in alert.rules if rule not in (MODEL, EXPLORATION)),
            label=label or "",
            label_source=(label and told_code(source)) or "",
        )
        values = {
            **msgspec.to_builtins(event),
            "expiresAt": int(time.time()) + OUTBOX_RETENTION_DAYS * SECONDS_A_DAY,
        }
        keys = {name: values.pop(name) for name in ("transactionId", "eventId")}
        return {
            "TableName": self.outbox,
            "Key": to_item(keys),
            **change_of(to_item(values)),
        }


def news_of(*, outbox: str | None, types: str | None, environment: str) -> CaseNews | None:
    """Return what tells other systems of cases, by the outputs of a stack; None where it tells nobody anything."""
    return CaseNews(outbox=outbox, types=types.split(","), environment=environment) if outbox and types else None


def _type_of(before: ReviewCase | None, after: ReviewCase) -> EventType | None:
    if before is None:
        return EventType.KEPT_CASE_OPENED
    if before.status is after.status:
        return None
    return EventType.KEPT_CASE_CLOSED if after.status is AlertStatus.CLOSED else EventType.KEPT_CASE_REOPENED
