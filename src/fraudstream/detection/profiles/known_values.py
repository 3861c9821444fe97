"""What an entity has met before, beyond its newest events: a customer's devices, countries and payees."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from fraudstream.durations import HOUR

MAX_KNOWN_VALUES: Final = 16
"""Of each sort the most recently used ones are remembered: whom somebody pays in a year of ordinary life (8.4 bills a
month, by the Diary of Consumer Payment Choice of 2020), and some friends. Their number is stored, so that a profile of
a release that kept 4 is read as it is."""


class KnownValue(NamedTuple):
    """Something that was met before."""

    hash: int
    first_seen: int
    """Hours since the epoch, rounded down."""


def remember(known: tuple[KnownValue, ...], hashed: int, time: int) -> tuple[KnownValue, ...]:
    """Remember a meeting; the longest unused is forgotten where there are too many.

    Args:
        known: the most recently used last.
        hashed: what was met.
        time: epoch milliseconds; not before that of earlier meetings.
    """
    first_seen = next((each.first_seen for each in known if each.hash == hashed), time // HOUR)
    others = [each for each in known if each.hash != hashed]
    return (*others, KnownValue(hashed, first_seen))[-MAX_KNOWN_VALUES:]


def without_repeats(values: Iterable[KnownValue]) -> tuple[KnownValue, ...]:
    """Return values with each hash once: where it stands last, and seen first when any of them was.

    Args:
        values: the most recently used last.
    """
    by_hash: dict[int, KnownValue] = {}
    for value in values:
        earlier = by_hash.pop(value.hash, value)
        by_hash[value.hash] = value._replace(first_seen=min(value.first_seen, earlier.first_seen))
    return tuple(by_hash.values())
