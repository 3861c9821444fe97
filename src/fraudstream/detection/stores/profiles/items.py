"""The items of the table of profiles, and what they say."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fraudstream.contract import ERASURE_MARK_SECONDS, LISTED_PREFIX
from fraudstream.detection.profiles.codec import DamagedProfileError, NewerProfileError, sharding_of, unpack
from fraudstream.detection.profiles.entities import kind_of
from fraudstream.detection.profiles.profile import Profile
from fraudstream.detection.profiles.sharded import ShardedProfile, Sharding, new_shard
from fraudstream.detection.stores.lists.listings import DamagedListingError, Listing
from fraudstream.transactions.storage.attributes import Item, from_attribute, to_item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

TOKENS_KEPT: Final = 8
TOKEN_BYTES: Final = 4


class ErasedMark(NamedTuple):
    """What is stored in place of an erased person's profile, for as long as a stream may tell of them."""

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
    sharding: Sharding | None = None
    """How it is divided, if its base is closed; all else is then the base's."""
    shards: tuple[StoredProfile, ...] = ()
    expires_at: int = 0
    """Epoch seconds."""


class LoadedProfiles(NamedTuple):
    """What a read gave."""

    profiles: dict[str, StoredProfile]
    """By key; an entity without a profile is not there. A damaged one begins anew."""
    newer: set[str]
    """Keys of profiles that a newer version of this code has written: they are to be left as they are."""
    listed: dict[str, dict[str, float]]
    """When entries of lists end, epoch milliseconds: by key of the entity and by list."""
    unreadable_lists: set[str]
    """Keys of entities of which nobody knows on which lists they are, because the item is damaged."""
    erased: dict[str, ErasedMark]
    """By key: persons who were erased lately, and what was erased with them."""
    damaged: set[str]
    """Keys of profiles of which something could not be read."""

    def divided(self) -> dict[str, Sharding]:
        """Return how the divided ones are divided, by key."""
        return {key: stored.sharding for key, stored in self.profiles.items() if stored.sharding}


def read_items(items: Iterable[Item], ends: Callable[[Listing], dict[str, float]] = Listing.ends) -> LoadedProfiles:
    """Read items, in any order; of a divided profile this gives the base alone.

    Args:
        items: those that were found.
        ends: returns by list when the entry of a listed entity that counts ends.
    """
    loaded = LoadedProfiles({}, set(), {}, set(), {}, set())
    for item in items:
        key = from_attribute(item["entity"])
        if key.startswith(LISTED_PREFIX):
            try:
                loaded.listed[key.removeprefix(LISTED_PREFIX)] = ends(Listing.from_item(item))
            except DamagedListingError:
                loaded.unreadable_lists.add(key.removeprefix(LISTED_PREFIX))
            continue
        # Functions alone write what follows, and who erases persons; people write list entries with any attribute.
        if mark := _erased(key, item):
            loaded.erased[key] = mark
        try:
            stored = loaded.profiles[key] = stored_profile(key, item)
            if stored.damaged is not None:
                loaded.damaged.add(key)
        except NewerProfileError:
            loaded.newer.add(key)
    return loaded


def add_shards(loaded: LoadedProfiles, items: Iterable[Item]) -> None:
    """Join the divided profiles among those that were read with their shards.

    Args:
        loaded: what `read_items` gave.
        items: those of the shards; one that is not there is empty.
    """
    by_key = {from_attribute(item["entity"]): item for item in items}
    for key, sharding in loaded.divided().items():
        base = loaded.profiles[key]
        try:
            shards = tuple(
                [
                    stored_profile(each, by_key[each])
                    if each in by_key
                    else StoredProfile(new_shard(base.profile), None)
                    for each in sharding.keys(key)
                ]
            )
        except NewerProfileError:
            loaded.newer.add(key)
            del loaded.profiles[key]
            continue
        profile = ShardedProfile.of(sharding, base.profile, [shard.profile for shard in shards])
        loaded.profiles[key] = base._replace(profile=profile, shards=shards)
        if any(shard.damaged is not None for shard in shards):
            loaded.damaged.add(key)


def stored_profile(key: str, item: Item) -> StoredProfile:
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
        state = item["state"]["B"]
        profile = unpack(state, kind_of(key))
        sharding = sharding_of(state)
    except (DamagedProfileError, KeyError, TypeError):
        return StoredProfile(Profile.new(kind_of(key)), number, tokens_of(item), item)
    damaged = None if number else item
    ends = item.get("expiresAt", {}).get("N", "0")
    return StoredProfile(
        profile, number, tokens_of(item), damaged, mark, sharding, expires_at=int(ends) if ends.isdecimal() else 0
    )


def _erased(key: str, item: Item) -> ErasedMark | None:
    if "erasedAt" not in item:
        return None
    return ErasedMark(int(item["erasedAt"]["N"]), item.get("erasedFor", {}).get("S", key))


def still_marked(mark: ErasedMark | None) -> dict[str, object]:
    """Return the attributes of a mark that still counts, for the profile that is written in its place."""
    if mark is None or time.time() * 1000 > mark.at + ERASURE_MARK_SECONDS * 1000:
        return {}
    return {"erasedAt": mark.at, "erasedFor": mark.customer}


def tokens_of(item: Mapping[str, Any]) -> bytes:
    """Return the tokens of an item; none for one that 0.1.0 wrote."""
    tokens = item.get("writes", {}).get("B", b"")
    return tokens if len(tokens) % TOKEN_BYTES == 0 else b""


def condition(stored: StoredProfile) -> dict[str, Any]:
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
