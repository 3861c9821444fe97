"""What an entity has met before, beyond its newest events: a customer's devices, countries and payees."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from fraudstream.detection.profiles.events import NO_AMOUNT
from fraudstream.durations import HOUR

MAX_KNOWN_VALUES: Final = 16
"""Of each sort the most recently used ones are remembered: whom somebody pays in a year of ordinary life (8.4 bills a
month, by the Diary of Consumer Payment Choice of 2020), and some friends. Their number is stored, so that a profile of
a release that kept 4 is read as it is."""


_SIGNIFICANT: Final = 3
"""Bits of an amount that are kept, beside how many others follow."""


def amount_level(amount: int) -> int:
    """Return the level of an amount, in one byte; larger amounts have no lower ones."""
    others = max(amount.bit_length() - _SIGNIFICANT, 0)
    return others << _SIGNIFICANT | amount >> others


def most_of_level(level: int) -> int:
    """Return the largest amount of a level: the smallest is at least four fifths of it."""
    return ((level & (1 << _SIGNIFICANT) - 1) + 1 << (level >> _SIGNIFICANT)) - 1


UNKNOWN_LEVEL: Final = amount_level(NO_AMOUNT)
"""The highest of all: whose amounts are not known may have had any."""


class KnownValue(NamedTuple):
    """Something that was met before."""

    hash: int
    first_seen: int
    """Hours since the epoch, rounded down."""
    level: int = 0
    """Of a payee: that of the largest amount that moved, either way."""


def remember(known: tuple[KnownValue, ...], hashed: int, time: int, level: int = 0) -> tuple[KnownValue, ...]:
    """Remember a meeting; the longest unused is forgotten where there are too many.

    Args:
        known: the most recently used last.
        hashed: what was met.
        time: epoch milliseconds; not before that of earlier meetings.
        level: of what moved.
    """
    first_seen, others = time // HOUR, list[KnownValue]()
    for each in known:
        if each.hash == hashed:
            first_seen, level = each.first_seen, max(each.level, level)
        else:
            others.append(each)
    return (*others, KnownValue(hashed, first_seen, level))[-MAX_KNOWN_VALUES:]


def without_repeats(values: Iterable[KnownValue]) -> tuple[KnownValue, ...]:
    """Return values with each hash once: where it stands last, seen first when any was, with the highest level of any.

    Args:
        values: the most recently used last.
    """
    by_hash: dict[int, KnownValue] = {}
    for value in values:
        earlier = by_hash.pop(value.hash, value)
        first_seen, level = min(value.first_seen, earlier.first_seen), max(value.level, earlier.level)
        by_hash[value.hash] = KnownValue(value.hash, first_seen, level)
    return tuple(by_hash.values())
