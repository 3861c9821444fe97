"""A scan of a whole table in parallel segments."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any, Final

from fraudstream.transactions.storage.attributes import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SEGMENTS: Final = 8

OnPage = Callable[[int, list[Item]], None]
"""Takes a segment's number and a page of its items; called in several threads, for one segment in one at a time."""


def scan(client: "DynamoDBClient", table: str, on_page: OnPage) -> None:
    """Read all items of a table, consistently, in segments side by side; a failure or Ctrl-C in one ends all.

    Args:
        client: of DynamoDB.
        table: the table's name.
        on_page: takes the items.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    is_over = threading.Event()
    with ThreadPoolExecutor(SEGMENTS) as threads:
        try:
            under_way = [
                threads.submit(_read_segment, client, table, segment, on_page, is_over) for segment in range(SEGMENTS)
            ]
            # Not in order: what one segment meets must not wait for the end of others, which takes hours.
            for each in as_completed(under_way):
                each.result()
        finally:
            is_over.set()


def _read_segment(
    client: "DynamoDBClient", table: str, segment: int, on_page: OnPage, is_over: threading.Event
) -> None:
    start: dict[str, Any] = {}
    while not is_over.is_set():
        page = client.scan(TableName=table, Segment=segment, TotalSegments=SEGMENTS, ConsistentRead=True, **start)
        on_page(segment, page["Items"])
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def is_expired(item: Item) -> bool:
    """Return whether an item's time is over; DynamoDB removes such items days later."""
    ends = item.get("expiresAt", {}).get("N")
    return ends is not None and int(ends) <= time.time()
