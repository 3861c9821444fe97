"""What a client reads: a transaction in its present state, or a problem."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from fraudstream.transactions.decisions import reasons
from fraudstream.transactions.decisions.decision import Decision, Truth, Verdict
from fraudstream.transactions.decisions.inline import InlineDecision
from fraudstream.transactions.decisions.label_sources import told_code
from fraudstream.transactions.storage.item import StoredTransaction
from fraudstream.transactions.transaction import Transaction


class Status(StrEnum):
    """How far the judging of a transaction is."""

    PENDING = "PENDING"
    DECIDED = "DECIDED"
    FAILED = "FAILED"


class DecisionStage(StrEnum):
    """Which decision is shown."""

    INLINE = "INLINE"
    FINAL = "FINAL"


class ReasonText(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why: one rule's or feature's part in a decision, with its sentence."""

    code: Annotated[str, Meta(description="Stable reason code.")]
    message: Annotated[str, Meta(description="The code's sentence; it may be reworded.")]
    source: Annotated[
        str | None, Meta(description="The rule or feature behind it; left out of an inline decision's reasons.")
    ] = None
    points: Annotated[
        float | None, Meta(description="Its contribution to the score; left out of an inline decision's reasons.")
    ] = None


class TransactionState(Transaction, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A transaction as it is stored, identifiers as tokens, with its decision and its label as far as there are any."""

    status: Annotated[
        Status,
        Meta(description="FAILED: no final decision came in time, and none comes without an operator's help."),
    ]
    decision: Annotated[Verdict | None, Meta(description="null until it is decided.")]
    score: Annotated[int | None, Meta(description="0 to 100; null until it is decided.")]
    reasons: Annotated[tuple[ReasonText, ...], Meta(description="Strongest first; empty until it is decided.")]
    ruleset_version: str | None
    model_version: Annotated[str | None, Meta(description="null also when rules decided alone.")]
    decided_at: Annotated[int | None, Meta(description="Epoch milliseconds; null until it is decided.")]
    decision_stage: Annotated[
        DecisionStage | None,
        Meta(
            description="INLINE: the decision was made while the client waited, and the final one, which may differ, "
            "follows. FINAL: it stays. null until it is decided."
        ),
    ]
    inline_decision: Annotated[
        InlineDecision | None,
        Meta(description="What a client that asked to wait was answered at once; it never changes."),
    ] = None
    label: Truth | None = None
    label_source: str | None = None
    labeled_at: Annotated[int | None, Meta(description="Epoch milliseconds.")] = None
    fraud_type: Annotated[str | None, Meta(description="The kind of fraud, if somebody named it.")] = None
    action_taken: Annotated[
        str | None, Meta(description="What you did with it, if you said so: BLOCKED, CHALLENGED, ALLOWED or REVERSED.")
    ] = None
    action_at: Annotated[int | None, Meta(description="Epoch milliseconds.")] = None


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one field; never its value."""

    field: Annotated[str, Meta(description="The field's name, `metadata.<name>` for a part of metadata.")]
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Why a request was not served (RFC 9457): the function and the gateway answer with the same members."""

    type: str = msgspec.field(default="about:blank")
    title: str
    status: Annotated[
        int | msgspec.UnsetType, Meta(description="The answer's status; the gateway leaves it out of rare refusals.")
    ] = msgspec.UNSET
    detail: str
    errors: Annotated[tuple[FieldError, ...], Meta(description="Empty unless single fields are wrong.")] = ()
    request_id: Annotated[str, Meta(description="Finds the request in the logs.")]


def present_state(stored: StoredTransaction, *, failed_before: int) -> TransactionState:
    """Build what a client reads of a transaction.

    Args:
        stored: the transaction, with its decisions and its label as far as there are any.
        failed_before: epoch milliseconds; transactions without a final decision received before it show as failed.
    """
    transaction, decision, label, answered, action = stored
    inline = answered if isinstance(answered, InlineDecision) else None
    newest = decision or inline
    return TransactionState(
        **msgspec.structs.asdict(transaction),
        status=_status(stored, is_late=transaction.received_at < failed_before),
        decision=newest.decision if newest else None,
        score=newest.score if newest else None,
        reasons=_texts(newest) if newest else (),
        ruleset_version=newest.ruleset_version if newest else None,
        model_version=newest.model_version if newest else None,
        decided_at=newest.decided_at if newest else None,
        decision_stage=DecisionStage.FINAL if decision else DecisionStage.INLINE if inline else None,
        inline_decision=inline,
        label=label.label if label else None,
        label_source=told_code(label.label_source) if label else None,
        labeled_at=label.labeled_at if label else None,
        fraud_type=told_code(label.kind_of_fraud) if label else None,
        action_taken=told_code(action.action_taken) if action else None,
        action_at=action.action_at if action else None,
    )


def _status(stored: StoredTransaction, *, is_late: bool) -> Status:
    if stored.decision:
        return Status.DECIDED
    if is_late:
        return Status.FAILED
    return Status.DECIDED if isinstance(stored.inline, InlineDecision) else Status.PENDING


def _texts(decision: Decision | InlineDecision) -> tuple[ReasonText, ...]:
    if isinstance(decision, InlineDecision):
        return tuple(ReasonText(code=code, message=reasons.sentence(code)) for code in decision.reason_codes)
    return tuple(
        ReasonText(code=reason.code, message=reasons.sentence(reason.code), source=reason.source, points=reason.points)
        for reason in decision.reasons
    )
