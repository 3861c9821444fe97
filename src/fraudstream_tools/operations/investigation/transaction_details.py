"""Everything that is known of one transaction: its fields, decision, label and alert, and what happened to it when."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fraudstream.contract import DECISION_DEADLINE_SECONDS, EXPLORATION_PROPENSITY, RESTORED_AT
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.durations import SECOND
from fraudstream.transactions.api.answer import present_state
from fraudstream.transactions.decisions.decision import plain_values
from fraudstream.transactions.storage.item import decode, without_damaged
from fraudstream.transactions.storage.store import newest_item
from fraudstream_tools.operations.investigation.evidence import DecisionEvidence, judgement_of
from fraudstream_tools.operations.review.alert_summary import AlertStatus, AlertSummary
from fraudstream_tools.operations.review.alerts import AlertQueue

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BESIDE: Final = (
    "unevaluableRules",
    "shadowHits",
    "shadowModel",
    "shadowScore",
    "probability",
    EXPLORATION_PROPENSITY,
    "listedAs",
    "learntLabel",
    "learntLabeledAt",
    "labelApprovedAt",
    "labelApprovedBy",
    "redrivenAt",
    RESTORED_AT,
)
"""Attributes of a transaction's item that no client reads."""


@dataclass(frozen=True, kw_only=True)
class HistoryEvent:
    """Something that happened to a transaction."""

    at: int
    """Epoch milliseconds."""
    what: str


@dataclass(frozen=True, kw_only=True)
class TransactionDetails:
    """Everything that is known of a transaction."""

    state: Mapping[str, Any]
    """The transaction as the API answers it; from the table, also what no client reads."""
    alert: AlertSummary | None = None
    judgement: DecisionEvidence = field(default_factory=DecisionEvidence)
    """What the decision saw, as far as the table was read."""
    rules: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the rules behind its decision look for, by their ids; without those that are not active any more."""
    ruleset: str | None = None
    """The version of the ruleset that says so."""

    @property
    def history(self) -> list[HistoryEvent]:
        """What happened to it, in order."""
        return history_of(self.state, self.alert)


def read_details(
    dynamodb: "DynamoDBClient", *, transactions: str, alerts: str, transaction_id: str, ruleset: Ruleset | None
) -> TransactionDetails | None:
    """Read everything that the tables hold of a transaction; None where it is not stored.

    Args:
        dynamodb: the client to read with.
        transactions: the table of transactions.
        alerts: the table of alerts.
        transaction_id: the client's id.
        ruleset: says what rules look for; None where it cannot be had.

    Raises:
        PoisonRecordError: what is stored is no transaction.
    """
    found = newest_item(dynamodb, transactions, transaction_id)
    if found is None:
        return None
    item = without_damaged(found)
    failed_before = int((time.time() - DECISION_DEADLINE_SECONDS) * SECOND)
    stored = decode(item)
    state = msgspec.to_builtins(present_state(stored, failed_before=failed_before))
    values = plain_values(item)
    beside = {name: values[name] for name in _BESIDE if name in values}
    alert = AlertQueue(dynamodb, alerts=alerts, transactions=transactions).get(transaction_id)
    details = TransactionDetails(state=state | beside, alert=alert, judgement=judgement_of(stored, ruleset))
    return described(details, ruleset)


def described(details: TransactionDetails, ruleset: Ruleset | None) -> TransactionDetails:
    """Return the same details with what a ruleset says of the rules behind the decision."""
    if ruleset is None:
        return details
    sources = {reason.get("source") for reason in details.state.get("reasons") or ()}
    rules = {rule.id: rule.description for rule in ruleset.rules if rule.id in sources}
    return replace(details, rules=rules, ruleset=ruleset.version)


def history_of(state: Mapping[str, Any], alert: AlertSummary | None) -> list[HistoryEvent]:
    """Return what happened to a transaction, in order.

    Args:
        state: the transaction as the API answers it, or more of it.
        alert: its alert, if there is one.
    """
    inline: Mapping[str, Any] = state.get("inlineDecision") or {}
    events = [
        (state["timestamp"], "it happened, by the client's clock"),
        (state["receivedAt"], "it was received"),
        (inline.get("decidedAt"), f"its client was answered at once: {inline.get('decision')}"),
        (state.get("decidedAt") if state.get("decisionStage") != "INLINE" else None, _decided(state)),
        (state.get("labeledAt"), f"labelled {state.get('label')}, says {state.get('labelSource')}"),
        (state.get("labelApprovedAt") or None, f"the label was approved by {state.get('labelApprovedBy')}"),
        (state.get("actionAt"), f"the client did this: {state.get('actionTaken')}"),
        (state.get("redrivenAt"), "sent to the analyzer again by an operator"),
        (state.get(RESTORED_AT), "brought back from a restored table"),
    ]
    if alert is not None:
        events.append((alert.created_at, "an alert was raised"))
        if alert.status is AlertStatus.CLOSED:
            events.append(
                (closed_at(state, alert), f"the alert was closed{f' as {alert.label}' if alert.label else ''}")
            )
    # Sorting keeps the order of what happened in the same millisecond.
    return sorted((HistoryEvent(at=at, what=what) for at, what in events if at is not None), key=lambda event: event.at)


def closed_at(state: Mapping[str, Any], alert: AlertSummary) -> int | None:
    """Return when an alert was closed, epoch milliseconds; None where it is open, or does not say it.

    A closed alert has its label's time. Where labels need two people, it was open until the second one approved it.

    Args:
        state: its transaction.
        alert: the alert.
    """
    approved_at = state.get("labelApprovedAt") if state.get("labeledAt") == alert.closed_at else None
    return max(alert.closed_at, approved_at) if alert.closed_at and approved_at else alert.closed_at


def _decided(state: Mapping[str, Any]) -> str:
    by = f"ruleset {state.get('rulesetVersion')}"
    if state.get("modelVersion"):
        by += f" and model {state['modelVersion']}"
    return f"decided {state.get('decision')} with a score of {state.get('score')} by {by}"
