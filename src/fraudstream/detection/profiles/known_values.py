"""What an entity has met before, beyond its newest events: a customer's devices, countries and payees."""

from typing import Final, NamedTuple

MINUTE: Final = 60_000
KNOWN: Final = 4
"""Of each sort the most recently used ones are remembered."""


class Familiar(NamedTuple):
    """Something that was met before."""

    hash: int
    first_seen: int
    """Minutes since the epoch."""


def met_again(known: tuple[Familiar, ...], hashed: int, time: int) -> tuple[Familiar, ...]:
    """Remember a meeting; the longest unused is forgotten where there are too many.

    Args:
        known: the most recently used last.
        hashed: what was met.
        time: epoch milliseconds; not before that of earlier meetings.
    """
    first_seen = next((each.first_seen for each in known if each.hash == hashed), time // MINUTE)
    others = [each for each in known if each.hash != hashed]
    return (*others, Familiar(hashed, first_seen))[-KNOWN:]
