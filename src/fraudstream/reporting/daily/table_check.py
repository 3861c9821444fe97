"""An independent look at the table of transactions: is what it holds in the log?

The log is written from the stream. Were the stream's consumer to lose records, the log alone could not tell; the table
can. Of the day's transactions those are looked at that the processor marked; of a small table, all of them. Where the
day has no mark, since it is of a version that set none, a scan of one random part of the table stands in.
"""

import random
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from fraudstream.contract import CLAIM_TIMESTAMP, SAMPLE_DAY, SAMPLE_INDEX
from fraudstream.durations import HOUR
from fraudstream.reporting.log.changes.rebuilding import received_on

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SAMPLE_ITEMS = 1000
"""Items to look at, about; a claim and a transaction are two."""
MAX_SEGMENTS = 1_000_000
"""DynamoDB's limit for the parts of a parallel scan."""
MAX_PAGES = 20
"""A young table may hold much more than DynamoDB has counted yet: the look ends after so many pages."""


MARKED_PAGES = 100
"""A page has some ten thousand marked ones: this is more than a day of 86 million has at one in fifty, less a fifth."""


def sample_table(client: "DynamoDBClient", table: str, day: date) -> set[str]:
    """Return the ids of some transactions of a day, as the table knows them.

    Args:
        client: a DynamoDB client.
        table: the table's name.
        day: the day of receipt, UTC.

    Raises:
        botocore.exceptions.ClientError: the table could not be read.
    """
    # DynamoDB counts about every six hours.
    counted = client.describe_table(TableName=table)["Table"].get("ItemCount", 0)
    marked = set(_marked(client, table, day).transactions)
    if marked and counted > SAMPLE_ITEMS:
        return marked
    return marked | _scanned(client, table, day, counted)


def find_orphaned_claims(client: "DynamoDBClient", table: str, day: date, now: int) -> tuple[str, ...]:
    """Return the ids of marked claims of a day whose transaction never came: their clients stopped between two writes.

    Args:
        client: a DynamoDB client.
        table: the table's name.
        day: the day of receipt, UTC.
        now: epoch milliseconds; a claim of the last hour may still become a transaction.

    Raises:
        botocore.exceptions.ClientError: the table could not be read.
    """
    marked = _marked(client, table, day)
    if not (claims := {name for name, at in marked.claims.items() if at < now - HOUR} - marked.transactions):
        return ()
    # A client that tries again after midnight has its transaction on the next day.
    return tuple(sorted(claims - _marked(client, table, day + timedelta(days=1)).transactions))


class _Marked(NamedTuple):
    transactions: set[str]
    claims: dict[str, int]
    """Ids, with the times of receipt in epoch milliseconds."""


def _marked(client: "DynamoDBClient", table: str, day: date) -> _Marked:
    pages = client.get_paginator("query").paginate(
        TableName=table,
        IndexName=SAMPLE_INDEX,
        KeyConditionExpression=f"{SAMPLE_DAY} = :day",
        ExpressionAttributeValues={":day": {"S": day.isoformat()}},
        ProjectionExpression="transactionId, #timestamp, receivedAt",
        ExpressionAttributeNames={"#timestamp": "timestamp"},
    )
    marked = _Marked(set(), {})
    for item in (item for page in islice(pages, MARKED_PAGES) for item in page["Items"]):
        name = item["transactionId"].get("S", "")
        if item["timestamp"].get("N") == str(CLAIM_TIMESTAMP):
            marked.claims[name] = int(item["receivedAt"].get("N", "0"))
        else:
            marked.transactions.add(name)
    return marked


def _scanned(client: "DynamoDBClient", table: str, day: date, counted: int) -> set[str]:
    """Look at a part of the table; at the whole of a small one.

    The part is drawn by the day, and parts become smaller only when the table has doubled: a report that is made again
    looks at the same one.
    """
    # With too few segments, since a young table was not counted yet, the sample is larger, up to `MAX_PAGES`.
    segments = min(2 ** ((counted // SAMPLE_ITEMS).bit_length() - 1), MAX_SEGMENTS) if counted > SAMPLE_ITEMS else 1
    segment = int(random.Random(day.isoformat()).random() * segments)  # noqa: S311  (a sample, not a secret)
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        TotalSegments=segments,
        Segment=segment,
        **received_on(day),
        ProjectionExpression="transactionId",
        PaginationConfig={"PageSize": SAMPLE_ITEMS},
    )
    return _ids(item for page in islice(pages, MAX_PAGES) for item in page["Items"])


def _ids(items: Iterable[Any]) -> set[str]:
    return {item["transactionId"]["S"] for item in items}
