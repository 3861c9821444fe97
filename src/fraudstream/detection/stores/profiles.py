"""Profiles in DynamoDB: read in batches, written on condition that nobody else has written since.

A writer knows its own write. The answer to a write may be lost; whoever repeats it, botocore or this store, then finds
that the condition fails, by its own doing. So an item carries the tokens of its newest writes, one for each version: a
write whose token stands at its version was applied, also when others have written since.
"""

from __future__ import annotations

import secrets
import time
import zlib
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.contract import ERASURE_MARK_SECONDS, LISTED_PREFIX
from fraudstream.detection.profiles.codec import DamagedProfileError, NewerProfileError, pack, unpack
from fraudstream.detection.profiles.entities import kind_of
from fraudstream.detection.profiles.profile import Profile
from fraudstream.detection.stores.listings import DamagedListingError, Listing, item_key
from fraudstream.durations import SECONDS_A_DAY
from fraudstream.dynamodb import is_condition_failure
from fraudstream.transactions.storage.attributes import Item, from_attribute, to_item

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from concurrent.futures import Executor

    from mypy_boto3_dynamodb import DynamoDBClient

KEYS_PER_READ: Final = 100
"""DynamoDB's limit for BatchGetItem."""
ATTEMPTS: Final = 6
"""Of a read that DynamoDB answers in part, and of a write that meets another writer."""
WRITE_ATTEMPTS: Final = 3
"""Of a write that DynamoDB refuses or does not answer; the SDK makes several of each."""
TOKENS_KEPT: Final = 8
TOKEN_BYTES: Final = 4
SET_ASIDE_PREFIX: Final = "damaged#"
"""What the keys of items begin with that keep damaged profiles as they were found."""
_FIRST_PAUSE_SECONDS = 0.02
_random = SystemRandom()


class ErasedMark(NamedTuple):
    """What stands in place of a profile that was erased with its person, for as long as a stream may tell of them."""

    at: int
    """Epoch milliseconds: what was received later is new."""
    customer: str
    """The key of the erased person."""


class StoredProfile(NamedTuple):
    """A profile and the version under which it is stored; None for one that is not stored yet."""

    profile: Profile
    version: int | None
    tokens: bytes = b""
    """Those of the newest writes, oldest first; the last one wrote this version."""
    damaged: Item | None = None
    """What is stored, where that cannot be read: it is set aside before the profile is written anew."""
    erased: ErasedMark | None = None


class LoadedProfiles(NamedTuple):
    """What a read gave."""

    profiles: dict[str, StoredProfile]
    """By key; an entity without a profile is not there. A damaged one begins anew."""
    newer: set[str]
    """Keys of profiles that a newer version of this code has written: they are to be left as they are."""
    listed: dict[str, dict[str, float]]
    """Of the entities that are on lists, by key and list: when the entry ends, epoch milliseconds."""
    unreadable_lists: set[str]
    """Keys of entities of which nobody knows on which lists they are, because the item is damaged."""
    erased: dict[str, ErasedMark]
    """By key: persons who were erased lately, and what was erased with them."""


class SavedProfiles(NamedTuple):
    """What a write could not do."""

    conflicts: set[str]
    """Keys of profiles that somebody else has written since they were read."""
    failed: dict[str, Exception]
    uncertain: set[str]
    """Those of the conflicts of which nobody knows whether this very state was written too."""


class WriteConflict(NamedTuple):
    """Another writer's version is stored."""

    is_uncertain: bool
    """This very write may have been applied too, before the other one."""


class ProfilesUnavailableError(RuntimeError):
    """DynamoDB did not give all profiles that were asked for."""


class _Read(NamedTuple):
    """Keys that one request asks for."""

    keys: list[str]
    is_consistent: bool


def pause(attempt: int) -> None:
    """Wait before another attempt: up to 20 ms after the first, doubling, at a random length (full jitter)."""
    time.sleep(_random.uniform(0, _FIRST_PAUSE_SECONDS * 2**attempt))


