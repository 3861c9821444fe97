"""Which hours of the log are being changed on purpose, kept until the log's chain knows of it.

Whatever changes an hour may end before it has noted that in the chain, and finds nothing to change when it is run
again. So it writes down here what it is about to change, and forgets it once all that follows from it is done.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fraudstream.transactions.storage.attributes import to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CHANGING_PREFIX: Final = "changing#"
"""What the keys of these items begin with, in the table of profiles."""


@dataclass(frozen=True)
class UnfinishedChanges:
    """Hours that one piece of work changes, such as the erasure of a person."""

    client: "DynamoDBClient"
    table: str
    """Name of the table of profiles."""
    names: Collection[str]
    """Names of the work: `customer#` and each of a person's tokens. Found by any of them, kept by the first."""

    def hours(self) -> set[str]:
        """Return the hours that were written down and not forgotten, such as `2026-11-22T14`.

        Raises:
            ClientError: AWS refused.
            BotoCoreError: AWS cannot be reached.
        """
        items = [
            self.client.get_item(TableName=self.table, Key=_key(name), ConsistentRead=True).get("Item", {})
            for name in self.names
        ]
        return {hour for item in items for hour in item.get("hours", {}).get("SS", ())}

    def add(self, hour: str) -> None:
        """Write down that an hour is about to be changed.

        Raises:
            ClientError: AWS refused.
            BotoCoreError: AWS cannot be reached.
        """
        self.client.update_item(
            TableName=self.table,
            Key=_key(min(self.names)),
            UpdateExpression="ADD hours :hours",
            ExpressionAttributeValues={":hours": {"SS": [hour]}},
        )

    def forget(self) -> None:
        """Forget all hours: everything that follows from their change is done.

        Raises:
            ClientError: AWS refused.
            BotoCoreError: AWS cannot be reached.
        """
        for name in self.names:
            self.client.delete_item(TableName=self.table, Key=_key(name))


def _key(name: str) -> dict[str, dict[str, str]]:
    return to_item({"entity": f"{CHANGING_PREFIX}{name}"})
