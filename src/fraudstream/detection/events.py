"""What other systems are told of a transaction: events, made of what was decided and of what turned out to be true.

An event's id follows from what it tells: whoever receives it twice knows it by its id.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from fraudstream.contract import EntityKind, EventType
from fraudstream.detection.profiles.entities import entities
from fraudstream.transactions.decisions.decision import Decision, Label, Verdict
from fraudstream.transactions.decisions.inline import InlineDecision, InlineResult
from fraudstream.transactions.decisions.label_sources import told_code
from fraudstream.transactions.decisions.reasons import NO_RULES_CODES
from fraudstream.transactions.transaction import Transaction

EVENT_VERSION: Final = "1"
"""Version of what the fields mean; fields are added within one version."""

_Digits = Annotated[str, Meta(pattern="^[0-9]+$")]
_Codes = Annotated[str, Meta(pattern=r"^([A-Za-z0-9_.-]+(,[A-Za-z0-9_.-]+)*)?$")]


class OutboundEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One event, version 1. Each field is a text, and always there: empty where the event has nothing to say of it."""

    event_id: Annotated[str, Meta(description="The same whenever the same thing is told again.")]
    event_type: EventType
    event_version: Annotated[Literal["1"], Meta(description="Raised when a field changes its meaning or disappears.")]
    event_time: Annotated[
        _Digits, Meta(description="When it happened: epoch milliseconds. Events may arrive in another order.")
    ]
    environment: Annotated[str, Meta(description="The stack's environmentSuffix.")]
    transaction_id: Annotated[
        str, Meta(description="The transaction that the event is about; of a kept case, case# and the case's id.")
    ]
    customer_id: Annotated[str, Meta(description="The token of the transaction's customer.")]
    type: Annotated[str, Meta(description="The transaction's type, such as PAYMENT; empty where it is not known.")]
    amount_minor: Annotated[_Digits, Meta(description="In the currency's minor units; 0 where it is not known.")]
    currency: Annotated[str, Meta(description="ISO 4217; empty where it is not known.")]
    decision: Annotated[str, Meta(description="APPROVE, REVIEW or DECLINE; empty for a label.")] = ""
    score: Annotated[str, Meta(pattern="^[0-9]*$", description="0 to 100; empty for a label.")] = ""
    reason_codes: Annotated[_Codes, Meta(description="Separated by commas, strongest first.")] = ""
    rule_ids: Annotated[_Codes, Meta(description="The rules behind the reasons, separated by commas.")] = ""
    inline_decision: Annotated[str, Meta(description="What the client was answered at once, if it waited.")] = ""
    label: Annotated[str, Meta(description="FRAUD or LEGITIMATE; empty where nothing is known.")] = ""
    label_source: Annotated[str, Meta(description="Who said so, such as analyst or chargeback.")] = ""


def decision_events(
    transaction: Transaction, decision: Decision, inline: InlineResult | None, *, environment: str, has_alert: bool
) -> list[OutboundEvent]:
    """Return what there is to tell of a decision.

    Args:
        transaction: what was judged.
        decision: the one that is stored.
        inline: what its client was answered at once.
        environment: the stack's suffix.
        has_alert: whether an alert was opened: none is, where the truth was known before.
    """
    types: list[EventType] = []
    if decision.decision is not Verdict.APPROVE:
        types = [EventType.CASE_OPENED, EventType.TRANSACTION_FLAGGED] if has_alert else [EventType.TRANSACTION_FLAGGED]
    elif has_alert and decision.exploration_propensity is not None:
        types = [EventType.CASE_OPENED]
    answered = inline.decision if isinstance(inline, InlineDecision) else None
    if answered is not None and answered is not decision.decision:
        types.append(EventType.DECISION_REVISED)
    rules = [reason.source for reason in decision.reasons if reason.code not in NO_RULES_CODES]
    said = {
        "decision": decision.decision,
        "score": str(decision.score),
        "reason_codes": ",".join(dict.fromkeys(reason.code for reason in decision.reasons)),
        "rule_ids": ",".join(dict.fromkeys(rules)),
        "inline_decision": answered or "",
    }
    return [_event(each, transaction, decision.decided_at, environment, **said) for each in types]


def label_events(
    transaction: Transaction, label: Label, *, environment: str, closes_alert: bool
) -> list[OutboundEvent]:
    """Return what there is to tell of a label.

    Args:
        transaction: what is labelled.
        label: what it turned out to be.
        environment: the stack's suffix.
        closes_alert: whether the transaction has an alert, which the label closes. An alert is closed once: a later
            label tells of itself only.
    """
    said = {"label": label.label.value, "label_source": told_code(label.label_source) or ""}
    # A label may change at the same moment: what it says is part of what it is known by.
    event = _event(EventType.LABEL_SET, transaction, label.labeled_at, environment, **said)
    events = [msgspec.structs.replace(event, event_id=f"{event.event_id}:{label.labeled_at}:{label.label}")]
    if closes_alert:
        events.append(_event(EventType.CASE_CLOSED, transaction, label.labeled_at, environment, **said))
    return events


def _event(event_type: EventType, transaction: Transaction, at: int, environment: str, **said: str) -> OutboundEvent:
    return OutboundEvent(
        event_id=f"{transaction.transaction_id}:{event_type}",
        event_type=event_type,
        event_version=EVENT_VERSION,
        event_time=str(at),
        environment=environment,
        transaction_id=transaction.transaction_id,
        customer_id=entities(transaction)[EntityKind.CUSTOMER].partition("#")[2],
        type=transaction.type,
        amount_minor=str(transaction.amount_minor),
        currency=transaction.currency,
        **said,
    )
