"""Reads of profiles: what one request can take, and a read that is not repeated, for clients who wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from fraudstream.detection.stores.lists.listings import Listing, item_key
from fraudstream.detection.stores.profiles.items import LoadedProfiles, add_shards, read_items

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream.detection.stores.lists.list_approvals import ListApprovals
    from fraudstream.transactions.storage.attributes import Item

KEYS_PER_READ: Final = 100
"""DynamoDB's limit for BatchGetItem."""


class ProfilesUnavailableError(RuntimeError):
    """DynamoDB did not give all profiles that were asked for."""


class ProfileRead(NamedTuple):
    """Keys that one request asks for."""

    keys: list[str]
    is_consistent: bool


def chunks(keys: Iterable[str], *, is_consistent: bool) -> Iterable[ProfileRead]:
    """Yield keys, sorted, in parts that one request can read."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), KEYS_PER_READ):
        yield ProfileRead(ordered[start : start + KEYS_PER_READ], is_consistent)


def read_once(
    dynamodb: DynamoDBClient, table: str, keys: Collection[str], lists: ListApprovals | None = None
) -> LoadedProfiles:
    """Read a few profiles, with lists, by one request that is not repeated; the newest writes may be missing.

    Divided ones take a second request, and a list's entry that nobody has asked for yet one to S3.

    Args:
        dynamodb: asks DynamoDB.
        table: the table of profiles.
        keys: of the profiles.
        lists: knows which entries of lists were approved; None where one person is enough.

    Raises:
        ProfilesUnavailableError: DynamoDB left keys out.
        ClientError: DynamoDB refused.
        BotoCoreError: DynamoDB cannot be reached.
    """
    loaded = read_items(_get(dynamodb, table, [*keys, *map(item_key, keys)]), lists.ends if lists else Listing.ends)
    shards = [shard for key, sharding in loaded.divided().items() for shard in sharding.keys(key)]
    add_shards(
        loaded, [item for read in chunks(shards, is_consistent=False) for item in _get(dynamodb, table, read.keys)]
    )
    return loaded


def _get(dynamodb: DynamoDBClient, table: str, keys: Iterable[str]) -> list[Item]:
    answer = dynamodb.batch_get_item(RequestItems={table: {"Keys": [{"entity": {"S": key}} for key in keys]}})
    if answer.get("UnprocessedKeys"):
        raise ProfilesUnavailableError("some profiles could not be read")
    return answer["Responses"].get(table, [])
