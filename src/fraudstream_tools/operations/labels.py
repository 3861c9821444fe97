"""Labels: what a transaction turned out to be. The analyzer learns from each within a second."""

from enum import Enum
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from fraudstream.aws.dynamodb_errors import raise_unless_overtaken
from fraudstream.clock import epoch_milliseconds
from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream.transactions.storage.attributes import Item
from fraudstream.transactions.storage.store import newest_item
from fraudstream.transactions.values.times import is_before, is_future
from fraudstream_tools.lab.files.labels import wins
from fraudstream_tools.redaction import shown

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ATTEMPTS: Final = 5
_READ: Final = "transactionId, #timestamp, label, labelSource, labeledAt"


class LabelError(RuntimeError):
    """A transaction cannot be labelled."""


class Given(Enum):
    """What came of a label."""

    WRITTEN = "written"
    REPEATED = "already there"
    OVERTAKEN = "overtaken by a newer one"
    TOO_EARLY = "older than their transactions, and refused"
    MISSING = "without a stored transaction"


def give_label(client: "DynamoDBClient", table: str, transaction_id: str, label: Label) -> Given:
    """Write a label on a transaction, unless the one that is there wins.

    Args:
        client: of DynamoDB.
        table: the transactions' table.
        transaction_id: which transaction.
        label: what it turned out to be.

    Raises:
        LabelError: others changed the label at every attempt.
    """
    for _ in range(_ATTEMPTS):
        item = newest_item(client, table, transaction_id, _READ)
        if item is None:
            return Given.MISSING
        if is_before(label.labeled_at, int(item["timestamp"]["N"])):
            return Given.TOO_EARLY
        there = Label.from_item(item)
        if there is not None and (there.label, there.labeled_at) == (label.label, label.labeled_at):
            return Given.REPEATED
        if there is not None and not wins(label, there):
            return Given.OVERTAKEN
        if _write(client, table, item, label, there):
            return Given.WRITTEN
    raise LabelError(f"{shown(transaction_id)}: others changed its label at every attempt; try again")


def label_now(client: "DynamoDBClient", table: str, transaction_id: str, truth: Truth, source: str) -> Label:
    """Write a label of this moment on a transaction and return it.

    Raises:
        LabelError: there is no such transaction, or it has a newer label.
    """
    now = epoch_milliseconds()
    label = Label(label=truth, label_source=source, labeled_at=now)
    given = give_label(client, table, transaction_id, label)
    if given is Given.OVERTAKEN:
        # A label with a date alone has the end of its day: what is said now, on the same day, is newer all the same.
        item = newest_item(client, table, transaction_id, _READ)
        there = Label.from_item(item) if item else None
        if there is not None and not is_future(there.labeled_at, now):
            label = Label(label=truth, label_source=source, labeled_at=there.labeled_at + 1)
            given = give_label(client, table, transaction_id, label)
    if given is Given.MISSING:
        raise LabelError(f"{shown(transaction_id)}: there is no such transaction")
    if given is Given.TOO_EARLY:
        raise LabelError(f"{shown(transaction_id)} happened later than this machine's clock says")
    if given is Given.OVERTAKEN:
        raise LabelError(f"{shown(transaction_id)} has a label that is newer than this machine's clock")
    return label


def _write(client: "DynamoDBClient", table: str, item: Item, label: Label, there: Label | None) -> bool:
    """Set the label, if the one that was there still is; tell whether it was."""
    values = {f":{name}": value for name, value in label.to_item().items()}
    unchanged = "attribute_not_exists(label)"
    if there is not None:
        unchanged = "label = :oldLabel AND labeledAt = :oldLabeledAt"
        values |= {":oldLabel": item["label"], ":oldLabeledAt": item["labeledAt"]}
    try:
        client.update_item(
            TableName=table,
            Key={name: item[name] for name in ("transactionId", "timestamp")},
            UpdateExpression="SET label = :label, labelSource = :labelSource, labeledAt = :labeledAt",
            ConditionExpression=f"attribute_exists(transactionId) AND {unchanged}",
            ExpressionAttributeValues=values,
        )
    except ClientError as error:
        # The analyzer may be writing a decision with its events in this very moment.
        raise_unless_overtaken(error)
        return False
    return True
