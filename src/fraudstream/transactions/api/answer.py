"""What a client reads: a transaction in its present state, or a problem."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from fraudstream.transactions import reasons
from fraudstream.transactions.decision import Decision, Label, Truth, Verdict
from fraudstream.transactions.transaction import Transaction


class Status(StrEnum):
    """How far the judging of a transaction is."""

    PENDING = "PENDING"
    DECIDED = "DECIDED"
    FAILED = "FAILED"


class ReasonText(msgspec.Struct, frozen=True, kw_only=True):
    """Why: one rule's or feature's part in a decision, with its sentence."""

    code: Annotated[str, Meta(description="Stable reason code.")]
    message: Annotated[str, Meta(description="The code's sentence; it may be reworded.")]
    source: Annotated[str, Meta(description="The rule or feature behind it.")]
    points: Annotated[float, Meta(description="Its contribution to the score.")]


class TransactionState(Transaction, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A transaction as it is stored, identifiers as tokens, with its decision and its label as far as there are any."""

    status: Annotated[
        Status, Meta(description="FAILED: no decision came in time, and none comes without an operator's help.")
    ]
    decision: Annotated[Verdict | None, Meta(description="null until it is decided.")]
    score: Annotated[int | None, Meta(description="0 to 100; null until it is decided.")]
    reasons: Annotated[tuple[ReasonText, ...], Meta(description="Strongest first; empty until it is decided.")]
    ruleset_version: str | None
    model_version: Annotated[str | None, Meta(description="null also when rules decided alone.")]
    decided_at: Annotated[int | None, Meta(description="Epoch milliseconds; null until it is decided.")]
    label: Truth | None = None
    label_source: str | None = None
    labeled_at: Annotated[int | None, Meta(description="Epoch milliseconds.")] = None


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


def present_state(
    transaction: Transaction, decision: Decision | None, label: Label | None, *, failed_before: int
) -> TransactionState:
    """Build what a client reads of a transaction.

    Args:
        transaction: as stored.
        decision: as stored with it, if there is one.
        label: as stored with it, if there is one.
        failed_before: epoch milliseconds; undecided transactions received before it show as failed.
    """
    undecided = Status.FAILED if transaction.received_at < failed_before else Status.PENDING
    return TransactionState(
        **msgspec.structs.asdict(transaction),
        status=Status.DECIDED if decision else undecided,
        decision=decision.decision if decision else None,
        score=decision.score if decision else None,
        reasons=_texts(decision) if decision else (),
        ruleset_version=decision.ruleset_version if decision else None,
        model_version=decision.model_version if decision else None,
        decided_at=decision.decided_at if decision else None,
        label=label.label if label else None,
        label_source=label.label_source if label else None,
        labeled_at=label.labeled_at if label else None,
    )


def _texts(decision: Decision) -> tuple[ReasonText, ...]:
    return tuple(
        ReasonText(code=reason.code, message=reasons.sentence(reason.code), source=reason.source, points=reason.points)
        for reason in decision.reasons
    )
