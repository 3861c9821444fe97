"""The decision log's records: what S3 keeps of every transaction, decision and label, without personal data.

A record's columns are the field names of `LogRecord`. Identifiers are the tokens that the door made; card BIN, last
four digits, places and metadata stay out.
"""

import base64
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from fraudstream.transactions.attributes import AttributeValue
from fraudstream.transactions.decision import Decision, Label
from fraudstream.transactions.money import exponent
from fraudstream.transactions.transaction import Kind, Transaction

SCHEMA_VERSION = 1
"""Raised whenever a column changes its meaning or goes; a new optional column does not raise it."""


LARGEST_NUMBER = 253_402_300_799_999
"""The last millisecond of the year 9999: every time, amount and score of a transaction is at most that."""


class PoisonRecordError(ValueError):
    """A stream record that cannot be read; the message says of which kind the fault is, and holds no value."""


class LogEvent(StrEnum):
    """What happened to a transaction."""

    STORED = "STORED"
    DECIDED = "DECIDED"
    LABELED = "LABELED"


class LogRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One line of the decision log. Times are epoch milliseconds, amounts minor units, identifiers tokens."""

    schema_version: int
    event: LogEvent
    logged_at: int
    """When the change entered the table's stream."""
    transaction_id: str
    timestamp: int
    received_at: int
    amount_minor: int
    currency: str

    # of decisions, and of labels of decided transactions
    type: str | None = None
    customer_id: str | None = None
    card_token: str | None = None
    merchant_id: str | None = None
    merchant_category_code: str | None = None
    merchant_country: str | None = None
    card_country: str | None = None
    billing_country: str | None = None
    ip_country: str | None = None
    terminal_id: str | None = None
    device_id: str | None = None
    ip_address: str | None = None
    counterparty_token: str | None = None
    channel: str | None = None
    entry_mode: str | None = None
    authorization_result: str | None = None
    response_code: str | None = None
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
    ruleset_version: str | None = None
    model_version: str | None = None
    shadow_model: str | None = None
    """Version of the model that was watched and did not count."""
    shadow_score: int | None = None
    """The score that it and the rules would have given."""
    decided_at: int | None = None

    # of labels
    label: str | None = None
    label_source: str | None = None
    labeled_at: int | None = None


_COPIED = (
    "type", "customer_id", "card_token", "merchant_id", "merchant_category_code", "merchant_country", "card_country",
    "billing_country", "ip_country", "terminal_id", "device_id", "ip_address", "counterparty_token", "channel",
    "entry_mode", "authorization_result", "response_code",
)  # fmt: skip


def read_stream_record(record: Mapping[str, Any]) -> list[LogRecord]:
    """Return the log records that a stream record amounts to; most often one, none where nothing new is in it.

    Args:
        record: a record as Lambda hands it over, with new and old image.

    Raises:
        PoisonRecordError: the record is not one of a transaction.
    """
    try:
        stream = record["dynamodb"]
        new: Mapping[str, AttributeValue] = stream.get("NewImage") or {}
        old: Mapping[str, AttributeValue] = stream.get("OldImage") or {}
        if new.get("kind") != {"S": Kind.TRANSACTION.value}:
            return []
        records = _changes(new, old, logged_at=round(stream["ApproximateCreationDateTime"] * 1000))
        for each in records:
            _check(each)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise PoisonRecordError(f"not a transaction's stream record: {type(error).__name__}") from None
    return records


def _check(record: LogRecord) -> None:
    # One such line in the log, and no report of its day could be made.
    exponent(record.currency)
    numbers = (value for value in msgspec.structs.astuple(record) if isinstance(value, int))
    if not all(0 <= number <= LARGEST_NUMBER for number in numbers):
        raise ValueError("a number that is no time, amount or score")


def _changes(
    new: Mapping[str, AttributeValue], old: Mapping[str, AttributeValue], *, logged_at: int
) -> list[LogRecord]:
    transaction = Transaction.from_item(new)
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
        records.append(LogRecord(event=LogEvent.STORED, **common))
    decision, label = Decision.from_item(new), Label.from_item(new)
    known = common if decision is None else common | _decision_columns(transaction, decision)
    newly_decided = decision is not None and "decision" not in old
    if newly_decided:
        records.append(LogRecord(event=LogEvent.DECIDED, **known))
    # A label says all that it is about: weeks later nobody has to look its transaction up. One that was there before
    # the decision is said again with it.
    if label is not None and (newly_decided or label != Label.from_item(old)):
        records.append(LogRecord(event=LogEvent.LABELED, **known, **msgspec.structs.asdict(label)))
    return records


def _decision_columns(transaction: Transaction, decision: Decision) -> dict[str, Any]:
    return {name: getattr(transaction, name) for name in _COPIED} | {
        "decision": decision.decision,
        "score": decision.score,
        "reasons": tuple(reason.code for reason in decision.reasons),
        "sources": tuple(reason.source for reason in decision.reasons),
        "points": tuple(reason.points for reason in decision.reasons),
        "unevaluable_rules": decision.unevaluable_rules,
        "shadow_hits": decision.shadow_hits,
        "features": base64.b64encode(decision.features).decode() if decision.features else None,
        "ruleset_version": decision.ruleset_version,
        "model_version": decision.model_version,
        "shadow_model": decision.shadow_model,
        "shadow_score": decision.shadow_score,
        "decided_at": decision.decided_at,
    }
