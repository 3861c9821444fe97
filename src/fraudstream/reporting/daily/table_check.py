"""An independent look at the table of transactions: is what it holds in the log?

The log is written from the stream. Were the stream's consumer to lose records, the log alone could not tell; the table
can. A scan of one random part of it costs little whatever the table's size.
"""

import random
from datetime import date, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from fraudstream.contract import ItemKind
from fraudstream.reporting.log.keys import midnight, milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

SAMPLE_ITEMS = 1000
"""Items to look at, about; a claim and a transaction are two."""
MAX_SEGMENTS = 1_000_000
"""DynamoDB's limit for the parts of a parallel scan."""
MAX_PAGES = 20
"""A young table may hold much more than DynamoDB has counted yet: the look ends after so many pages."""


def sample_table(client: "DynamoDBClient", table: str, day: date) -> set[str]:
    """Return the ids of some transactions of a day, as the table knows them.

    The part of the table that is looked at is drawn by the day, and parts become smaller only when the table has
    doubled: a report that is made again looks at the same one. A small table is looked at whole.

    Args:
        client: a DynamoDB client.
        table: the table's name.
        day: the day of receipt, UTC.

    Raises:
        botocore.exceptions.ClientError: the table could not be read.
    """
    # DynamoDB counts about every six hours; with too few segments the sample is larger, up to `MAX_PAGES`.
    counted = client.describe_table(TableName=table)["Table"].get("ItemCount", 0)
    segments = min(2 ** ((counted // SAMPLE_ITEMS).bit_length() - 1), MAX_SEGMENTS) if counted > SAMPLE_ITEMS else 1
    segment = int(random.Random(day.isoformat()).random() * segments)  # noqa: S311  (a sample, not a secret)
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        TotalSegments=segments,
        Segment=segment,
        FilterExpression="kind = :transaction AND receivedAt BETWEEN :start AND :end",
        ExpressionAttributeValues={
            ":transaction": {"S": ItemKind.TRANSACTION.value},
            ":start": {"N": str(milliseconds(midnight(day)))},
            ":end": {"N": str(milliseconds(midnight(day + timedelta(days=1))) - 1)},
        },
        ProjectionExpression="transactionId",
        PaginationConfig={"PageSize": SAMPLE_ITEMS},
    )
    found: list[Mapping[str, Any]] = [item for page in islice(pages, MAX_PAGES) for item in page["Items"]]
    return {item["transactionId"]["S"] for item in found}
