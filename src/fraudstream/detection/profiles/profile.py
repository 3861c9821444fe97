"""The compact running state of one entity.

A profile knows its newest events by event time, the *ring*, with their details; counts and sums of all events, in
buckets; and the *past*: what has left the ring, as far as it depends on order (amounts, the last place, what is
familiar). An event enters the past when it leaves the ring, and leaves it in the order of time. So the state is the
same for any order in which no event arrives after as many newer ones of its entity as the ring holds.

An event that is in the ring changes nothing. One that is older than everything in a full ring might have been there: it
changes nothing either, unless the caller knows that it is new (`late`); then it is counted. `learning` knows it in
two ways: from another entity's profile whose ring reaches farther back (a merchant's ring may span seconds, but every
transaction has a customer), and from the analyzer, which looks whether the transaction has been decided.
"""

from bisect import insort
from typing import Final, NamedTuple

import msgspec

from fraudstream.contract import EntityKind
from fraudstream.detection.profiles.amounts import Amounts
from fraudstream.detection.profiles.buckets import Buckets, empty
from fraudstream.detection.profiles.entities import PERSONAL
from fraudstream.detection.profiles.events import (
    FRAUD,
    NO_COUNTRY,
    NO_PEER,
    NO_PLACE,
    OUT,
    Event,
    is_evidence,
    is_near_threshold,
    is_refund,
    is_spending,
    marked_as_fraud,
    moved,
    paid_out,
    payee,
    received,
    refunded,
    spent,
)
from fraudstream.detection.profiles.known_values import KnownValue, amount_level, remember
from fraudstream.detection.profiles.layout import LAYOUTS, Layout, Personal, Shared
from fraudstream.detection.profiles.senders import with_sender
from fraudstream.durations import DAY, HOUR

HOURS_A_DAY: Final = 24
MOST_OF_A_DAYTIME: Final = 65_535
"""What is counted of an hour of the day, at most: two bytes hold it."""


class LastPlace(NamedTuple):
    """Where the entity was, in hundredths of a degree, and when (epoch milliseconds)."""

    time: int
    latitude: int
    longitude: int


NOWHERE: Final = LastPlace(0, NO_PLACE, NO_PLACE)


class LabelChange(NamedTuple):
    """A change of a transaction's label that the profile has learnt; changes order by arrival."""

    arrived_at: int
    """Epoch milliseconds, by the clock of the stream: the same whenever the change is delivered again."""
    identity: int
    """32-bit hash of what tells this change from others that arrived at the same time."""


class OlderEvents(msgspec.Struct, frozen=True):
    """What remains of the order and details of the events that have left the ring."""

    amounts: Amounts = Amounts()
    place: LastPlace = NOWHERE
    devices: tuple[KnownValue, ...] = ()
    countries: tuple[KnownValue, ...] = ()
    payees: tuple[KnownValue, ...] = ()
    senders: int = 0
    """Filter of the customers who sent a counterparty money; see `senders`."""

    def plus(self, event: Event, layout: Layout) -> "OlderEvents":
        """Add the event that leaves the ring; its details only where they are kept."""
        amounts = self.amounts.plus((event,))
        if layout.senders:
            return OlderEvents(amounts, senders=with_sender(self.senders, event))
        if not layout.detailed:
            return OlderEvents(amounts)
        time, paid = event.time, payee(event)
        placed = event.latitude != NO_PLACE
        return OlderEvents(
            amounts,
            LastPlace(time, event.latitude, event.longitude) if placed else self.place,
            self.devices if event.peer == NO_PEER else remember(self.devices, event.peer, time),
            self.countries if event.country == NO_COUNTRY else remember(self.countries, event.country, time),
            self.payees if paid == NO_PEER else remember(self.payees, paid, time, amount_level(moved(event))),
        )


