"""Decisions, written on their transactions, and which labels have been learnt of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from fraudstream.dynamodb import held_item, raise_unless_condition_failed
from fraudstream.transactions.decisions.decision import Decision, Truth
from fraudstream.transactions.storage.attributes import from_attribute, to_item

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from fraudstream.transactions.decisions.decision import Label
    from fraudstream.transactions.transaction import Transaction


class DecisionStanding(NamedTuple):
    """What stands on a transaction."""

    is_own: bool
    """The decision that was just written."""
    is_done: bool
    """There is nothing to decide: it has a decision, or is no longer stored."""
    decision: Decision | None


class LearntLabel(NamedTuple):
    """The label that profiles have learnt of a transaction; the newest is the greatest."""

    labeled_at: int
    """Epoch milliseconds."""
    is_fraud: bool


class DecisionStore:
    """The table of transactions, as far as decisions go."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, pool: Executor) -> None:
        """Store the table; independent reads run side by side in the pool."""
        self._dynamodb = dynamodb
        self._table = table
        self._pool = pool

    def decide(self, transaction: Transaction, decision: Decision) -> DecisionStanding:
        """Write a decision on its transaction, if it is the first one; give what stands there afterwards.

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
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            stands = Decision.from_item(held_item(error))
            # One that is like this one to the millisecond is this one: its answer was lost, and the SDK repeated it.
            return DecisionStanding(is_own=stands == decision, is_done=True, decision=stands)
        return DecisionStanding(is_own=True, is_done=True, decision=decision)

    def decided(self, transactions: Sequence[Transaction]) -> list[DecisionStanding]:
        """Return for each transaction whether it has a decision, or is no longer stored."""
        return list(self._pool.map(self._standing, transactions))

    def learnt(self, transactions: Sequence[Transaction]) -> list[LearntLabel | None]:
        """Return for each transaction the label that profiles have learnt; None where nobody has noted it."""
        return list(self._pool.map(self._learnt, transactions))

    def note_learnt(self, transaction: Transaction, label: Label) -> None:
        """Note on a transaction that all profiles have learnt its label; a newer note stays."""
        newer = "learntLabeledAt < :at OR (learntLabeledAt = :at AND learntLabel <> :fraud)"
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(transaction),
                UpdateExpression="SET learntLabel = :label, learntLabeledAt = :at",
                ConditionExpression="attribute_exists(transactionId) AND "
                f"(attribute_not_exists(learntLabeledAt) OR {newer})",
                ExpressionAttributeValues=to_item(
                    {":label": label.label, ":at": label.labeled_at, ":fraud": Truth.FRAUD}
                ),
            )
        except ClientError as error:
            raise_unless_condition_failed(error)

    def _standing(self, transaction: Transaction) -> DecisionStanding:
        item = self._read(transaction)
        decision = Decision.from_item(item) if item else None
        return DecisionStanding(is_own=False, is_done=item is None or decision is not None, decision=decision)

    def _learnt(self, transaction: Transaction) -> LearntLabel | None:
        item = self._read(transaction) or {}
        if "learntLabeledAt" not in item:
            return None
        is_fraud = from_attribute(item["learntLabel"]) == Truth.FRAUD
        return LearntLabel(from_attribute(item["learntLabeledAt"]), is_fraud)

    def _read(self, transaction: Transaction) -> Mapping[str, Any] | None:
        answer = self._dynamodb.get_item(TableName=self._table, Key=_key(transaction), ConsistentRead=True)
        return answer.get("Item")


def _key(transaction: Transaction) -> dict[str, AttributeValueTypeDef]:
    return {"transactionId": {"S": transaction.transaction_id}, "timestamp": {"N": str(transaction.timestamp)}}
