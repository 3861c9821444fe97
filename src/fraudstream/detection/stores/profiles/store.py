"""Profiles in DynamoDB: read in batches, written on condition that nobody else has written since.

A writer knows its own write. The answer to a write may be lost; whoever repeats it, botocore or this store, then finds
that the condition fails, by its own doing. So an item carries the tokens of its newest writes, one for each version: a
write whose token is at its version was applied, also when others have written since.

The profile of an entity that many write at once is divided: see `detection.profiles.sharded`. Whoever meets another
writer at a shard lets what came back learn its own events, and writes again: nothing is read or judged anew.
"""

from __future__ import annotations

import secrets
import time
import zlib
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.aws.dynamodb_errors import is_condition_failure, is_throttled
from fraudstream.contract import SET_ASIDE_PREFIX
from fraudstream.detection.profiles.codec import pack, pack_closed
from fraudstream.detection.profiles.entities import PERSONAL, kind_of
from fraudstream.detection.profiles.sharded import Sharding
from fraudstream.detection.stores.lists.listings import Listing, item_key
from fraudstream.detection.stores.profiles.items import (
    TOKEN_BYTES,
    TOKENS_KEPT,
    LoadedProfiles,
    StoredProfile,
    add_shards,
    condition,
    read_items,
    still_marked,
)
from fraudstream.detection.stores.profiles.reads import ProfileRead, ProfilesUnavailableError, chunks
from fraudstream.detection.stores.profiles.writes import (
    ProfileWrite,
    WriteConflict,
    WriteOutcome,
    current_profile,
    own_or_conflict,
    renewal,
    writes_of,
)
from fraudstream.durations import SECONDS_A_DAY
from fraudstream.transactions.storage.attributes import Item, to_item

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from concurrent.futures import Executor

    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream.detection.stores.lists.list_approvals import ListApprovals

ATTEMPTS: Final = 6
"""Attempts of a write that meets another writer."""
SHARD_ATTEMPTS: Final = 20
"""Attempts of a shard's write that meets others, and of closing a base."""
WRITE_ATTEMPTS: Final = 3
"""Attempts of a write that DynamoDB refuses or does not answer; the SDK makes several of each."""
THROTTLED_ATTEMPTS: Final = 8
"""Attempts of a read that is answered in part, and of a write that is refused because too much is written at once.

Seconds pass until the last one, and limits are those of a second."""
SHARDS: Final = 16
"""Shards of a profile that is divided from now on; those that are there keep their number."""
_FIRST_PAUSE_SECONDS = 0.02
_random = SystemRandom()


