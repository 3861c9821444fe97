"""Who has sent a counterparty money before, beyond its newest events: a Bloom filter.

A sender who is not in it is new for certain. Of new ones some are taken for known ones: with `n` senders a share of
(1 - exp(-2 n / 512))², which is 1 % after 27 of them, 10 % after 100 and 96 % after 1,000. So whom many pay, such as a
utility, has no new senders in the end.
"""

from collections.abc import Mapping
from typing import Final

from fraudstream.detection.profiles.events import NO_PEER, OUT, Event

BITS: Final = 512
_HASHES: Final = 2
_HALF: Final = 16
_MASK: Final = 2**_HALF - 1


def is_sender(event: Event) -> bool:
    """Return whether a known customer sent the counterparty money, or tried to."""
    return event.flags & OUT != 0 and event.peer != NO_PEER


def with_sender(senders: int, event: Event) -> int:
    """Return a filter with the sender of an event; the same one where it has none."""
    return senders | _bits(event.peer) if is_sender(event) else senders


def with_other_hashes(senders: int, hashes: Mapping[int, int]) -> int:
    """Return a filter that holds customers by their new hashes too, as far as it holds them by their old ones."""
    for old, new in hashes.items():
        if may_hold(senders, old):
            senders |= _bits(new)
    return senders


def may_hold(senders: int, hashed: int) -> bool:
    """Return whether a filter holds a customer's 32-bit hash; the module's docstring says how often that is wrong."""
    bits = _bits(hashed)
    return senders & bits == bits


def _bits(hashed: int) -> int:
    # The halves of a hash that spreads are as good as two hashes.
    return 1 << (hashed & _MASK) % BITS | 1 << (hashed >> _HALF) % BITS
