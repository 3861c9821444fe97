"""The decision log's records: what S3 keeps of every transaction, decision and label, without personal data.

A record's columns are the field names of `LogRecord`. Identifiers are the tokens that the API made; card BIN, last
four digits, places and metadata stay out.
"""

import base64
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fraudstream.detection.features import named_values
from fraudstream.durations import DAY
from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream.transactions.decisions.decision import ActionTaken, Decision, Label
from fraudstream.transactions.decisions.inline import InlineDecision, InlineResult
from fraudstream.transactions.decisions.label_sources import told_code
from fraudstream.transactions.storage.attributes import AttributeValue
from fraudstream.transactions.storage.item import (
    PoisonRecordError,
    decode_changed,
    image_of_transaction,
    is_restoration,
)
from fraudstream.transactions.transaction import FIELDS, Transaction
from fraudstream.transactions.values.money import exponent

SCHEMA_VERSION = 1
"""Raised whenever a column changes its meaning or goes; a new optional column does not raise it. A line of a newer
version is set aside, and named: read as what it is not, it would be worse than missing."""


NO_CURRENCY = "XXX"
"""ISO 4217's code where there is no currency: of what cannot be read."""
LARGEST_NUMBER = 253_402_300_799_999
"""The last millisecond of the year 9999: every time, amount and score of a transaction is at most that."""


class LogEvent(StrEnum):
    """What happened to a transaction."""

    STORED = "STORED"
    UNREADABLE = "UNREADABLE"
    """It was stored, but is no transaction: it will not be decided before somebody repairs it."""
    DECIDED = "DECIDED"
    LABELED = "LABELED"