class SavedProfiles(NamedTuple):
    """What a write could not do."""

    conflicts: set[str]
    """Keys of profiles that somebody else has written since they were read."""
    failed: dict[str, Exception]
    uncertain: set[str]
    """Keys of profiles of which nobody knows whether a state was written that another writer's has replaced."""


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
        lists: ListApprovals | None = None,
    ) -> None:
        """Store the table.

        Args:
            dynamodb: the client; threads of the pool share it.
            table: the table's name.
            retention_days: days until a profile that is not written any more expires.
            pool: runs independent calls side by side.
            wait: waits after an attempt, given its number from 0 on.
            lists: knows which entries of lists were approved; None where one person is enough.
        """
        self._dynamodb = dynamodb
        self._table = table
        self._ends = lists.ends if lists else Listing.ends
        self._retention_seconds = retention_days * SECONDS_A_DAY
        self._pool = pool
        self._known: dict[str, Sharding] = {}
        """Divided profiles that were met: their shards are read together with the base."""
        self.wait = wait

    def load(self, keys: Collection[str], *, is_first: bool = False) -> LoadedProfiles:
        """Read profiles.

        Those of a person are read consistently, their shards too: a retry tells by them what it has done before. Other
        shards, and on the first read also other profiles that many share, may be some milliseconds old: that costs half
        as much, and a write of a profile that has changed meanwhile is refused.

        Args:
            keys: of the profiles, which are those of their entities.
            is_first: nothing was written yet of what is read for. Read too on which lists the entities are: one more
                item of each, of which an entry counts within a second.

        Raises:
            ProfilesUnavailableError: DynamoDB left keys out again and again.
            ClientError: DynamoDB refused.
            BotoCoreError: DynamoDB cannot be reached.
        """
        known = {key: self._known[key] for key in keys if key in self._known}
        shards = {shard for key, sharding in known.items() for shard in sharding.keys(key)}
        newest = _personal(shards) | (_personal(keys) if is_first else {*keys})
        lists = map(item_key, keys) if is_first else ()
        items = self._read_all({*keys, *shards, *lists}, newest)
        loaded = read_items((item for item in items if item["entity"]["S"] not in shards), self._ends)
        divided = loaded.divided()
        missing = {
            shard for key, sharding in divided.items() if known.get(key) != sharding for shard in sharding.keys(key)
        }
        items += self._read_all(missing, _personal(missing))
        for key in keys:
            self._known.pop(key, None)
        self._known |= divided
        add_shards(loaded, items)
        return loaded

    def save(self, profiles: Mapping[str, StoredProfile]) -> SavedProfiles:
        """Write profiles, each on condition that the stored version is still the given one.

        Of a divided profile the shards are written that have learnt something, whoever has written them since.
        """
        saved = SavedProfiles(set(), {}, set())
        writes = [write for key, stored in profiles.items() for write in writes_of(key, stored)]
        for entity, failure, is_uncertain in self._pool.map(self._write, writes):
            if is_uncertain:
                saved.uncertain.add(entity)
            if isinstance(failure, WriteConflict):
                saved.conflicts.add(entity)
            elif failure is not None:
                saved.failed[entity] = failure
        # A closed base is not written any more, and must outlive its shards; whoever is first, that will do.
        due = self._expires_at(SECONDS_A_DAY)
        bases = [base for key, stored in profiles.items() if (base := renewal(key, stored, due))]
        for _ in self._pool.map(self._put, bases):
            pass
        return saved

    def divide(self, profiles: Mapping[str, StoredProfile]) -> set[str]:
        """Close the bases of profiles for good, as they are stored: from now on their shards are written.

        Returns:
            The keys of those that were closed by this call; another writer may have closed the others.
        """
        writes = [ProfileWrite(key, key, stored, closed=_new_sharding()) for key, stored in profiles.items()]
        return {outcome.entity for outcome in self._pool.map(self._write, writes) if outcome.failure is None}

    def remove_shards(self, key: str, sharding: Sharding) -> None:
        """Remove the shards of a profile that is no longer divided.

        Raises:
            ClientError: DynamoDB refused.
            BotoCoreError: DynamoDB cannot be reached.
        """
        for shard in sharding.keys(key):
            self._dynamodb.delete_item(TableName=self._table, Key=to_item({"entity": shard}))

    def _read_all(self, keys: set[str], newest: set[str]) -> list[Item]:
        """Read items, the given ones among them consistently."""
        reads = [*chunks(newest, is_consistent=True), *chunks(keys - newest, is_consistent=False)]
        return [item for found in self._pool.map(self._read, reads) for item in found]

    def _read(self, read: ProfileRead) -> list[Item]:
        wanted = [{"entity": {"S": key}} for key in read.keys]
        items: list[Item] = []
        for attempt in range(THROTTLED_ATTEMPTS):
            answer = self._dynamodb.batch_get_item(
                RequestItems={self._table: {"Keys": wanted, "ConsistentRead": read.is_consistent}}
            )
            items.extend(answer["Responses"].get(self._table, []))
            left = answer.get("UnprocessedKeys", {}).get(self._table)
            if not left:
                return items
            wanted = [dict(key) for key in left["Keys"]]
            self.wait(attempt)
        raise ProfilesUnavailableError(f"{len(wanted)} profiles could not be read in {THROTTLED_ATTEMPTS} attempts")

    def _write(self, write: ProfileWrite) -> WriteOutcome:
        """Write one item; an error means that nobody knows whether it was written."""
        outcome = WriteOutcome(write.entity)
        for _ in range(SHARD_ATTEMPTS):
            failure, held = self._put(write)
            is_conflict = isinstance(failure, WriteConflict)
            outcome = outcome._replace(
                failure=failure, is_uncertain=outcome.is_uncertain or (is_conflict and failure.is_uncertain)
            )
            current = current_profile(write.item, held) if is_conflict else None
            if current is None or not (write.learn_again or write.closed):
                return outcome
            if write.learn_again:
                again = write.learn_again(current.profile)
                if again is current.profile:
                    return outcome._replace(failure=None)
                current = current._replace(profile=again)
            write = write._replace(stored=current)
        return outcome

    def _put(self, write: ProfileWrite) -> tuple[Exception | WriteConflict | None, Item | None]:
        """Write an item; return what prevented it, and the item that another writer has written."""
        stored = write.stored
        version, token = (stored.version or 0) + 1, secrets.token_bytes(TOKEN_BYTES)
        values = {
            "entity": write.item,
            "state": pack_closed(stored.profile, write.closed) if write.closed else pack(stored.profile),
            "version": version,
            "writes": (stored.tokens + token)[-TOKENS_KEPT * TOKEN_BYTES :],
            "expiresAt": self._expires_at(2 * SECONDS_A_DAY if write.closed else 0),
            **still_marked(stored.erased),
        }
        request: dict[str, Any] = {"Item": to_item(values), **condition(stored)}
        for attempt in range(THROTTLED_ATTEMPTS):
            try:
                if stored.damaged:
                    self._set_aside(stored.damaged)
                self._dynamodb.put_item(TableName=self._table, ReturnValuesOnConditionCheckFailure="ALL_OLD", **request)
            except (ClientError, BotoCoreError) as error:
                if is_condition_failure(error):
                    response: Any = error.response if isinstance(error, ClientError) else {}
                    return own_or_conflict(response, version, token, is_repeated=attempt > 0), response.get("Item")
                if attempt + 1 >= (THROTTLED_ATTEMPTS if is_throttled(error) else WRITE_ATTEMPTS):
                    return error, None
                self.wait(attempt)
            else:
                break
        return None, None

    def _expires_at(self, later: int) -> int:
        return int(time.time()) + self._retention_seconds + later

    def _set_aside(self, damaged: Item) -> None:
        """Keep a damaged profile's item as it was found, under a key of its own."""
        # A second damage has a second key, and a repetition the same.
        key = f"{SET_ASIDE_PREFIX}{damaged['entity']['S']}#{zlib.crc32(repr(damaged.get('state')).encode()):08x}"
        item = to_item({"entity": key, "expiresAt": int(time.time()) + self._retention_seconds})
        self._dynamodb.put_item(TableName=self._table, Item=item | {"item": {"M": damaged}})


def _personal(keys: Iterable[str]) -> set[str]:
    """Return those of a person's profiles and of their shards."""
    return {key for key in keys if kind_of(key) in PERSONAL}


def _new_sharding() -> Sharding:
    return Sharding(SHARDS, secrets.randbits(32))
