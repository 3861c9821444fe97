"""The profile of an entity that many write at once: a base that is closed for good, and shards that go on from it.

A transaction's shard follows from its id, so a retry looks for its event in the base and in that one shard. What is
read together has the form of any other profile: a feature does not change its meaning when its entity is divided.
"""

from collections.abc import Iterable, Sequence
from heapq import merge
from typing import NamedTuple

from msgspec.structs import replace

from fraudstream.detection.profiles.buckets import Buckets
from fraudstream.detection.profiles.events import Event
from fraudstream.detection.profiles.known_values import MAX_KNOWN_VALUES, KnownValue, without_repeats
from fraudstream.detection.profiles.layout import LAYOUTS, Layout
from fraudstream.detection.profiles.profile import MOST_OF_A_DAYTIME, LabelChange, OlderEvents, Profile


class Sharding(NamedTuple):
    """How a profile is divided; fixed when its base is closed."""

    shards: int
    generation: int
    """32 random bits: tells these shards from those of another time at which the entity was divided."""

    def key(self, entity: str, shard: int) -> str:
        """Return the key of a shard's item."""
        return f"{entity}#{self.generation:08x}#{shard:02d}"

    def keys(self, entity: str) -> list[str]:
        """Return the keys of all shards' items, in their order."""
        return [self.key(entity, shard) for shard in range(self.shards)]

    def shard_of(self, identity: int) -> int:
        """Return the shard of a transaction, by the hash of its id."""
        return identity % self.shards


def entity_of(key: str) -> str:
    """Return the entity's key, given the key of its profile or of one of its shards."""
    return "#".join(key.split("#")[:2])


class Learnt(NamedTuple):
    """What a shard has learnt since it was read."""

    shard: int
    event: Event
    change: LabelChange | None = None
    """A change of the transaction's label; None: the transaction itself."""
    frauds: int = 0

    def into(self, profile: Profile, *, is_shard: bool) -> Profile:
        """Return a profile that has learnt it; the same one if it holds it."""
        if self.change is None:
            return profile.after(self.event, late=True)
        return profile.after_label(self.change, self.event, self.frauds, late=True, is_shard=is_shard)


class ShardedProfile(Profile, frozen=True):
    """A base and its shards, with the figures of all of them together."""

    sharding: Sharding
    base: Profile
    shards: tuple[Profile, ...]
    learnt: tuple[Learnt, ...] = ()

    @classmethod
    def of(cls, sharding: Sharding, base: Profile, shards: Sequence[Profile]) -> "ShardedProfile":
        """Build a profile from what is stored."""
        return _with_figures(merged(base, shards), sharding, base, tuple(shards), ())

    def whole(self) -> Profile:
        """Return the figures of all together as one profile, as if it had never been divided."""
        return Profile(
            self.kind, self.ring, self.first_seen, self.days, self.hours, self.daytimes, self.past, self.labels
        )

    def learn_again(self, shard: int, stored: Profile) -> Profile:
        """Add what a shard has learnt since it was read to what others have written there since."""
        for each in self.learnt:
            if each.shard == shard:
                stored = each.into(stored, is_shard=True)
        return stored

    def holds_one_of(self, time: int, identity: int) -> bool:
        """Return whether the base or the transaction's shard holds an event in its ring."""
        shard = self.shards[self.sharding.shard_of(identity)]
        return shard.holds_one_of(time, identity) or self.base.holds_one_of(time, identity)

    def is_older(self, event: Event) -> bool:
        """Return whether the base or the transaction's shard may have forgotten an event."""
        return self.base.is_older(event) or self.shards[self.sharding.shard_of(event.identity)].is_older(event)

    def after(self, event: Event, *, late: bool = False) -> Profile:
        """Learn an event; see `Profile.after`."""
        if self.holds(event) or (self.is_older(event) and not late):
            return self
        return self._with(Learnt(self.sharding.shard_of(event.identity), event))

    def holds_label(self, change: LabelChange) -> bool:
        """Return whether the base or any shard remembers a change of a label."""
        return any(change in part.labels for part in (self.base, *self.shards))

    def knows_label(self, change: LabelChange) -> bool:
        """Return whether a change of a label has been learnt, or arrived too long ago for that to be known."""
        return any(part.knows_label(change) for part in (self.base, *self.shards))

    def after_label(
        self, change: LabelChange, labelled: Event, frauds: int, *, late: bool = False, is_shard: bool = False
    ) -> Profile:
        """Learn that a label has changed; see `Profile.after_label`."""
        del is_shard  # a divided profile is no shard of another
        shard = self.sharding.shard_of(labelled.identity)
        parts = self.base, self.shards[shard]
        if any(change in part.labels for part in parts):
            return self
        if not late and any(part.knows_label(change) for part in parts):
            return self
        return self._with(Learnt(shard, labelled, change, frauds))

    def _with(self, learnt: Learnt) -> "ShardedProfile":
        shards = list(self.shards)
        shards[learnt.shard] = learnt.into(shards[learnt.shard], is_shard=True)
        whole = learnt.into(self.whole(), is_shard=False)
        return _with_figures(whole, self.sharding, self.base, tuple(shards), (*self.learnt, learnt))


