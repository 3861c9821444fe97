"""Alerts that a restoration brings back open although their transactions were labelled since: they are closed again."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from fraudstream.detection.stores.decisions.alerts import close_alert
from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream.transactions.storage.attributes import Item, readable_values, to_item
from fraudstream_tools.operations.batch_reads import KEYS_A_READ, read_batch

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ReopenedAlert(NamedTuple):
    """An alert that came back open. Times are epoch milliseconds."""

    transaction_id: str
    timestamp: int
    closed_at: int
    """Time of the label that closed it before somebody opened it again; 0 if none did."""


def open_alert(item: Item) -> ReopenedAlert | None:
    """Return what an item of the table of alerts says of an open alert; None for any other item."""
    match readable_values(item):
        case {"status": "OPEN", "transactionId": str(transaction_id), "timestamp": int(timestamp), **other}:
            closed_at = other.get("closedAt")
            return ReopenedAlert(transaction_id, timestamp, closed_at if isinstance(closed_at, int) else 0)
        case _:
            return None


def close_labelled_since(
    client: "DynamoDBClient", alerts: str, transactions: str, opened: Sequence[ReopenedAlert], *, dry_run: bool
) -> int:
    """Close the alerts whose transactions have a label that counts, newer than any that closed them; return how many.

    Args:
        client: of DynamoDB.
        alerts: the name of the table of alerts.
        transactions: that of the table of transactions.
        opened: what came back.
        dry_run: only count them.

    Raises:
        TimeoutError: the table of transactions is too busy.
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    closed_at = {each.transaction_id: each.closed_at for each in opened}
    closed = 0
    for start in range(0, len(opened), KEYS_A_READ):
        asked = {
            "Keys": [
                to_item({"transactionId": each.transaction_id, "timestamp": each.timestamp})
                for each in opened[start : start + KEYS_A_READ]
            ],
            # What the analyzer has learnt counts, also where labels need two people.
            "ProjectionExpression": "transactionId, learntLabel, learntLabeledAt",
            "ConsistentRead": True,
        }
        for item in read_batch(client, transactions, asked):
            match readable_values(item):
                case {
                    "transactionId": str(name),
                    "learntLabel": "FRAUD" | "LEGITIMATE" as learnt,
                    "learntLabeledAt": int(at),
                } if at > closed_at[name]:
                    closed += 1
                    if not dry_run:
                        close_alert(
                            client, alerts, name, Label(label=Truth(learnt), label_source="restored", labeled_at=at)
                        )
                case _:
                    continue
    return closed