class _Head(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The columns of every line."""

    schema_version: int
    event: LogEvent
    logged_at: int
    """When the change entered the table's stream."""
    transaction_id: str
    timestamp: int
    received_at: int
    amount_minor: int
    currency: str


_COPIED: Final = tuple(field.name for field in FIELDS if field.spec.logged)
"""Fields of a transaction that decisions, and labels of decided transactions, repeat: the declaration says which."""

if TYPE_CHECKING:
    _Columns = _Head
else:
    _Columns = msgspec.defstruct(
        "_Columns",
        [(name, str | None, None) for name in _COPIED],
        bases=(_Head,),
        module=__name__,
        frozen=True,
        kw_only=True,
        rename="camel",
        omit_defaults=True,
    )


class LogRecord(_Columns, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One line of the decision log. Times are epoch milliseconds, amounts minor units, identifiers tokens."""

    if TYPE_CHECKING:
        # The columns of a transaction's fields are known only when the declaration has been read.
        def __init__(self, **columns: Any) -> None: ...  # noqa: ANN401  (each column has its type)

    # of clients that waited
    inline_decision: str | None = None
    inline_score: int | None = None
    inline_reasons: tuple[str, ...] = ()
    """Reason codes, strongest first."""
    inline_ruleset_version: str | None = None
    inline_model_version: str | None = None
    inline_decided_at: int | None = None
    inline_fallback: str | None = None
    """Why there was no inline decision."""

    # of clients that were advised on the payment's authentication
    sca_exemption: str | None = None
    sca_band: int | None = None
    """Euros up to which the provider's fraud rate exempts payments, of the exemption by risk analysis."""
    sca_why: tuple[str, ...] = ()

    # of decisions
    decision: str | None = None
    score: int | None = None
    reasons: tuple[str, ...] = ()
    """Reason codes, strongest first."""
    sources: tuple[str, ...] = ()
    """What is behind each reason, in the same order: the id of a rule, or the name of a feature."""
    points: tuple[float, ...] = ()
    """What each reason added to the score, in the same order."""
    unevaluable_rules: tuple[str, ...] = ()
    shadow_hits: tuple[str, ...] = ()
    features: str | None = None
    """The packed feature vector, base64."""
    feature_schema: int | None = None
    """Version of the list of features that it was computed by; None of a vector that cannot be read."""
    feature_values: tuple[float | None, ...] = ()
    """Its values one by one, so that any reader of JSON has them: see `named_values`."""
    ruleset_version: str | None = None
    model_version: str | None = None
    shadow_model: str | None = None
    """Version of the model that was watched and did not count."""
    shadow_score: int | None = None
    """The score that it and the rules would have given."""
    probability: float | None = None
    """Probability of fraud that somebody reports sooner or later, by a calibrated live model and the rules."""
    listed_as: tuple[str, ...] = ()
    """On which lists its entities were, such as `blocked:card`; those of lists.yaml follow from the ruleset."""
    exploration_propensity: float | None = None
    """Probability with which an approval was put into the review queue by chance; None of all others."""
    decided_at: int | None = None

    # of labels
    label: str | None = None
    label_source: str | None = None
    labeled_at: int | None = None
    learnt: bool | None = None
    """Whether the profiles had learnt the label when this was logged; None in a log of a version that did not say."""
    fraud_type: str | None = None
    action_taken: str | None = None
    """What the client did with the payment, if that was told by then."""
    action_at: int | None = None


def read_stream_record(record: Mapping[str, Any]) -> list[LogRecord]:
    """Return the log records that a stream record amounts to; most often one, none where nothing new is in it.

    Args:
        record: a record as Lambda hands it over, with new and old image.

    A new item that is no transaction is logged by its id, so that it is missed until it is repaired and decided.

    Raises:
        PoisonRecordError: the record is not one of a transaction, and not of a new one that can be named.
    """
    try:
        return _read(record)
    except PoisonRecordError:
        if (unreadable := _unreadable(record)) is None:
            raise
        return [unreadable]


def _read(record: Mapping[str, Any]) -> list[LogRecord]:
    try:
        stream = record["dynamodb"]
        new, old = (image_of_transaction(stream.get(image) or {}) for image in ("NewImage", "OldImage"))
        if not new or is_restoration(new, old):
            return []
        records = _changes(new, old, logged_at=round(stream["ApproximateCreationDateTime"] * 1000))
        for each in records:
            _check(each)
    except PoisonRecordError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise PoisonRecordError(f"not a transaction's stream record: {type(error).__name__}") from None
    return records


def _unreadable(record: Mapping[str, Any]) -> LogRecord | None:
    """Return what can be said of a new item that is no transaction: its id and when it came in."""
    try:
        stream = record["dynamodb"]
        image = stream["NewImage"]
        name, logged_at = image["transactionId"]["S"], round(stream["ApproximateCreationDateTime"] * 1000)
        if image_of_transaction(stream.get("OldImage") or {}) or not isinstance(name, str) or holds_card_number(name):
            return None
        unreadable = LogRecord(
            event=LogEvent.UNREADABLE,
            schema_version=SCHEMA_VERSION,
            logged_at=logged_at,
            transaction_id=name,
            timestamp=int(image["timestamp"]["N"]),
            received_at=_received_at(image, logged_at),
            amount_minor=0,
            currency=NO_CURRENCY,
        )
        _check_numbers(unreadable)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
    return unreadable


def _received_at(image: Mapping[str, Any], logged_at: int) -> int:
    try:
        received_at = int(image["receivedAt"]["N"])
    except (KeyError, TypeError, ValueError):
        return logged_at
    # A stream is at most a day behind: another time is as wrong as the rest of the item.
    return received_at if abs(received_at - logged_at) <= DAY else logged_at


def _check(record: LogRecord) -> None:
    # One such line in the log, and no report of its day could be made.
    exponent(record.currency)
    _check_numbers(record)


def _check_numbers(record: LogRecord) -> None:
    numbers = (value for value in msgspec.structs.astuple(record) if isinstance(value, int))
    if not all(0 <= number <= LARGEST_NUMBER for number in numbers):
        raise ValueError("a number that is no time, amount or score")


def _changes(
    new: Mapping[str, AttributeValue], old: Mapping[str, AttributeValue], *, logged_at: int
) -> list[LogRecord]:
    transaction, decision, label, inline, action = decode_changed(new, old)
    common: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "logged_at": logged_at,
        "transaction_id": transaction.transaction_id,
        "timestamp": transaction.timestamp,
        "received_at": transaction.received_at,
        "amount_minor": transaction.amount_minor,
        "currency": transaction.currency,
    }
    records: list[LogRecord] = []
    if not old:
        records.append(LogRecord(event=LogEvent.STORED, **common, **_inline_columns(inline)))
    known = common if decision is None else common | _decision_columns(transaction, decision)
    if decision is not None and inline is not None:
        # Beside the final one, so that the two can be compared wherever decisions are read.
        known |= _answer_columns(inline)
    newly_decided = decision is not None and "decision" not in old
    if newly_decided:
        records.append(LogRecord(event=LogEvent.DECIDED, **known))
    # A label says all that it is about: weeks later its transaction need not be looked up. One that was there before
    # the decision is said again with it.
    if label is not None:
        learnt = _is_learnt(new, label)
        # It is said once more when profiles have learnt it: a label that was given up would look like one that was not;
        # and when it is told what the client did, which tells something only of what turned out to be fraud.
        is_new = newly_decided or (label, action) != (_known(Label, old), _known(ActionTaken, old))
        if is_new or (learnt and not _is_learnt(old, label)):
            records.append(LogRecord(event=LogEvent.LABELED, learnt=learnt, **known, **_label_columns(label, action)))
    return records


def _label_columns(label: Label, action: ActionTaken | None) -> dict[str, Any]:
    return {
        "label": label.label,
        "label_source": told_code(label.label_source) or "",
        "labeled_at": label.labeled_at,
        "fraud_type": told_code(label.kind_of_fraud),
        "action_taken": told_code(action.action_taken) if action else None,
        "action_at": action.action_at if action else None,
    }


def _is_learnt(image: Mapping[str, AttributeValue], label: Label) -> bool:
    return (image.get("learntLabel"), image.get("learntLabeledAt")) == (
        {"S": label.label.value},
        {"N": str(label.labeled_at)},
    )


def _known(kind: type[Label] | type[ActionTaken], old: Mapping[str, AttributeValue]) -> Label | ActionTaken | None:
    try:
        return kind.from_item(old)
    # It was damaged, and repaired by this change.
    except (msgspec.ValidationError, KeyError, TypeError, ValueError, AttributeError):
        return None


def _inline_columns(inline: InlineResult | None) -> dict[str, Any]:
    if inline is None:
        return {}
    if not isinstance(inline, InlineDecision):
        return _answer_columns(inline)
    return {
        "inline_score": inline.score,
        "inline_reasons": inline.reason_codes,
        "inline_ruleset_version": inline.ruleset_version,
        "inline_model_version": inline.model_version,
        "inline_decided_at": inline.decided_at,
        **_answer_columns(inline),
    }


def _answer_columns(inline: InlineResult) -> dict[str, Any]:
    if not isinstance(inline, InlineDecision):
        return {"inline_fallback": inline}
    return {"inline_decision": inline.decision} | _advice_columns(inline)


def _advice_columns(inline: InlineDecision) -> dict[str, Any]:
    advice = inline.sca_advice
    if advice is msgspec.UNSET:
        return {}
    return {"sca_exemption": advice.exemption, "sca_band": advice.band, "sca_why": advice.why}


def _decision_columns(transaction: Transaction, decision: Decision) -> dict[str, Any]:
    listed = named_values.listed(decision.features)
    return {name: getattr(transaction, name) for name in _COPIED} | {
        "decision": decision.decision,
        "score": decision.score,
        "reasons": tuple(reason.code for reason in decision.reasons),
        "sources": tuple(reason.source for reason in decision.reasons),
        "points": tuple(reason.points for reason in decision.reasons),
        "unevaluable_rules": decision.unevaluable_rules,
        "shadow_hits": decision.shadow_hits,
        "features": base64.b64encode(decision.features).decode() if decision.features else None,
        "feature_schema": listed and listed.schema,
        "feature_values": listed.values if listed else (),
        "ruleset_version": decision.ruleset_version,
        "model_version": decision.model_version,
        "shadow_model": decision.shadow_model,
        "shadow_score": decision.shadow_score,
        "probability": decision.probability,
        "listed_as": decision.listed_as,
        "exploration_propensity": decision.exploration_propensity,
        "decided_at": decision.decided_at,
    }
