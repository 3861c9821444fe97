"""Alerts of transactions that were decided REVIEW or DECLINE."""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from fraudstream.detection.profiles.entities import EntityKind, entities
from fraudstream.durations import SECONDS_A_DAY
from fraudstream.dynamodb import raise_unless_condition_failed
from fraudstream.transactions.attributes import to_item

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream.transactions.decision import Decision, Label
    from fraudstream.transactions.transaction import Transaction

STATUS_SHARDS: Final = 4
"""Parts of the index of alerts by status; the contract of everyone who reads it."""


class AlertStore:
    """The table of alerts."""

    def __init__(
        self, dynamodb: DynamoDBClient, table: str, retention_days: int, clock: Callable[[], float] = time.time
    ) -> None:
        """Take the table, the days until an alert expires, and a clock that gives seconds since the epoch."""
        self._dynamodb = dynamodb
        self._table = table
        self._retention_seconds = retention_days * SECONDS_A_DAY
        self._clock = clock

    def open(self, transaction: Transaction, decision: Decision) -> bool:
        """Raise the alert of a transaction if it has none yet; tell whether it had none."""
        alert = {
            "transactionId": transaction.transaction_id,
            "timestamp": transaction.timestamp,
            "createdAt": decision.decided_at,
            "status": "OPEN",
            "statusShard": _status_shard("OPEN", transaction.transaction_id),
            "decision": decision.decision,
            "score": decision.score,
            # One text: the pipe that tells of alerts can only pass on what is not a list.
            "reasonCodes": ",".join(dict.fromkeys(reason.code for reason in decision.reasons)),
            "entity": entities(transaction)[EntityKind.CUSTOMER],
            "expiresAt": int(self._clock()) + self._retention_seconds,
        }
        try:
            self._dynamodb.put_item(
                TableName=self._table, Item=to_item(alert), ConditionExpression="attribute_not_exists(transactionId)"
            )
        except ClientError as error:
            raise_unless_condition_failed(error)
            return False
        return True

    def close(self, transaction_id: str, label: Label) -> bool:
        """Close the alert of a transaction, or have a closed one show a newer label; tell whether anything changed."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"transactionId": {"S": transaction_id}},
                UpdateExpression="SET #status = :closed, statusShard = :shard, closedAt = :at, #label = :label",
                ConditionExpression="#status = :open OR closedAt < :at",
                ExpressionAttributeNames={"#status": "status", "#label": "label"},
                ExpressionAttributeValues=to_item(
                    {
                        ":closed": "CLOSED",
                        ":open": "OPEN",
                        ":shard": _status_shard("CLOSED", transaction_id),
                        ":at": label.labeled_at,
                        ":label": label.label,
                    }
                ),
            )
        except ClientError as error:
            raise_unless_condition_failed(error)
            return False
        return True


def _status_shard(status: str, transaction_id: str) -> str:
    return f"{status}#{zlib.crc32(transaction_id.encode()) % STATUS_SHARDS}"