class ProfileStore:
    """The table of profiles."""

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table: str,
        retention_days: int,
        pool: Executor,
        *,
        wait: Callable[[int], None] = pause,
    ) -> None:
        """Store the table.

        Args:
            dynamodb: the client; threads of the pool share it.
            table: the table's name.
            retention_days: days until a profile that is not written any more expires.
            pool: runs independent calls side by side.
            wait: waits after an attempt, given its number from 0 on.
        """
        self._dynamodb = dynamodb
        self._table = table
        self._retention_seconds = retention_days * SECONDS_A_DAY
        self._pool = pool
        self.wait = wait

    def load(self, keys: Collection[str], *, with_lists: bool = False) -> LoadedProfiles:
        """Read profiles, consistently, and lists as they were a moment ago.

        Args:
            keys: of the profiles, which are those of their entities.
            with_lists: read too on which lists the entities are: one more item of each. An entry counts within a
                second: a read of the newest one costs twice as much, and these are half of all that is read.

        Raises:
            ProfilesUnavailableError: DynamoDB left keys out again and again.
            ClientError: DynamoDB refused.
            BotoCoreError: DynamoDB cannot be reached.
        """
        reads = [*_chunks(keys, is_consistent=True)]
        if with_lists:
            reads += _chunks(map(item_key, keys), is_consistent=False)
        return _loaded(item for items in self._pool.map(self._read, reads) for item in items)

    def save(self, profiles: Mapping[str, StoredProfile]) -> SavedProfiles:
        """Write profiles, each on condition that the stored version is still the given one."""
        saved = SavedProfiles(set(), {}, set())
        for key, outcome in self._pool.map(self._write, profiles.items()):
            if isinstance(outcome, WriteConflict):
                saved.conflicts.add(key)
                if outcome.is_uncertain:
                    saved.uncertain.add(key)
            elif outcome is not None:
                saved.failed[key] = outcome
        return saved

    def _read(self, read: _Read) -> list[Item]:
        wanted = [{"entity": {"S": key}} for key in read.keys]
        items: list[Item] = []
        for attempt in range(ATTEMPTS):
            asked = {"Keys": wanted, "ConsistentRead": read.is_consistent}
            answer = self._dynamodb.batch_get_item(RequestItems={self._table: asked})
            items.extend(answer["Responses"].get(self._table, []))
            left = answer.get("UnprocessedKeys", {}).get(self._table)
            if not left:
                return items
            wanted = [dict(key) for key in left["Keys"]]
            self.wait(attempt)
        raise ProfilesUnavailableError(f"{len(wanted)} profiles could not be read in {ATTEMPTS} attempts")

    def _write(self, entry: tuple[str, StoredProfile]) -> tuple[str, Exception | WriteConflict | None]:
        """Write one profile; an error means that nobody knows whether it was written."""
        key, stored = entry
        version, token = (stored.version or 0) + 1, secrets.token_bytes(TOKEN_BYTES)
        values = {
            "entity": key,
            "state": pack(stored.profile),
            "version": version,
            "writes": (stored.tokens + token)[-TOKENS_KEPT * TOKEN_BYTES :],
            "expiresAt": int(time.time()) + self._retention_seconds,
            **_still_marked(stored.erased),
        }
        write: dict[str, Any] = {"Item": to_item(values), **_condition(stored)}
        for attempt in range(WRITE_ATTEMPTS):
            try:
                if stored.damaged:
                    self._set_aside(stored.damaged)
                self._dynamodb.put_item(TableName=self._table, ReturnValuesOnConditionCheckFailure="ALL_OLD", **write)
            except (ClientError, BotoCoreError) as error:
                if is_condition_failure(error):
                    return key, _own_or_conflict(error, version, token, is_repeated=attempt > 0)
                if attempt + 1 == WRITE_ATTEMPTS:
                    return key, error
                self.wait(attempt)
            else:
                break
        return key, None

    def _set_aside(self, damaged: Item) -> None:
        """Keep a damaged profile's item as it was found, under a key of its own."""
        # A second damage has a second key, and a repetition the same.
        key = f"{SET_ASIDE_PREFIX}{damaged['entity']['S']}#{zlib.crc32(repr(damaged.get('state')).encode()):08x}"
        item = to_item({"entity": key, "expiresAt": int(time.time()) + self._retention_seconds})
        self._dynamodb.put_item(TableName=self._table, Item=item | {"item": {"M": damaged}})


def _chunks(keys: Iterable[str], *, is_consistent: bool) -> Iterable[_Read]:
    ordered = sorted(keys)
    for start in range(0, len(ordered), KEYS_PER_READ):
        yield _Read(ordered[start : start + KEYS_PER_READ], is_consistent)


