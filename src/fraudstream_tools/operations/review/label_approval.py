"""Labels that need two people: the mark of who gives one, what waits, and the mark of somebody else.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from fraudstream.aws.conflicts import write_after_others
from fraudstream.aws.dynamodb_errors import raise_unless_condition_failed
from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import (
    ALERT_STATUS_INDEX,
    LABEL_KIND,
    LABEL_PREFIX,
    LABEL_WAITS,
    RETENTION_DAYS,
    TRANSACTION_TARGET,
    ItemKind,
)
from fraudstream.detection.stores.approvals.change_marks import ChangeMarks
from fraudstream.detection.stores.approvals.label_approvals import label_digest
from fraudstream.durations import SECONDS_A_DAY
from fraudstream.transactions.decisions.decision import Label
from fraudstream.transactions.storage.attributes import Item, readable_values, to_item
from fraudstream.transactions.storage.item import without_damaged
from fraudstream.transactions.storage.store import newest_item
from fraudstream.transactions.storage.updates import change_of
from fraudstream_tools.operations.approving import ApprovalError, Approver
from fraudstream_tools.operations.batch_reads import KEYS_A_READ, read_batch
from fraudstream_tools.operations.stored_items import read_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_READ: Final = (
    "transactionId, #timestamp, kind, amountMinor, currency, label, labelSource, labeledAt, fraudType, fraudTypeAt, "
    "labelApprovedAt, learntLabel, learntLabeledAt"
)


@dataclass(frozen=True, kw_only=True)
class WaitingLabel:
    """A label that does not count yet."""

    transaction_id: str
    label: Label
    by: str
    """The ARN of who gave it."""
    amount_minor: int
    currency: str

    @property
    def digest(self) -> str:
        """By which it is approved."""
        return label_digest(self.transaction_id, self.label.label, self.label.labeled_at)


class _Note(msgspec.Struct, frozen=True, rename="camel"):
    """Where to look for a label that waits."""

    transaction_id: str
    timestamp: int
    given_by: str


@dataclass(frozen=True, kw_only=True)
class LabelApproval:
    """What one person may do for labels that need two."""

    approver: Approver
    dynamodb: "DynamoDBClient"
    transactions: str
    alerts: str

    def wait(self, item: Item, label: Label) -> Label:
        """Write the person's mark on a label, note that it waits, and return it as it is stored until it is approved.

        It comes before the label is written: what is noted and was not written is passed over.

        Args:
            item: the transaction's, with its keys and its end.
            label: what the person says.
        """
        stored = readable_values(item)
        name = str(stored["transactionId"])
        self.approver.mark(label_digest(name, label.label, label.labeled_at))
        now = epoch_milliseconds()
        values = {
            "kind": LABEL_KIND,
            "statusShard": LABEL_WAITS,
            "createdAt": now,
            "timestamp": stored["timestamp"],
            "labeledAt": label.labeled_at,
            "givenBy": self.approver.operator.arn,
            # As long as the transaction: an erasure finds it by that.
            "expiresAt": stored.get("expiresAt", now // 1000 + RETENTION_DAYS * SECONDS_A_DAY),
        }
        self.dynamodb.update_item(
            TableName=self.alerts,
            Key=_key(name),
            **change_of(to_item(values)),
        )
        return msgspec.structs.replace(label, label_approved_at=0)

    def waiting(self, limit: int | None = None) -> Iterator[WaitingLabel]:
        """Yield the labels that wait, newest first.

        Args:
            limit: among how many notes of waiting labels they are found; None for all.
        """
        notes = islice(self._notes(), limit)
        while some := list(islice(notes, KEYS_A_READ)):
            keys = [to_item({"transactionId": _name(note), "timestamp": note.timestamp}) for note in some]
            asked: dict[str, Any] = {
                "Keys": keys,
                "ProjectionExpression": _READ,
                "ExpressionAttributeNames": {"#timestamp": "timestamp"},
                "ConsistentRead": True,
            }
            found = {
                readable_values(item)["transactionId"]: item
                for item in read_batch(self.dynamodb, self.transactions, asked)
            }
            for note in some:
                item = found.get(_name(note))
                # Whoever may write what waits may name any item, and write a label into one that is no transaction.
                if item is None or item.get("kind") != {"S": ItemKind.TRANSACTION.value}:
                    continue
                label = read_item(item, Label) if waits(readable_values(item)) else None
                if label is not None:
                    yield _waiting(item, label, note)

    def approve(self, transaction_id: str, digest: str, *, reason: str) -> Label:
        """Write the person's mark for a label that somebody else has given, with a record, and have it count.

        Args:
            transaction_id: of which transaction.
            digest: of the label that the person has seen, or its beginning.
            reason: why it may count.

        Raises:
            ApprovalError: the label is another one by now, the person's mark is on it already, or it needs a third one.
            ReasonError: the reason is empty, too long or holds a card number.
        """
        item = newest_item(self.dynamodb, self.transactions, transaction_id, _READ)
        label = Label.from_item(without_damaged(item)) if item is not None else None
        if item is None or label is None:
            raise ApprovalError("nothing is said of this transaction (any more)")
        whole = label_digest(transaction_id, label.label, label.labeled_at)
        if not digest or not whole.startswith(digest):
            raise ApprovalError("the label is another one by now: look at it again")
        if not waits(readable_values(item)):
            raise ApprovalError("the label counts already")
        marks = ChangeMarks(self.approver.s3, self.approver.bucket, self.approver.kind)
        # Who was interrupted behind the mark only writes that it is there.
        if not marks.is_approved(whole):
            after = {"label": label.label.value, "labelSource": label.label_source, "labeledAt": label.labeled_at}
            self.approver.approve(whole, f"{TRANSACTION_TARGET}{transaction_id}", reason=reason, after=after)
        if not marks.is_approved(whole):
            raise ApprovalError(
                "your mark is on it, and nobody else's: whoever gave it left none, so it needs one more"
            )
        approved = msgspec.structs.replace(
            label, label_approved_at=epoch_milliseconds(), label_approved_by=self.approver.operator.arn
        )
        self._write(item, approved)
        return approved

    def _write(self, item: Item, approved: Label) -> None:
        """Write that a label is approved, which the stream tells the functions, if it is still the same."""
        try:
            update = partial(
                self.dynamodb.update_item,
                TableName=self.transactions,
                Key={name: item[name] for name in ("transactionId", "timestamp")},
                UpdateExpression="SET labelApprovedAt = :at, labelApprovedBy = :by",
                ConditionExpression="label = :label AND labeledAt = :labeled",
                ExpressionAttributeValues=to_item(
                    {
                        ":at": approved.label_approved_at,
                        ":by": approved.label_approved_by,
                        ":label": approved.label,
                        ":labeled": approved.labeled_at,
                    }
                ),
            )
            write_after_others(update)
        except ClientError as error:
            raise_unless_condition_failed(error)
            raise ApprovalError("the label is another one by now: look at it again") from None
        try:
            self.dynamodb.update_item(
                TableName=self.alerts,
                Key=_key(item["transactionId"]["S"]),
                UpdateExpression="REMOVE statusShard",
                # Somebody may have said something newer in this very moment, which waits.
                ConditionExpression="attribute_not_exists(labeledAt) OR labeledAt <= :labeled",
                ExpressionAttributeValues=to_item({":labeled": approved.labeled_at}),
            )
        except ClientError as error:
            raise_unless_condition_failed(error)

    def _notes(self) -> Iterator[_Note]:
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.alerts,
            IndexName=ALERT_STATUS_INDEX,
            KeyConditionExpression="statusShard = :waits",
            ExpressionAttributeValues={":waits": {"S": LABEL_WAITS}},
            ScanIndexForward=False,
        )
        for page in pages:
            yield from (note for item in page["Items"] if (note := read_item(item, _Note)) is not None)


def waits(state: Mapping[str, Any]) -> bool:
    """Return whether a label waits for a second person, where labels need two.

    Args:
        state: the transaction's attributes, as plain values.
    """
    if state.get("label") is None or state.get("labelApprovedAt"):
        return False
    return (state.get("label"), state.get("labeledAt")) != (state.get("learntLabel"), state.get("learntLabeledAt"))


def _waiting(item: Item, label: Label, note: _Note) -> WaitingLabel:
    values = readable_values(item)
    return WaitingLabel(
        transaction_id=values["transactionId"],
        label=label,
        by=note.given_by,
        amount_minor=values["amountMinor"],
        currency=values["currency"],
    )


def _name(note: _Note) -> str:
    return note.transaction_id.removeprefix(LABEL_PREFIX)


def _key(transaction_id: str) -> Item:
    return to_item({"transactionId": f"{LABEL_PREFIX}{transaction_id}"})