def undivided(profile: Profile) -> Profile:
    """Return a profile as one that is not divided."""
    return profile.whole() if isinstance(profile, ShardedProfile) else profile


def _with_figures(
    whole: Profile, sharding: Sharding, base: Profile, shards: tuple[Profile, ...], learnt: tuple[Learnt, ...]
) -> ShardedProfile:
    return ShardedProfile(
        whole.kind,
        whole.ring,
        whole.first_seen,
        whole.days,
        whole.hours,
        whole.daytimes,
        whole.past,
        whole.labels,
        sharding,
        base,
        shards,
        learnt,
    )


def new_shard(base: Profile) -> Profile:
    """Return a shard that has learnt nothing: it begins with the base's amounts, which say what is extreme."""
    return replace(Profile.new(base.kind), past=OlderEvents(base.past.amounts))


def merged(base: Profile, shards: Sequence[Profile]) -> Profile:
    """Return the profile that has learnt what the base and the shards have learnt, each something else.

    Counts and sums are exact; the ring is that of one profile, and what does not fit into it joins the past. The
    spread of amounts depends a little on which shard an extreme amount came to; of devices, countries and payees those
    stay that are the newest of their part.
    """
    kind, parts = base.kind, [base, *shards]
    layout = LAYOUTS[kind]
    events = list(merge(*[part.ring for part in parts]))
    older, ring = events[: -layout.ring], tuple(events[-layout.ring :])
    return Profile(
        kind,
        ring,
        min([part.first_seen for part in parts if part.ring], default=0),
        _sum([part.days for part in parts], layout.day_limits),
        _sum([part.hours for part in parts], layout.hour_limits),
        tuple([min(sum(hours), MOST_OF_A_DAYTIME) for hours in zip(*[part.daytimes for part in parts], strict=True)]),
        _past(base.past, [shard.past for shard in shards], older, layout),
        tuple(sorted(change for part in parts for change in part.labels)[-layout.labels :]),
    )


def _sum(parts: Sequence[Buckets], limits: Sequence[int]) -> Buckets:
    newest = max(part.newest for part in parts)
    moved = [part.moved_to(newest).columns for part in parts if part.newest]
    if not moved:
        return parts[0]
    return Buckets(
        newest,
        tuple(
            [
                tuple([max(min(figure, limit), 0) for figure in map(sum, zip(*columns, strict=True))])
                for limit, *columns in zip(limits, *moved, strict=True)
            ]
        ),
    )


def _past(base: OlderEvents, shards: Sequence[OlderEvents], older: Sequence[Event], layout: Layout) -> OlderEvents:
    amounts, parts = base.amounts, [base, *shards]
    for shard in shards:
        amounts = amounts.joined(shard.amounts.without(base.amounts))
    last_place, senders = max(part.place for part in parts), 0
    for part in parts:
        senders |= part.senders
    past = OlderEvents(
        amounts,
        last_place,
        _known(part.devices for part in parts),
        _known(part.countries for part in parts),
        _known(part.payees for part in parts),
        senders,
    )
    for event in older:
        past = past.plus(event, layout)
    return replace(past, place=max(last_place, past.place))


def _known(parts: Iterable[tuple[KnownValue, ...]]) -> tuple[KnownValue, ...]:
    """Return the most recently used values of all parts: those first that are the last of their part."""
    lists = list(parts)
    by_use = [values[-back] for back in range(MAX_KNOWN_VALUES, 0, -1) for values in lists if len(values) >= back]
    return without_repeats(by_use)[-MAX_KNOWN_VALUES:]
