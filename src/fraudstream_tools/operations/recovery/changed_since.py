"""What a restored table undoes although it must not: erasures of persons, and tokens that were given a new number."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from fraudstream.contract import RECEIPTS_PREFIX
from fraudstream.transactions.storage.attributes import Item
from fraudstream_tools.operations.privacy.rotation.item_tokens import tokens_in
from fraudstream_tools.operations.privacy.tokens import earlier_among

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client


def restored_to(client: "DynamoDBClient", table: str) -> datetime | None:
    """Return the second that AWS restored a table to; None of a table that was made in another way.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    return client.describe_table(TableName=table)["Table"].get("RestoreSummary", {}).get("RestoreDateTime")


def erasures_since(client: "S3Client", bucket: str, moment: datetime | None) -> list[str]:
    """Return the keys of the receipts of erasures that ended after a moment, oldest first.

    Args:
        client: of S3; it needs ListBucket.
        bucket: where receipts are.
        moment: with its time zone; None for all.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    pages: Any = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=RECEIPTS_PREFIX)
    found: list[tuple[datetime, str]] = [
        (each["LastModified"], each["Key"]) for page in pages for each in page.get("Contents", ())
    ]
    # A receipt is written at the end: at any second before it, something of the person was there.
    return [key for at, key in sorted(found) if moment is None or at >= moment]


def has_earlier_tokens(item: Item, newest: int) -> bool:
    """Return whether an item has a token of an earlier number than the newest."""
    return bool(earlier_among(tokens_in(item), newest))
