"""Writes of profiles' items, and what comes of those that meet another writer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from fraudstream.detection.profiles.codec import NewerProfileError
from fraudstream.detection.profiles.sharded import ShardedProfile, Sharding
from fraudstream.detection.stores.profiles.items import TOKEN_BYTES, StoredProfile, stored_profile, tokens_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fraudstream.detection.profiles.profile import Profile
    from fraudstream.transactions.storage.attributes import Item


class WriteConflict(NamedTuple):
    """Another writer's version is stored."""

    is_uncertain: bool
    """This very write may have been applied too, before the other one."""


class ProfileWrite(NamedTuple):
    """A write of one item."""

    entity: str
    item: str
    """The key of the item: the entity's, or one of its shards'."""
    stored: StoredProfile
    learn_again: Callable[[Profile], Profile] | None = None
    """Lets what others have written learn what this write has learnt; None: that is for the caller to do."""
    closed: Sharding | None = None
    """How the profile is divided from now on."""


class WriteOutcome(NamedTuple):
    """What came of it."""

    entity: str
    failure: Exception | WriteConflict | None = None
    is_uncertain: bool = False


def writes_of(key: str, stored: StoredProfile) -> list[ProfileWrite]:
    """Return the writes that store a profile: of a divided one, those of the shards that have learnt something."""
    profile = stored.profile
    if not isinstance(profile, ShardedProfile):
        return [ProfileWrite(key, key, stored)]
    return [
        ProfileWrite(
            key,
            profile.sharding.key(key, shard),
            stored.shards[shard]._replace(profile=profile.shards[shard]),
            partial(profile.learn_again, shard),
        )
        for shard in sorted({learnt.shard for learnt in profile.learnt})
    ]


def current_profile(key: str, item: Item | None) -> StoredProfile | None:
    """Return what another writer has written, if it can simply be gone on from."""
    try:
        stored = stored_profile(key, item) if item else None
    except NewerProfileError:
        return None
    return None if stored is None or stored.damaged or stored.erased or stored.sharding else stored


def own_or_conflict(
    response: Mapping[str, Any], version: int, token: bytes, *, is_repeated: bool
) -> WriteConflict | None:
    """Return, after a failed condition, whether the write was applied before: None if it was.

    Args:
        response: what DynamoDB answered, with the item that is there.
        version: the version that was to be written.
        token: its token.
        is_repeated: the write was sent before, and its outcome is not known.
    """
    repeated = is_repeated or response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
    if "Item" not in response:
        return WriteConflict(repeated)
    tokens = tokens_of(response["Item"])
    newer = int(response["Item"].get("version", {}).get("N", "0")) - version
    end = len(tokens) - newer * TOKEN_BYTES
    if newer >= 0 and end >= TOKEN_BYTES:
        return None if tokens[end - TOKEN_BYTES : end] == token else WriteConflict(is_uncertain=False)
    return WriteConflict(is_uncertain=repeated and newer >= 0)


def renewal(key: str, stored: StoredProfile, due: int) -> ProfileWrite | None:
    """Return the write that lets a closed base live on, if it would end before a time (epoch seconds)."""
    profile = stored.profile
    if not isinstance(profile, ShardedProfile) or stored.expires_at >= due:
        return None
    return ProfileWrite(key, key, stored._replace(profile=profile.base), closed=profile.sharding)