class Profile(msgspec.Struct, frozen=True):
    """The state of one entity; learning gives a new one."""

    kind: EntityKind
    ring: tuple[Event, ...]
    """Oldest first."""
    first_seen: int
    """Epoch milliseconds of the first event; 0 before there is one."""
    days: Buckets
    hours: Buckets
    daytimes: tuple[int, ...]
    """Events by hour of the day in UTC; empty where details are not kept."""
    past: OlderEvents
    labels: tuple[LabelChange, ...]
    """Oldest first."""

    @classmethod
    def new(cls, kind: EntityKind) -> "Profile":
        """Return the profile of an entity that nothing is known of."""
        return _NEW[kind]

    def holds(self, event: Event) -> bool:
        """Return whether the event is in the ring."""
        return self.holds_one_of(event.time, event.identity)

    def holds_one_of(self, time: int, identity: int) -> bool:
        """Return whether an event of a time (epoch milliseconds) and a transaction's hash is in the ring."""
        ring = self.ring
        if not ring or time > ring[-1].time:
            return False
        return any(known.time == time and known.identity == identity for known in ring)

    def knows(self, event: Event) -> bool:
        """Return whether the event has been learnt, or is too old for that to be known."""
        return self.is_older(event) or self.holds(event)

    def before(self, event: Event) -> list[Event]:
        """Return what the ring knows of the event's past, oldest first: without itself, and without later events."""
        time, identity = event.time, event.identity
        ring = self.ring
        if ring and ring[-1].time == time and ring[-1].identity == identity:
            return list(ring[:-1])
        return [known for known in ring if known.time < time or (known.time == time and known.identity != identity)]

    def reaches(self, start: int) -> bool:
        """Return whether the ring knows all events after a time (epoch milliseconds)."""
        return len(self.ring) < LAYOUTS[self.kind].ring or self.ring[0].time <= start

    def after(self, event: Event, *, late: bool = False) -> "Profile":
        """Learn an event; give this same profile when it changes nothing.

        Args:
            event: what happened.
            late: it is known to be new, however old it is.
        """
        if self.holds(event):
            return self
        older = self.is_older(event)
        if older and not late:
            return self
        layout = LAYOUTS[self.kind]
        ring, past = list(self.ring), self.past
        if not older:
            insort(ring, event)
            if len(ring) > layout.ring:
                past = past.plus(ring.pop(0), layout)
        time = event.time
        days = self.days.plus(time // DAY, _days(self.kind, event), layout.day_limits)
        hours = self.hours
        if layout.hours:
            hours = hours.plus(time // HOUR, (1, is_evidence(event)), layout.hour_limits)
        daytimes = self.daytimes
        if layout.detailed:
            hour = time // HOUR % HOURS_A_DAY
            daytimes = (*daytimes[:hour], min(daytimes[hour] + 1, MOST_OF_A_DAYTIME), *daytimes[hour + 1 :])
        first_seen = min(self.first_seen, time) if self.ring else time
        return Profile(self.kind, tuple(ring), first_seen, days, hours, daytimes, past, self.labels)

    def holds_label(self, change: LabelChange) -> bool:
        """Return whether a change of a label is remembered."""
        return change in self.labels

    def knows_label(self, change: LabelChange) -> bool:
        """Return whether a change of a label has been learnt, or arrived too long ago for that to be known."""
        return self.holds_label(change) or self.is_older_label(change)

    def after_label(
        self, change: LabelChange, labelled: Event, frauds: int, *, late: bool = False, is_shard: bool = False
    ) -> "Profile":
        """Learn that a label has changed; return this same profile when that changes nothing.

        Args:
            change: which one.
            labelled: the event that the transaction was to the entity.
            frauds: 1 if the transaction is now known to be fraud, -1 if it is no longer.
            late: it is known to be new, however long ago it arrived, as `late` of `after`.
            is_shard: the base of this shard may have learnt that the transaction was fraud.
        """
        layout = LAYOUTS[self.kind]
        if change in self.labels:
            return self
        if self.is_older_label(change) and not late:
            return self
        labels = list(self.labels)
        insort(labels, change)
        column = Personal.FRAUDS if self.kind in PERSONAL else Shared.FRAUDS
        # Who paid a mule in is a victim: only what was sent to a counterparty speaks against it.
        counted = 0 if self.kind is EntityKind.COUNTERPARTY and not labelled.flags & OUT else frauds
        figures = [counted if position == column else 0 for position in range(len(layout.days))]
        days = self.days.plus(labelled.time // DAY, figures, layout.day_limits, may_owe=is_shard)
        newest = tuple(labels[-layout.labels :])
        ring = self.ring
        if self.holds(labelled):
            ring = tuple([_relabelled(known, frauds) if known.is_same_as(labelled) else known for known in ring])
        return Profile(self.kind, ring, self.first_seen, days, self.hours, self.daytimes, self.past, newest)

    def is_older_label(self, change: LabelChange) -> bool:
        """Return whether a change of a label arrived too long ago for the profile to know whether it has learnt it."""
        return len(self.labels) == LAYOUTS[self.kind].labels and change < self.labels[0]

    def is_older(self, event: Event) -> bool:
        """Return whether an event is too old for the profile to know whether it has learnt it."""
        return len(self.ring) == LAYOUTS[self.kind].ring and event < self.ring[0]


def _relabelled(event: Event, frauds: int) -> Event:
    return marked_as_fraud(event) if frauds > 0 else event._replace(flags=event.flags & ~FRAUD)


def _days(kind: EntityKind, event: Event) -> tuple[int, ...]:
    """Return what an event adds to the columns of its day."""
    if kind is EntityKind.COUNTERPARTY:
        return (1, 0, received(event), paid_out(event))
    if kind not in PERSONAL:
        return (1, 0)
    spending = (is_spending(event), spent(event), is_evidence(event), 0)
    if kind is EntityKind.CARD:
        return spending
    return (*spending, is_refund(event), refunded(event), is_near_threshold(event))


def _new(kind: EntityKind) -> Profile:
    layout = LAYOUTS[kind]
    return Profile(
        kind,
        (),
        0,
        empty([column.length for column in layout.days]),
        empty([column.length for column in layout.hours]),
        (0,) * HOURS_A_DAY if layout.detailed else (),
        OlderEvents(),
        (),
    )


_NEW: Final = {kind: _new(kind) for kind in EntityKind}
