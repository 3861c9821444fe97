"""Entries of lists that were written on a day, beside the records of who wrote entries.

An entry is a part of an item: whoever may write it can do so without a command, and leaves no record. What was written
over since is not seen any more.
"""

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fraudstream.contract import LISTED_INDEX, LISTED_KIND, EntityKind
from fraudstream.detection.rules.lists import NAME_PATTERN
from fraudstream.detection.stores.lists.listings import DamagedListingError, Listing
from fraudstream.durations import DAY
from fraudstream.reporting.daily.schema.people import ListWrites, UnrecordedListWrite
from fraudstream.transactions.pseudonyms.tokens import TOKEN_PATTERN
from fraudstream.transactions.storage.attributes import Item, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EXAMPLES: Final = 20
"""Own choice, as of labels."""
ODD: Final = "(of no known form)"
"""What a report says in place of a list's name or an entity's key that can be none: whoever may write entries may have
written anything there, and a report stays for years."""
_NAME: Final = re.compile(NAME_PATTERN)
_ENTITY: Final = re.compile(rf"({'|'.join(EntityKind)})#{TOKEN_PATTERN}")


class ToldListWrite(NamedTuple):
    """What a record says was done to an entry."""

    list: str
    entity: str
    ended: bool


def list_writes(
    dynamodb: "DynamoDBClient", table: str, day: date, recorded: Callable[[], Collection[ToldListWrite]]
) -> ListWrites:
    """Return the entries that were written or ended on a UTC day.

    Args:
        dynamodb: asks DynamoDB.
        table: the table of profiles.
        day: the day.
        recorded: returns what records say; is called if there is an entry.

    Raises:
        botocore.exceptions.ClientError: the lists may not be read.
    """
    begin = round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    writes = [each for each in _writes(dynamodb, table, begin) if begin <= each.at < begin + DAY]
    if not writes:
        return ListWrites(written=0, unrecorded=0)
    records = recorded()
    missing = [each for each in writes if ToldListWrite(each.list, each.entity, each.ended) not in records]
    missing.sort(key=lambda each: (each.at, each.list, each.entity))
    return ListWrites(written=len(writes), unrecorded=len(missing), examples=tuple(map(_told, missing[:EXAMPLES])))


def _told(write: UnrecordedListWrite) -> UnrecordedListWrite:
    return msgspec.structs.replace(
        write,
        list=write.list if _NAME.fullmatch(write.list) else ODD,
        entity=write.entity if _ENTITY.fullmatch(write.entity) else ODD,
    )


def _writes(dynamodb: "DynamoDBClient", table: str, begin: int) -> Iterator[UnrecordedListWrite]:
    """Yield what was done to the entries of all items that were changed since a time, epoch milliseconds."""
    for item in _changed_items(dynamodb, table, begin):
        with suppress(DamagedListingError):
            listing = Listing.from_item(item)
            for name, entry in listing.entries.items():
                yield UnrecordedListWrite(list=name, entity=listing.entity, ended=False, at=entry.since)
                if entry.ended_at is not None:
                    yield UnrecordedListWrite(list=name, entity=listing.entity, ended=True, at=entry.ended_at)


def _changed_items(dynamodb: "DynamoDBClient", table: str, begin: int) -> Iterator[Item]:
    for kind in EntityKind:
        pages = dynamodb.get_paginator("query").paginate(
            TableName=table,
            IndexName=LISTED_INDEX,
            KeyConditionExpression="#kind = :kind AND changedAt >= :begin",
            ExpressionAttributeNames={"#kind": LISTED_KIND},
            ExpressionAttributeValues=to_item({":kind": kind.value, ":begin": begin}),
        )
        for page in pages:
            yield from page["Items"]
