"""A scan of a whole table in parallel segments."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from fraudstream.transactions.storage.attributes import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SEGMENTS: Final = 8

OnPage = Callable[[int, list[Item]], None]
"""Takes a segment's number and a page of its items; called in several threads, for one segment in one at a time."""


def scan(client: "DynamoDBClient", table: str, on_page: OnPage) -> None:
    """Read all items of a table, consistently, in segments side by side.

    Args:
        client: of DynamoDB.
        table: the table's name.
        on_page: takes the items.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    with ThreadPoolExecutor(SEGMENTS) as threads:
        under_way = [threads.submit(_read_segment, client, table, segment, on_page) for segment in range(SEGMENTS)]
        try:
            for each in under_way:
                each.result()
        finally:
            threads.shutdown(cancel_futures=True)


def _read_segment(client: "DynamoDBClient", table: str, segment: int, on_page: OnPage) -> None:
    start: dict[str, Any] = {}
    while True:
        page = client.scan(TableName=table, Segment=segment, TotalSegments=SEGMENTS, ConsistentRead=True, **start)
        on_page(segment, page["Items"])
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def is_expired(item: Item) -> bool:
    """Return whether an item's time is over; DynamoDB removes such items days later."""
    ends = item.get("expiresAt", {}).get("N")
    return ends is not None and int(ends) <= time.time()
