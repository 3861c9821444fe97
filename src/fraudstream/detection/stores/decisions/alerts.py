"""Alerts of transactions that were decided REVIEW or DECLINE, and of approved ones that were drawn by chance."""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore.exceptions import ClientError

from fraudstream.aws.dynamodb_errors import held_item
from fraudstream.contract import EXPLORATION_PROPENSITY, OUTBOX_RETENTION_DAYS, EntityKind
from fraudstream.detection.profiles.entities import entities
from fraudstream.durations import DAY, SECONDS_A_DAY
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.decisions.inline import is_stricter
from fraudstream.transactions.decisions.reasons import STRICTER_THAN_INLINE
from fraudstream.transactions.storage.attributes import readable_values, to_item

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutTypeDef

    from fraudstream.transactions.decisions.decision import Decision, Label
    from fraudstream.transactions.decisions.inline import InlineResult
    from fraudstream.transactions.transaction import Transaction

STATUS_SHARDS: Final = 4
"""Parts of the index of alerts by status; the contract of everyone who reads it."""


class AlertClosing(NamedTuple):
    """What came of a label for the alert of its transaction."""

    shows_label: bool
    """There is an alert, which is closed by this label now."""
    is_to_be_told: bool
    """Other systems are told that it is closed: by the label that closed it first, and by those that follow within the
    days for which the outbox knows what was told. The record of the first may have been given up before it told."""


class AlertStore:
    """The table of alerts."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, retention_days: int) -> None:
        """Store the table, and the days until an alert expires."""
        self._dynamodb = dynamodb
        self._table = table
        self._retention_seconds = retention_days * SECONDS_A_DAY

    def of_decision(
        self, transaction: Transaction, decision: Decision, inline: InlineResult | None = None
    ) -> PutTypeDef:
        """Return the put that raises the alert of a transaction, to be written together with its decision.

        Args:
            transaction: what is to be reviewed.
            decision: why.
            inline: what its client was answered at once; an alert says where the decision is stricter.
        """
        stricter = [STRICTER_THAN_INLINE] if is_stricter(decision.decision, inline) else []
        alert: dict[str, object] = {
            "transactionId": transaction.transaction_id,
            "timestamp": transaction.timestamp,
            "createdAt": decision.decided_at,
            "status": "OPEN",
            "statusShard": status_shard("OPEN", transaction.transaction_id),
            "decision": decision.decision,
            "score": decision.score,
            # One text: the pipe that tells of alerts can only pass on what is not a list.
            "reasonCodes": ",".join([*dict.fromkeys(reason.code for reason in decision.reasons), *stricter]),
            "entity": entities(transaction)[EntityKind.CUSTOMER],
            "expiresAt": int(time.time()) + self._retention_seconds,
        }
        if decision.exploration_propensity is not None:
            alert[EXPLORATION_PROPENSITY] = decision.exploration_propensity
        return {"TableName": self._table, "Item": to_item(alert)}

    def close(self, transaction_id: str, label: Label) -> AlertClosing:
        """Close the alert of a transaction: see `close_alert`."""
        return close_alert(self._dynamodb, self._table, transaction_id, label)


def close_alert(dynamodb: DynamoDBClient, table: str, transaction_id: str, label: Label) -> AlertClosing:
    """Close the alert of a transaction, or have a closed one show a newer label; return what came of it.

    It is the same if an earlier attempt, or a call whose answer was lost, has closed it by this label. One that an
    older version withdrew is no alert any more.
    """
    try:
        answer = dynamodb.update_item(
            TableName=table,
            Key={"transactionId": {"S": transaction_id}},
            UpdateExpression="SET #status = :closed, statusShard = :shard, closedAt = :at, #label = :label, "
            "firstClosedAt = if_not_exists(firstClosedAt, :at)",
            ConditionExpression="#status = :open OR closedAt < :at",
            ExpressionAttributeNames={"#status": "status", "#label": "label"},
            ExpressionAttributeValues=to_item(
                {
                    ":closed": "CLOSED",
                    ":open": "OPEN",
                    ":shard": status_shard("CLOSED", transaction_id),
                    ":at": label.labeled_at,
                    ":label": label.label,
                }
            ),
            ReturnValues="ALL_OLD",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        before = readable_values(answer.get("Attributes", {}))
        # Alerts that an older version closed do not say when that was first.
        shows_label, is_first = True, not {"firstClosedAt", "closedAt"} & before.keys()
    except ClientError as error:
        before = readable_values(held_item(error))
        is_of_then = before.get("closedAt") == label.labeled_at
        shows_label = is_of_then and before.get("label") == label.label
        first = before.get("firstClosedAt", before.get("closedAt"))
        is_first = first == label.labeled_at and (shows_label or not is_of_then)
    is_alert = before.get("decision") != Verdict.APPROVE or EXPLORATION_PROPENSITY in before
    if not is_alert:
        return AlertClosing(shows_label=False, is_to_be_told=False)
    return AlertClosing(shows_label, is_first or (shows_label and _is_recent(before, label)))


def _is_recent(alert: Mapping[str, Any], label: Label) -> bool:
    """Return whether an alert was closed first so lately that the outbox knows whether that was told."""
    first = alert.get("firstClosedAt")
    return isinstance(first, int) and label.labeled_at - first < OUTBOX_RETENTION_DAYS * DAY


def status_shard(status: str, transaction_id: str) -> str:
    """Return the part of the index by status in which an alert is."""
    return f"{status}#{zlib.crc32(transaction_id.encode()) % STATUS_SHARDS}"
