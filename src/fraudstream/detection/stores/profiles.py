"""Profiles in DynamoDB: read in batches, written on condition that nobody else has written since."""

from __future__ import annotations

import time
from random import SystemRandom
from typing import TYPE_CHECKING, Final, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.detection.profiles.codec import ProfileError, pack, unpack
from fraudstream.durations import SECONDS_A_DAY
from fraudstream.dynamodb import is_condition_failure
from fraudstream.transactions.attributes import Item, from_attribute, to_item

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from concurrent.futures import Executor

    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream.detection.profiles.profile import Profile

KEYS_PER_READ: Final = 100
"""DynamoDB's limit for BatchGetItem."""
ATTEMPTS: Final = 6
"""Of a read that DynamoDB answers in part, and of a write that meets another writer."""
_FIRST_PAUSE_SECONDS = 0.02
_random = SystemRandom()


class StoredProfile(NamedTuple):
    """A profile and the version under which it is stored; None for one that is not stored yet."""

    profile: Profile
    version: int | None


class LoadedProfiles(NamedTuple):
    """What a read gave."""

    profiles: dict[str, StoredProfile]
    """By key; an entity without a profile is not there."""
    unreadable: dict[str, ProfileError]


class SavedProfiles(NamedTuple):
    """What a write could not do."""

    conflicts: set[str]
    """Keys of profiles that somebody else has written since they were read."""
    failed: dict[str, Exception]


class ProfilesUnavailableError(RuntimeError):
    """DynamoDB did not give all profiles that were asked for."""


class ProfileStore:
    """The table of profiles."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, retention_days: int, pool: Executor) -> None:
        """Take the table.

        Args:
            dynamodb: the client; threads of the pool share it.
            table: the table's name.
            retention_days: days until a profile that is not written any more expires.
            pool: runs independent calls side by side.
        """
        self._dynamodb = dynamodb
        self._table = table
        self._retention_seconds = retention_days * SECONDS_A_DAY
        self._pool = pool

    def load(self, keys: Collection[str]) -> LoadedProfiles:
        """Read profiles, consistently.

        Raises:
            ProfilesUnavailableError: DynamoDB left keys out again and again.
            ClientError: DynamoDB refused.
            BotoCoreError: DynamoDB cannot be reached.
        """
        ordered = sorted(keys)
        chunks = [ordered[start : start + KEYS_PER_READ] for start in range(0, len(ordered), KEYS_PER_READ)]
        loaded = LoadedProfiles({}, {})
        for items in self._pool.map(self._read, chunks):
            for item in items:
                key = from_attribute(item["entity"])
                try:
                    profile = unpack(from_attribute(item["state"]))
                except ProfileError as error:
                    loaded.unreadable[key] = error
                else:
                    loaded.profiles[key] = StoredProfile(profile, from_attribute(item["version"]))
        return loaded

    def save(self, profiles: Mapping[str, StoredProfile]) -> SavedProfiles:
        """Write profiles, each on condition that the stored version is still the given one."""
        saved = SavedProfiles(set(), {})
        for key, error in self._pool.map(self._write, profiles.items()):
            if is_condition_failure(error):
                saved.conflicts.add(key)
            elif error is not None:
                saved.failed[key] = error
        return saved

    def _read(self, keys: Iterable[str]) -> list[Item]:
        wanted = [{"entity": {"S": key}} for key in keys]
        items: list[Item] = []
        for attempt in range(ATTEMPTS):
            answer = self._dynamodb.batch_get_item(RequestItems={self._table: {"Keys": wanted, "ConsistentRead": True}})
            items.extend(answer["Responses"].get(self._table, []))
            left = answer.get("UnprocessedKeys", {}).get(self._table)
            if not left:
                return items
            wanted = [dict(key) for key in left["Keys"]]
            pause(attempt)
        raise ProfilesUnavailableError(f"{len(wanted)} profiles could not be read in {ATTEMPTS} attempts")

    def _write(self, entry: tuple[str, StoredProfile]) -> tuple[str, Exception | None]:
        key, (profile, version) = entry
        item = to_item(
            {
                "entity": key,
                "state": pack(profile),
                "version": (version or 0) + 1,
                "expiresAt": int(time.time()) + self._retention_seconds,
            }
        )
        try:
            if version is None:
                self._dynamodb.put_item(
                    TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(entity)"
                )
            else:
                self._dynamodb.put_item(
                    TableName=self._table,
                    Item=item,
                    ConditionExpression="#version = :version",
                    ExpressionAttributeNames={"#version": "version"},
                    ExpressionAttributeValues=to_item({":version": version}),
                )
        except (ClientError, BotoCoreError) as error:
            return key, error
        return key, None


def pause(attempt: int) -> None:
    """Wait before another attempt: up to 20 ms after the first, doubling, at a random length (full jitter)."""
    time.sleep(_random.uniform(0, _FIRST_PAUSE_SECONDS * 2**attempt))
