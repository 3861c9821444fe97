"""What a batch is asked to do, step by step, and which steps profiles must have learnt before."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from fraudstream.detection.profiles.entities import entities
from fraudstream.detection.profiles.events import identity
from fraudstream.detection.profiles.layout import LAYOUTS
from fraudstream.detection.profiles.sharded import ShardedProfile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fraudstream.detection.profiles.profile import LabelChange, Profile
    from fraudstream.detection.stores.profiles.items import StoredProfile
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
    known_fraud: bool = False
    """Profiles have learnt that it is fraud, before they learnt the transaction itself."""


def learnt_with_later(steps: Sequence[BatchStep], stored: Mapping[str, StoredProfile]) -> dict[str, set[str]]:
    """Return for each step the keys of the profiles that must have learnt it with later ones, and have forgotten it.

    A batch writes each profile once. So a profile that remembers a later step has learnt this one too, if the batch
    alone can have pushed it out: if at least as many newer ones of the batch follow as the profile remembers. Fewer say
    nothing: others have pushed it out, and the later step may have been learnt in another batch, without this one.

    Of a divided profile that is known of the base and of each shard by itself. What is redriven was given up
    before, and has no part in the stream's order.
    """
    learnt: dict[str, set[str]] = {}
    later: defaultdict[tuple[str, bool], list[_Mark]] = defaultdict(list)
    for step in reversed(steps):
        known = learnt[step.sequence_number] = set[str]()
        if step.is_redriven:
            continue
        mark, is_label = _mark(step), step.relabelling is not None
        for key in stored.keys() & entities(step.transaction).values():
            for item, profile in _items(key, stored[key].profile, step).items():
                marks = later[item, is_label]
                if _is_pushed_out(mark, profile, marks, is_label=is_label):
                    known.add(key)
                marks.append(mark)
    return learnt


_Mark: TypeAlias = tuple[int, int]
"""What profiles know a step by: a time (epoch milliseconds), by which they order, and the hash of an identity."""


def _mark(step: BatchStep) -> _Mark:
    if step.relabelling:
        return step.relabelling.change
    return step.transaction.timestamp, identity(step.transaction.transaction_id)


def _items(key: str, profile: Profile, step: BatchStep) -> dict[str, Profile]:
    """Return what may hold a step, by the keys of their items."""
    if not isinstance(profile, ShardedProfile):
        return {key: profile}
    shard = profile.sharding.shard_of(identity(step.transaction.transaction_id))
    return {key: profile.base, profile.sharding.key(key, shard): profile.shards[shard]}


def _is_pushed_out(mark: _Mark, profile: Profile, later: Sequence[_Mark], *, is_label: bool) -> bool:
    """Return whether a profile that learnt a step together with later ones remembers some of these, and not it."""
    layout = LAYOUTS[profile.kind]
    most = layout.labels if is_label else layout.ring
    if len(later) < most:
        return False
    remembered: Sequence[_Mark] = profile.labels if is_label else [event[:2] for event in profile.ring]
    if len(remembered) < most or mark >= remembered[0]:
        return False
    newer = {each for each in later if each > mark}
    return len(newer) >= most and not newer.isdisjoint(remembered)
