"""Who works on which alert, by conditional writes: two people never do the same unknowingly.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from fraudstream.aws.dynamodb_errors import held_item
from fraudstream.clock import epoch_milliseconds
from fraudstream.detection.stores.decisions.alerts import status_shard
from fraudstream.transactions.storage.attributes import readable_values, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class AlertTakenError(RuntimeError):
    """Somebody else works on an alert, or has closed it."""


class HeldByColleagueError(AlertTakenError):
    """A colleague has it, from whom it can be taken over."""

    def __init__(self, colleague: object, what: str) -> None:
        """Name the colleague, and what they have."""
        super().__init__(f"{colleague} works on this {what}: ask them, or take it over")


class Assignments:
    """The attribute of open alerts that says who works on them."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        """Prepare to write.

        Args:
            dynamodb: asks DynamoDB.
            table: the table of alerts.
        """
        self._dynamodb = dynamodb
        self._table = table

    def take(self, transaction_id: str, by: str, *, case_id: str, instead_of: str | None = None) -> None:
        """Assign an open alert that nobody else has; it stays in the case that it is in.

        Args:
            transaction_id: of the alert.
            by: the ARN of who takes it.
            case_id: of the case that it becomes part of, if it is in none.
            instead_of: the ARN of a person from whom it is taken over.

        Raises:
            AlertTakenError: somebody else has it, it is closed, or there is none.
        """
        free = ["attribute_not_exists(assignee)", "assignee = :by", *(["assignee = :other"] if instead_of else [])]
        self._change(
            transaction_id,
            "SET assignee = :by, assignedAt = :now, caseId = if_not_exists(caseId, :case)",
            f"#status = :open AND ({' OR '.join(free)})",
            {":by": by, ":now": epoch_milliseconds(), ":case": case_id, ":open": "OPEN"}
            | ({":other": instead_of} if instead_of else {}),
        )

    def give_back(self, transaction_id: str, by: str) -> None:
        """Return an open alert to the queue.

        Args:
            transaction_id: of the alert.
            by: the ARN of who has it.

        Raises:
            AlertTakenError: somebody else has it by now, it is closed, or there is none.
        """
        self._change(
            transaction_id,
            "REMOVE assignee, assignedAt",
            "#status = :open AND (attribute_not_exists(assignee) OR assignee = :by)",
            {":by": by, ":open": "OPEN"},
        )

    def join(self, transaction_id: str, case_id: str) -> bool:
        """Make an alert part of a case, whoever has it, if it is in none; return whether the alert is open.

        Raises:
            AlertTakenError: there is no such alert any more.
        """
        joined = self._change(
            transaction_id,
            "SET caseId = if_not_exists(caseId, :case)",
            "attribute_exists(#status)",
            {":case": case_id},
        )
        return joined["status"] == "OPEN"

    def reopen(self, transaction_id: str, by: str, *, case_id: str, goes_on: bool = False) -> None:
        """Open a closed alert again, for a person; what it was closed as stays to be seen.

        Args:
            transaction_id: of the alert.
            by: the ARN of whose it is from now on.
            case_id: of the case that it becomes part of, if it is in none.
            goes_on: whether one that is open and the person's is what a reopening came to that was broken off.

        Raises:
            AlertTakenError: it is open, or there is none.
        """
        now = epoch_milliseconds()

        def is_done(held: Mapping[str, Any]) -> bool:
            # The answer to a write may be lost, and the SDK repeats it: the second time, it is open by our own doing.
            is_theirs = held.get("status") == "OPEN" and held.get("assignee") == by
            return is_theirs and (goes_on or held.get("assignedAt") == now)

        self._change(
            transaction_id,
            "SET #status = :open, statusShard = :shard, assignee = :by, assignedAt = :now, "
            "caseId = if_not_exists(caseId, :case)",
            "#status = :closed",
            {
                ":open": "OPEN",
                ":closed": "CLOSED",
                ":shard": status_shard("OPEN", transaction_id),
                ":by": by,
                ":now": now,
                ":case": case_id,
            },
            otherwise="it is open, or was reopened meanwhile: look again",
            is_done=is_done,
        )

    def _change(
        self,
        transaction_id: str,
        update: str,
        condition: str,
        values: Mapping[str, Any],
        *,
        otherwise: str = "",
        is_done: Callable[[Mapping[str, Any]], bool] = lambda _: False,
    ) -> Mapping[str, Any]:
        """Change an alert, and return it as it is then; one that is as it should be stays so."""
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key={"transactionId": {"S": transaction_id}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=to_item(values),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            held = readable_values(held_item(error))
            if is_done(held):
                return held
            raise AlertTakenError(otherwise) if held and otherwise else _why(held) from None
        return readable_values(answer["Attributes"])


def _why(held: Mapping[str, Any]) -> AlertTakenError:
    if not held:
        return AlertTakenError("there is no such alert any more")
    if held.get("status") == "CLOSED":
        label = f" as {held['label']}" if held.get("label") else ""
        return AlertTakenError(f"the alert was closed{label} meanwhile: look again before you change anything")
    return HeldByColleagueError(held.get("assignee"), "alert")
