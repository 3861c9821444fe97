"""Decisions on their transactions, and the alerts that they raise."""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from fraudstream.detection.profiles.entities import EntityKind, entities
from fraudstream.transactions.attributes import to_item

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from fraudstream.transactions.decision import Decision, Label
    from fraudstream.transactions.transaction import Transaction

STATUS_SHARDS: Final = 4
"""Parts of the index of alerts by status; the contract of everyone who reads it."""


class DecisionStore:
    """The table of transactions, as far as decisions go."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, pool: Executor) -> None:
        """Take the table; independent reads run side by side in the pool."""
        self._dynamodb = dynamodb
        self._table = table
        self._pool = pool

    def decide(self, transaction: Transaction, decision: Decision) -> bool:
        """Write a decision on its transaction; tell whether it was the first one.

        A transaction that has a decision keeps it, and one that is no longer stored stays away.
        """
        values = decision.to_item()
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(transaction),
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
                ConditionExpression="attribute_exists(transactionId) AND attribute_not_exists(#decision)",
                ExpressionAttributeNames={f"#{name}": name for name in values},
                ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
            )
        except ClientError as error:
            return _refused_by_condition(error)
        return True

    def decided(self, transactions: Sequence[Transaction]) -> list[bool]:
        """Return for each transaction whether it has a decision, or is no longer stored."""
        return list(self._pool.map(self._is_decided, transactions))

    def _is_decided(self, transaction: Transaction) -> bool:
        answer = self._dynamodb.get_item(
            TableName=self._table,
            Key=_key(transaction),
            ConsistentRead=True,
            ProjectionExpression="transactionId, #decision",
            ExpressionAttributeNames={"#decision": "decision"},
        )
        return "decision" in answer.get("Item", {"decision": {}})


class AlertStore:
    """The table of alerts."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, retention_days: int) -> None:
        """Take the table, and the days until an alert expires."""
        self._dynamodb = dynamodb
        self._table = table
        self._retention_seconds = retention_days * 86_400

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
            "expiresAt": int(time.time()) + self._retention_seconds,
        }
        try:
            self._dynamodb.put_item(
                TableName=self._table, Item=to_item(alert), ConditionExpression="attribute_not_exists(transactionId)"
            )
        except ClientError as error:
            return _refused_by_condition(error)
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
            return _refused_by_condition(error)
        return True


def _key(transaction: Transaction) -> dict[str, AttributeValueTypeDef]:
    return {"transactionId": {"S": transaction.transaction_id}, "timestamp": {"N": str(transaction.timestamp)}}


def _status_shard(status: str, transaction_id: str) -> str:
    return f"{status}#{zlib.crc32(transaction_id.encode()) % STATUS_SHARDS}"


def _refused_by_condition(error: ClientError) -> bool:
    """Return False for a failed condition: the work was done before; anything else is raised again."""
    if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
        return False
    raise error
