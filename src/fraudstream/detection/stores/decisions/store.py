"""Decisions, written on their transactions, and which labels have been learnt of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from fraudstream.aws.conflicts import write_after_others
from fraudstream.aws.dynamodb_errors import first_refused, held_item, raise_unless_condition_failed
from fraudstream.transactions.decisions.decision import Decision, Truth
from fraudstream.transactions.storage.attributes import from_attribute, to_item
from fraudstream.transactions.storage.updates import change_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, PutTypeDef, UpdateTypeDef

    from fraudstream.transactions.decisions.decision import Label
    from fraudstream.transactions.transaction import Transaction


class NotedLabel(NamedTuple):
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

    def decide(self, transaction: Transaction, decision: Decision, puts: Sequence[PutTypeDef] = ()) -> bool:
        """Write a decision on its transaction, if it is the first one; return whether it stands.

        A transaction that has a decision keeps it, and one that is no longer stored stays away.

        Args:
            transaction: what was judged.
            decision: what was decided.
            puts: its alert, and what other systems are to be told of it: all of it is written, or nothing.
        """
        update: UpdateTypeDef = {
            "TableName": self._table,
            "Key": _key(transaction),
            **change_of(decision.to_item()),
            "ConditionExpression": "attribute_exists(transactionId) AND attribute_not_exists(#decision)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            if puts:
                writes: list[Any] = [{"Update": update}, *({"Put": put} for put in puts)]
                # Somebody else may write the transaction at the same moment, such as its label.
                write_after_others(lambda: self._dynamodb.transact_write_items(TransactItems=writes))
            else:
                self._dynamodb.update_item(**update)
        except ClientError as error:
            stands = Decision.from_item(first_refused(error) if puts else held_item(error))
            # One that is like this one to the millisecond is this one: its answer was lost, and the SDK repeated it.
            return stands == decision
        return True

    def decided(self, transactions: Sequence[Transaction]) -> list[bool]:
        """Return for each transaction whether there is nothing to decide: it has a decision, or is no longer stored."""
        return list(self._pool.map(self._is_decided, transactions))

    def learnt(self, transactions: Sequence[Transaction]) -> list[NotedLabel | None]:
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

    def _is_decided(self, transaction: Transaction) -> bool:
        item = self._read(transaction)
        return item is None or Decision.from_item(item) is not None

    def _learnt(self, transaction: Transaction) -> NotedLabel | None:
        item = self._read(transaction) or {}
        if "learntLabeledAt" not in item:
            return None
        is_fraud = from_attribute(item["learntLabel"]) == Truth.FRAUD
        return NotedLabel(from_attribute(item["learntLabeledAt"]), is_fraud)

    def _read(self, transaction: Transaction) -> Mapping[str, Any] | None:
        answer = self._dynamodb.get_item(TableName=self._table, Key=_key(transaction), ConsistentRead=True)
        return answer.get("Item")


def _key(transaction: Transaction) -> dict[str, AttributeValueTypeDef]:
    return {"transactionId": {"S": transaction.transaction_id}, "timestamp": {"N": str(transaction.timestamp)}}
