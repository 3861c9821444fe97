"""Many items of one table at once."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from fraudstream.transactions.storage.attributes import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEYS_A_READ: Final = 100
"""BatchGetItem's limit."""
_ATTEMPTS: Final = 8
_FIRST_PAUSE: Final = 0.05


class BusyTableError(TimeoutError):
    """DynamoDB left items out again and again, because of how much is asked for at once."""


def read_batch(dynamodb: "DynamoDBClient", table: str, asked: Mapping[str, Any]) -> list[Item]:
    """Return the items of at most `KEYS_A_READ` keys, in no order, without those that are not there.

    Args:
        dynamodb: asks DynamoDB.
        table: the table.
        asked: keys and projection, as BatchGetItem takes them for a table.

    Raises:
        BusyTableError: the table is too busy to give them.
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    items: list[Item] = []
    left: Any = dict(asked)
    for attempt in range(_ATTEMPTS):
        answer = dynamodb.batch_get_item(RequestItems={table: left})
        items += answer["Responses"].get(table, ())
        left = answer["UnprocessedKeys"].get(table)
        if not left:
            return items
        time.sleep(_FIRST_PAUSE * 2**attempt)
    raise BusyTableError("the tables are too busy to be read")
