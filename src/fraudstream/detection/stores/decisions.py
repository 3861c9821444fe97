"""Decisions, written on their transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from fraudstream.dynamodb import raise_unless_condition_failed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from fraudstream.transactions.decision import Decision
    from fraudstream.transactions.transaction import Transaction


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
            raise_unless_condition_failed(error)
            return False
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


def _key(transaction: Transaction) -> dict[str, AttributeValueTypeDef]:
    return {"transactionId": {"S": transaction.transaction_id}, "timestamp": {"N": str(transaction.timestamp)}}
