"""Labels and actions: what a payment turned out to be, and what the client did with it.

The analyzer learns from each label within a second. Whatever AWS refuses is raised as `ClientError`, and what cannot be
reached as `BotoCoreError`.
"""

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from botocore.exceptions import ClientError

from fraudstream.aws.dynamodb_errors import raise_unless_overtaken
from fraudstream.aws.errors import error_code
from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import NETWORK_REFERENCE_INDEX
from fraudstream.durations import DAY
from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream.transactions.decisions.decision import Action, ActionTaken, FraudType, Label, Truth
from fraudstream.transactions.decisions.label_sources import SOURCE_MUST_BE, is_source, told_code
from fraudstream.transactions.storage.attributes import Item, from_item
from fraudstream.transactions.storage.item import damaged, without_damaged
from fraudstream.transactions.storage.store import newest_item
from fraudstream.transactions.storage.updates import change_of
from fraudstream.transactions.transaction import TransactionType
from fraudstream.transactions.values.times import is_before
from fraudstream_tools.outcomes import PaymentKey, PaymentOutcome, newest
from fraudstream_tools.redaction import shown

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream_tools.operations.review.label_approval import LabelApproval

_ATTEMPTS: Final = 5
_COMPARED: Final = ("label", "labeledAt", "fraudType", "fraudTypeAt", "actionTaken", "actionAt")
_APPROVED: Final = ("labelApprovedAt", "labelApprovedBy")
_READ: Final = f"transactionId, #timestamp, expiresAt, labelSource, {', '.join((*_COMPARED, *_APPROVED))}"
_TAKING_BACK: Final = ({"S": TransactionType.REFUND.value}, {"S": TransactionType.REVERSAL.value})
_NO_INDEX: Final = "ValidationException"
_MOST_OF_A_REFERENCE: Final = 20
"""Transactions that are looked at; own choice: a payment, and what took parts of it back."""


class LabelError(RuntimeError):
    """A transaction cannot be labelled."""


class Given(Enum):
    """What came of telling an outcome."""

    WRITTEN = "written"
    REPEATED = "already there"
    OVERTAKEN = "overtaken by a newer one"
    TOO_EARLY = "older than their transactions, and refused"
    MISSING = "without a stored transaction"
    AMBIGUOUS = "with a reference that several payments have, and refused"


class ToldOfLabel(NamedTuple):
    """What came of telling an outcome, and of which transaction."""

    given: Given
    transaction_id: str | None = None
    """None where there is none, or several."""


def tell(
    client: "DynamoDBClient",
    table: str,
    payment: PaymentKey,
    told: PaymentOutcome,
    *,
    approval: "LabelApproval | None" = None,
) -> ToldOfLabel:
    """Write what is told of a payment on its transaction, as far as it is newer than what is there.

    Args:
        client: of DynamoDB.
        table: the transactions' table.
        payment: which one.
        told: what it turned out to be, what was done with it, or both.
        approval: what the person may do where labels need two people; None where one is enough.

    Raises:
        LabelError: the label's source is none, others changed what is there at every attempt, or the table has no
            index of references (yet).
    """
    if told.label is not None and not is_source(told.label.label_source):
        raise LabelError(f"the source of a label must be {SOURCE_MUST_BE}")
    ids = find_by_reference(client, table, payment.name) if payment.is_reference else [payment.name]
    if len(ids) != 1:
        return ToldOfLabel(Given.AMBIGUOUS if ids else Given.MISSING)
    (name,) = ids
    for _ in range(_ATTEMPTS):
        item = newest_item(client, table, name, _READ)
        if item is None:
            return ToldOfLabel(Given.MISSING)
        if any(is_before(at, int(item["timestamp"]["N"])) for at in told.times):
            return ToldOfLabel(Given.TOO_EARLY, name)
        there = _outcome_of(item)
        after = newest(there, told)
        if after == there:
            return ToldOfLabel(Given.REPEATED if _says_the_same(there, told) else Given.OVERTAKEN, name)
        if approval is not None and after.label is not None and _is_another(after.label, there.label):
            after = replace(after, label=approval.wait(item, after.label))
        if _write(client, table, item, after):
            return ToldOfLabel(Given.WRITTEN, name)
    raise LabelError(f"{shown(name)}: others changed its label at every attempt; try again")


def give_label(
    client: "DynamoDBClient",
    table: str,
    transaction_id: str,
    label: Label,
    *,
    approval: "LabelApproval | None" = None,
) -> Given:
    """Write a label on a transaction, unless the one that is there wins; see `tell`."""
    return tell(client, table, PaymentKey(transaction_id), PaymentOutcome(label=label), approval=approval).given


def label_now(
    client: "DynamoDBClient",
    table: str,
    transaction_id: str,
    truth: Truth,
    source: str,
    *,
    fraud_type: FraudType | None = None,
    approval: "LabelApproval | None" = None,
) -> Label:
    """Write a label of this moment on a transaction and return it.

    Args:
        client: of DynamoDB.
        table: the transactions' table.
        transaction_id: which transaction.
        truth: what it turned out to be.
        source: who says so.
        fraud_type: which kind of fraud, if that is known.
        approval: see `tell`.

    Raises:
        LabelError: there is no such transaction, it has a newer label, or what is legitimate has a kind of fraud.
    """
    check_kind(truth, fraud_type)
    now = at = epoch_milliseconds()
    there = outcome_of(client, table, transaction_id).label
    # A label with a date alone has the end of its day: what is said now, on the same day, is newer all the same, as is
    # what is said after that.
    if there is not None and now <= there.labeled_at <= now + DAY:
        at = there.labeled_at + 1
    label = Label(label=truth, label_source=source, labeled_at=at)
    if fraud_type is not None:
        label = msgspec.structs.replace(label, fraud_type=fraud_type.value, fraud_type_at=at)
    _refuse(give_label(client, table, transaction_id, label, approval=approval), transaction_id)
    return label


