"""The compact running state of one entity.

A profile has two parts: the *ring*, the entity's `RING` newest events by event time with their details, and the *past*,
sums over what has left the ring. An event adds to the sums only when it leaves the ring, so a transaction that is still
in the ring can be judged again as if it had not been seen: the ring is read without it.

An event that is in the ring already, or is older than everything in a full ring, changes nothing: learning is
idempotent without exception. Its price is that an event which arrives when `RING` newer ones are known is judged but
not learnt. A retry differs from the first judgement only by what has left the ring since, at most one event of
each count for every event learnt in between.
"""

import math
import struct
from bisect import insort
from typing import Any, Final, NamedTuple

import msgspec

from fraudstream.detection.entities import EntityKind
from fraudstream.detection.events import DECLINED, NO_AMOUNT, NO_PEER, NO_PLACE, SPEND, Event

SCHEMA: Final = 1
RING: Final = 24
"""Events in the ring. 24 of them keep a profile under one kilobyte, so that it costs one write unit."""
KNOWN_PEERS: Final = 8
"""Devices of a customer that are remembered after their events have left the ring: the most recently used."""

WINSORISE_FROM: Final = 5
"""Amounts that must be known before a new one is cut; own choice, as is the cut itself."""
WINSORISE_DEVIATIONS: Final = 4.0

_HEADER = struct.Struct("<BBQIIddQhhBB")
_PEER = struct.Struct("<IQQ")
_EVENT = struct.Struct("<QQfBIhh")


class ProfileError(ValueError):
    """A stored profile cannot be read."""


class Amounts(NamedTuple):
    """Running mean and spread of amounts in the base currency (Welford's method)."""

    number: int = 0
    mean: float = 0.0
    squares: float = 0.0
    """Sum of squared distances from the mean."""

    def plus(self, event: Event) -> "Amounts":
        """Add an event's amount, cut where it is extreme; declined ones, and what is no spending, add nothing.

        The cut is at `WINSORISE_DEVIATIONS` standard deviations above the mean, at least at twice the mean: one fraud
        must not make the next one look normal.
        """
        if event.amount == NO_AMOUNT or event.flags & (SPEND | DECLINED) != SPEND:
            return self
        number, mean, squares = self
        amount = event.amount
        if number >= WINSORISE_FROM and amount > 2 * mean:
            amount = min(amount, mean + max(WINSORISE_DEVIATIONS * math.sqrt(squares / number), mean))
        number += 1
        distance = amount - mean
        mean += distance / number
        return Amounts(number, mean, squares + distance * (amount - mean))


class Peer(NamedTuple):
    """A known peer; times are epoch milliseconds."""

    hash: int
    first_seen: int
    last_seen: int


class Place(NamedTuple):
    """Where the entity was, in hundredths of a degree, and when (epoch milliseconds)."""

    time: int
    latitude: int
    longitude: int


NOWHERE: Final = Place(0, NO_PLACE, NO_PLACE)


class Past(msgspec.Struct, frozen=True):
    """What remains of the events that have left the ring."""

    first_seen: int = 0
    """Epoch milliseconds; 0 while nothing has left the ring."""
    count: int = 0
    amounts: Amounts = Amounts()
    place: Place = NOWHERE
    peers: tuple[Peer, ...] = ()

    def plus(self, event: Event, *, remember_peer: bool) -> "Past":
        """Add the event that leaves the ring."""
        placed = event.latitude != NO_PLACE
        return Past(
            first_seen=self.first_seen or event.time,
            count=self.count + 1,
            amounts=self.amounts.plus(event),
            place=Place(event.time, event.latitude, event.longitude) if placed else self.place,
            peers=_with_peer(self.peers, event) if remember_peer and event.peer != NO_PEER else self.peers,
        )


class Profile(msgspec.Struct, frozen=True):
    """The state of one entity; learning gives a new one."""

    kind: EntityKind
    events: tuple[Event, ...] = ()
    """The ring, oldest first."""
    past: Past = Past()

    def knows(self, event: Event) -> bool:
        """Tell whether the event has been learnt, or is too old for that to be known."""
        if len(self.events) == RING and event < self.events[0]:
            return True
        return any(known.identity == event.identity for known in self.events)

    def before(self, event: Event) -> list[Event]:
        """Give what the ring knows of the event's past, oldest first: without itself, and without later events."""
        return [known for known in self.events if known.time <= event.time and known.identity != event.identity]

    def after(self, event: Event) -> "Profile":
        """Learn an event; give this same profile when it changes nothing."""
        if self.knows(event):
            return self
        ring = list(self.events)
        insort(ring, event)
        if len(ring) <= RING:
            return Profile(self.kind, tuple(ring), self.past)
        past = self.past.plus(ring[0], remember_peer=self.kind is EntityKind.CUSTOMER)
        return Profile(self.kind, tuple(ring[1:]), past)

    def pack(self) -> bytes:
        """Give the stored form."""
        past = self.past
        header = _HEADER.pack(
            SCHEMA,
            _KINDS.index(self.kind),
            past.first_seen,
            past.count,
            *past.amounts,
            *past.place,
            len(past.peers),
            len(self.events),
        )
        peers = b"".join(_PEER.pack(*peer) for peer in past.peers)
        return header + peers + b"".join(_EVENT.pack(*event) for event in self.events)

    @classmethod
    def unpack(cls, state: bytes) -> "Profile":
        """Read the stored form.

        Raises:
            ProfileError: another version of this code wrote it, or it is damaged.
        """
        if not state or state[0] != SCHEMA:
            found = f"schema {state[0]}" if state else "no schema"
            raise ProfileError(f"a profile has {found}, this code reads schema {SCHEMA}: deploy the code that wrote it")
        try:
            header: tuple[Any, ...] = _HEADER.unpack_from(state)
            _, kind, first_seen, count, number, mean, squares, time, latitude, longitude, peers, events = header
            start = _HEADER.size + peers * _PEER.size
            if len(state) != start + events * _EVENT.size:
                raise ProfileError("a profile is damaged: its length does not fit its header")
            return cls(
                _KINDS[int(kind)],
                tuple(map(Event._make, _EVENT.iter_unpack(state[start:]))),
                Past(
                    first_seen,
                    count,
                    Amounts(number, mean, squares),
                    Place(time, latitude, longitude),
                    tuple(map(Peer._make, _PEER.iter_unpack(state[_HEADER.size : start]))),
                ),
            )
        except (struct.error, IndexError):
            raise ProfileError("a profile is damaged: its header cannot be read") from None


_KINDS: tuple[EntityKind, ...] = (EntityKind.CUSTOMER, EntityKind.CARD, EntityKind.DEVICE, EntityKind.IP)
"""A kind's place here is its code in the stored form: append only."""


def _with_peer(peers: tuple[Peer, ...], event: Event) -> tuple[Peer, ...]:
    # Events leave the ring in the order of their time, so the last of the list is the most recently used.
    first_seen = next((peer.first_seen for peer in peers if peer.hash == event.peer), event.time)
    others = [peer for peer in peers if peer.hash != event.peer]
    return (*others, Peer(event.peer, first_seen, event.time))[-KNOWN_PEERS:]
