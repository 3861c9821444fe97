"""What is being changed on purpose, kept until all that follows from it is done.

Whatever changes an hour of the log may end before it has noted that in the log's chain, and finds nothing to change
when it is run again; so may what changes an object, before it has removed what the object was. So it writes down here
what it is about to change, and forgets it at the end.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fraudstream.transactions.storage.attributes import to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CHANGING_PREFIX: Final = "changing#"
"""What the keys of these items begin with, in the table of profiles."""


@dataclass(frozen=True)
class UnfinishedChanges:
    """What one piece of work changes, such as the erasure of a person."""

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
        return self._noted("hours")

    def prefixes(self) -> set[str]:
        """Return the prefixes of objects that were written down and not forgotten.

        Raises:
            ClientError: AWS refused.
            BotoCoreError: AWS cannot be reached.
        """
        return self._noted("prefixes")

    def _noted(self, what: str) -> set[str]:
        items = [
            self.client.get_item(TableName=self.table, Key=_key(name), ConsistentRead=True).get("Item", {})
            for name in self.names
        ]
        return {each for item in items for each in item.get(what, {}).get("SS", ())}

    def add(self, hour: str) -> None:
        """Write down that an hour is about to be changed.

        Raises:
            ClientError: AWS refused.
            BotoCoreError: AWS cannot be reached.
        """
        self._add("hours", [hour])

    def add_prefixes(self, prefixes: Iterable[str]) -> None:
        """Write down that objects are about to be changed: together less than the 400 KB of an item.

        Raises:
            ClientError: AWS refused.
            BotoCoreError: AWS cannot be reached.
        """
        self._add("prefixes", list(prefixes))

    def _add(self, what: str, names: list[str]) -> None:
        self.client.update_item(
            TableName=self.table,
            Key=_key(min(self.names)),
            UpdateExpression=f"ADD {what} :names",
            ExpressionAttributeValues={":names": {"SS": names}},
        )

    def forget(self) -> None:
        """Forget everything: all that follows from the changes is done.

        Raises:
            ClientError: AWS refused.
            BotoCoreError: AWS cannot be reached.
        """
        for name in self.names:
            self.client.delete_item(TableName=self.table, Key=_key(name))


def _key(name: str) -> dict[str, dict[str, str]]:
    return to_item({"entity": f"{CHANGING_PREFIX}{name}"})
