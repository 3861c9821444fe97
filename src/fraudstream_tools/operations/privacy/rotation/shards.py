"""Shards of a profile that is to be one item again."""

from collections.abc import Callable
from typing import NamedTuple

from fraudstream.detection.profiles.codec import ProfileError, pack, sharding_of, unpack
from fraudstream.detection.profiles.sharded import merged
from fraudstream.transactions.storage.attributes import Item


class ShardsPutTogether(NamedTuple):
    """What a divided profile becomes."""

    whole: Item
    """In place of its base."""
    shards: dict[str, Item]
    """Its shards that are stored, by key: to be removed in the same transaction."""


def shards_put_together(base: Item, read: Callable[[str], Item | None]) -> ShardsPutTogether | None:
    """Return what a divided profile is as one item; None if it is not divided, or a part of it cannot be read.

    Args:
        base: the item of its base.
        read: reads an item consistently, by its key.
    """
    try:
        state = base["state"]["B"]
        profile = unpack(state)
        sharding = sharding_of(state)
        if sharding is None:
            return None
        keys = sharding.keys(base["entity"]["S"])
        shards = {key: item for key in keys if (item := read(key))}
        whole = merged(profile, [unpack(item["state"]["B"]) for item in shards.values()])
    except (ProfileError, KeyError):
        return None
    version = {"N": str(int(base["version"]["N"]) + 1)}
    return ShardsPutTogether(base | {"state": {"B": pack(whole)}, "version": version}, shards)
