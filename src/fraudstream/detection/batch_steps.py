"""What a batch is asked to do, step by step, and which steps profiles must have learnt before."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fraudstream.detection.profiles.entities import entities
from fraudstream.detection.profiles.events import identity
from fraudstream.detection.profiles.sharded import ShardedProfile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fraudstream.detection.profiles.profile import LabelChange, Profile
    from fraudstream.detection.stores.profile_items import StoredProfile
    from fraudstream.transactions.transaction import Transaction


class Relabelling(NamedTuple):
    """What a new label changes in profiles."""

    change: LabelChange
    was_fraud: bool
    """What was known before, unless the transaction says which label profiles have learnt."""
    is_fraud: bool
    labeled_at: int
    """Epoch milliseconds: of one transaction, newer labels have greater ones."""


class BatchStep(NamedTuple):
    """What a record of the stream asks of profiles."""

    sequence_number: str
    transaction: Transaction
    relabelling: Relabelling | None = None
    """What to learn of the transaction; None: it is to be judged."""
    is_redriven: bool = False
    """It was given up before, and is delivered out of order."""


def learnt_with_later(steps: Sequence[BatchStep], stored: Mapping[str, StoredProfile]) -> dict[str, set[str]]:
    """Return for each step the keys of the profiles that must have learnt it, since they know a later step.

    Of a divided profile that is known of the base and of each shard by itself. What is redriven was given up
    before, and has no part in the stream's order.
    """
    learnt: dict[str, set[str]] = {}
    knowing_event: set[str] = set()
    knowing_label: set[str] = set()
    for step in reversed(steps):
        keys = set[str]() if step.is_redriven else set(entities(step.transaction).values())
        knowing = knowing_label if step.relabelling else knowing_event
        items = {key: _items(key, stored[key].profile, step) for key in keys if key in stored}
        learnt[step.sequence_number] = {key for key, found in items.items() if not knowing.isdisjoint(found)}
        for found in items.values():
            knowing |= {item for item, profile in found.items() if item not in knowing and _holds(profile, step)}
    return learnt


def _items(key: str, profile: Profile, step: BatchStep) -> dict[str, Profile]:
    """Return what may hold a step, by the keys of their items."""
    if not isinstance(profile, ShardedProfile):
        return {key: profile}
    shard = profile.sharding.shard_of(identity(step.transaction.transaction_id))
    return {key: profile.base, profile.sharding.key(key, shard): profile.shards[shard]}


def _holds(profile: Profile, step: BatchStep) -> bool:
    """Return whether a profile remembers a step."""
    if step.relabelling:
        return profile.holds_label(step.relabelling.change)
    return profile.holds_one_of(step.transaction.timestamp, identity(step.transaction.transaction_id))