def read_once(dynamodb: DynamoDBClient, table: str, keys: Collection[str]) -> LoadedProfiles:
    """Read a few profiles, with lists, by one request that is not repeated; the newest writes may be missing.

    Raises:
        ProfilesUnavailableError: DynamoDB left keys out.
        ClientError: DynamoDB refused.
        BotoCoreError: DynamoDB cannot be reached.
    """
    wanted = [{"entity": {"S": key}} for key in (*keys, *map(item_key, keys))]
    answer = dynamodb.batch_get_item(RequestItems={table: {"Keys": wanted}})
    if answer.get("UnprocessedKeys"):
        raise ProfilesUnavailableError("some profiles could not be read")
    return _loaded(answer["Responses"].get(table, []))


def _loaded(items: Iterable[Item]) -> LoadedProfiles:
    loaded = LoadedProfiles({}, set(), {}, set(), {})
    for item in items:
        key = from_attribute(item["entity"])
        if mark := _erased(key, item):
            loaded.erased[key] = mark
        try:
            if key.startswith(LISTED_PREFIX):
                loaded.listed[key.removeprefix(LISTED_PREFIX)] = Listing.from_item(item).ends()
            else:
                loaded.profiles[key] = _stored(key, item)
        except NewerProfileError:
            loaded.newer.add(key)
        except DamagedListingError:
            loaded.unreadable_lists.add(key.removeprefix(LISTED_PREFIX))
    return loaded


def _stored(key: str, item: Item) -> StoredProfile:
    """Read a profile's item; a damaged one gives a new profile.

    Raises:
        NewerProfileError: a newer version of this code wrote it.
    """
    version = item.get("version", {}).get("N", "0")
    number = int(version) if version.isdecimal() else 0
    mark = _erased(key, item)
    if mark and "state" not in item:
        return StoredProfile(Profile.new(kind_of(key)), number, erased=mark)
    try:
        profile = unpack(item["state"]["B"], kind_of(key))
        return StoredProfile(profile, number, _tokens(item), None if number else item, mark)
    except (DamagedProfileError, KeyError, TypeError):
        return StoredProfile(Profile.new(kind_of(key)), number, _tokens(item), item)


def _erased(key: str, item: Item) -> ErasedMark | None:
    if "erasedAt" not in item:
        return None
    return ErasedMark(int(item["erasedAt"]["N"]), item.get("erasedFor", {}).get("S", key))


def _still_marked(mark: ErasedMark | None) -> dict[str, object]:
    """Return the attributes of a mark that still counts, for the profile that is written in its place."""
    if mark is None or time.time() * 1000 > mark.at + ERASURE_MARK_SECONDS * 1000:
        return {}
    return {"erasedAt": mark.at, "erasedFor": mark.customer}


def _tokens(item: Item) -> bytes:
    """Return the tokens of an item; none for one that 0.1.0 wrote."""
    tokens = item.get("writes", {}).get("B", b"")
    return tokens if len(tokens) % TOKEN_BYTES == 0 else b""


def _condition(stored: StoredProfile) -> dict[str, Any]:
    """Return the condition under which a profile may be written: that what is stored is still what was read."""
    if stored.damaged is not None:
        # Its version may be damaged too.
        present = {name: value for name, value in stored.damaged.items() if name in {"state", "version"}}
        absent = [f"attribute_not_exists(#{name})" for name in ("state", "version") if name not in present]
        return {
            "ConditionExpression": " AND ".join([*(f"#{name} = :{name}" for name in present), *absent]),
            "ExpressionAttributeNames": {"#state": "state", "#version": "version"},
        } | ({"ExpressionAttributeValues": {f":{name}": value for name, value in present.items()}} if present else {})
    if stored.version is None:
        return {"ConditionExpression": "attribute_not_exists(entity)"}
    return {
        "ConditionExpression": "#version = :version",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": to_item({":version": stored.version}),
    }


def _own_or_conflict(error: Exception, version: int, token: bytes, *, is_repeated: bool) -> WriteConflict | None:
    """Return, after a failed condition, whether the write was applied before: None if it was.

    Args:
        error: what DynamoDB answered, with the item that is there.
        version: the version that was to be written.
        token: its token.
        is_repeated: the write was sent before, and its outcome is not known.
    """
    response: Any = error.response if isinstance(error, ClientError) else {}
    repeated = is_repeated or response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
    if "Item" not in response:
        return WriteConflict(repeated)
    tokens = _tokens(response["Item"])
    newer = int(response["Item"].get("version", {}).get("N", "0")) - version
    end = len(tokens) - newer * TOKEN_BYTES
    if newer >= 0 and end >= TOKEN_BYTES:
        return None if tokens[end - TOKEN_BYTES : end] == token else WriteConflict(is_uncertain=False)
    return WriteConflict(is_uncertain=repeated and newer >= 0)