def check_kind(truth: Truth, fraud_type: FraudType | None) -> None:
    """Check that a kind of fraud is told of fraud alone.

    Raises:
        LabelError: it is told of what is legitimate.
    """
    if fraud_type is not None and truth is not Truth.FRAUD:
        raise LabelError("what is legitimate has no kind of fraud")


def act_now(client: "DynamoDBClient", table: str, transaction_id: str, action: Action) -> ActionTaken:
    """Write on a transaction what the client has done with it by this moment, and return that.

    Raises:
        LabelError: there is no such transaction, or something newer is known of it.
    """
    taken = ActionTaken(action_taken=action.value, action_at=epoch_milliseconds())
    result = tell(client, table, PaymentKey(transaction_id), PaymentOutcome(action=taken))
    _refuse(result.given, transaction_id)
    return taken


def outcome_of(client: "DynamoDBClient", table: str, transaction_id: str) -> PaymentOutcome:
    """Return what is known of a transaction.

    Raises:
        LabelError: there is no such transaction.
    """
    item = newest_item(client, table, transaction_id, _READ)
    if item is None:
        raise LabelError(f"{shown(transaction_id)}: there is no such transaction (any more)")
    return _outcome_of(item)


def before_label(client: "DynamoDBClient", table: str, transaction_id: str) -> dict[str, str | None]:
    """Return what a record says that a transaction was labelled as before; None too where there is no transaction."""
    item = newest_item(client, table, transaction_id, _READ)
    label = None if item is None else _outcome_of(item).label
    return {"label": None if label is None else label.label.value}


def before_action(client: "DynamoDBClient", table: str, transaction_id: str) -> dict[str, str | None]:
    """Return what a record says that was done with a payment before; None too for what is no code."""
    item = newest_item(client, table, transaction_id, _READ)
    action = None if item is None else _outcome_of(item).action
    return {"actionTaken": None if action is None else told_code(action.action_taken)}


def find_by_reference(client: "DynamoDBClient", table: str, reference: str) -> list[str]:
    """Return the ids of the payments with a `networkReference`; what takes a payment back, by the same one, is none.

    Raises:
        LabelError: the table has no index of references (yet).
    """
    # As of an id, a card number is the reference of none, and is not asked for.
    if holds_card_number(reference):
        return []
    try:
        answer = client.query(
            TableName=table,
            IndexName=NETWORK_REFERENCE_INDEX,
            KeyConditionExpression="networkReference = :reference",
            ExpressionAttributeValues={":reference": {"S": reference}},
            Limit=_MOST_OF_A_REFERENCE,
        )
    except ClientError as error:
        if error_code(error) != _NO_INDEX:
            raise
        raise LabelError(
            "the table of transactions has no index of network references that can be used: deploy this version, or "
            "wait until AWS has filled it"
        ) from None
    ids = [str(from_item(item)["transactionId"]) for item in answer["Items"]]
    if len(ids) < 2:  # noqa: PLR2004  (of one there is nothing to choose)
        return ids
    return [each for each in ids if not _takes_back(newest_item(client, table, each))]


def _takes_back(item: Item | None) -> bool:
    return item is None or item.get("type") in _TAKING_BACK


def _refuse(given: Given, transaction_id: str) -> None:
    problems = {
        Given.MISSING: ": there is no such transaction (any more)",
        Given.TOO_EARLY: " happened later than this machine's clock says",
        Given.OVERTAKEN: " has a label that is newer than this machine's clock",
    }
    if given in problems:
        raise LabelError(f"{shown(transaction_id)}{problems[given]}")


def _outcome_of(item: Item) -> PaymentOutcome:
    readable = without_damaged(item)
    return PaymentOutcome(label=Label.from_item(readable), action=ActionTaken.from_item(readable))


def _is_another(label: Label, there: Label | None) -> bool:
    """Return whether a label needs a second person: who says so, and the kind of fraud, may be told alone."""
    return there is None or (label.label, label.labeled_at) != (there.label, there.labeled_at)


def _says_the_same(there: PaymentOutcome, told: PaymentOutcome) -> bool:
    label, action = told.label, told.action
    is_label = label is None or (
        there.label is not None and (there.label.label, there.label.labeled_at) == (label.label, label.labeled_at)
    )
    return is_label and (action is None or action == there.action)


def _write(client: "DynamoDBClient", table: str, item: Item, after: PaymentOutcome) -> bool:
    """Set what holds now, if what was there still is; tell whether it was."""
    new: Item = {**(after.label.to_item() if after.label else {}), **(after.action.to_item() if after.action else {})}
    broken = damaged(item, Label) | damaged(item, ActionTaken)
    changed = {name: value for name, value in new.items() if name in broken or value != item.get(name)}
    # Another label than the one that was approved, or waited, has nothing of that.
    gone = [name for name in {*_APPROVED, *broken} if name in item and name not in new]
    known = {name: item[name] for name in _COMPARED if name in item}
    unchanged = [
        *(f"{name} = :old_{name}" for name in known),
        *(f"attribute_not_exists({name})" for name in _COMPARED if name not in known),
    ]
    try:
        client.update_item(
            TableName=table,
            Key={name: item[name] for name in ("transactionId", "timestamp")},
            ConditionExpression=" AND ".join(["attribute_exists(transactionId)", *unchanged]),
            **change_of(changed, removed=gone, compared={f":old_{name}": value for name, value in known.items()}),
        )
    except ClientError as error:
        # The analyzer may be writing a decision with its events in this very moment.
        raise_unless_overtaken(error)
        return False
    return True
