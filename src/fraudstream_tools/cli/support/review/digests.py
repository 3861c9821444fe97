"""Changes that wait for a second person, chosen by the digests under which somebody has seen them."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol, TypeVar

from fraudstream_tools.cli.support.terminal.output import err
from fraudstream_tools.redaction import shown

SHOWN_DIGITS: Final = 16
"""Hexadecimal digits that tell a change. By fewer, somebody could make another change that begins alike."""


class WaitingChange(Protocol):
    """What is approved by its digest."""

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal digits."""
        ...


C = TypeVar("C", bound=WaitingChange)


def shown_digest(change: WaitingChange) -> str:
    """Return as much of a digest as a person needs."""
    return change.digest[:SHOWN_DIGITS]


def with_digests(waiting: Iterable[C], digests: Sequence[str], look: str) -> list[C]:
    """Return the changes that have one of some digests; say of each digest that none has it.

    Args:
        waiting: the changes that wait now.
        digests: as the person has seen them, whole or the first `SHOWN_DIGITS` digits.
        look: the command that shows what waits.
    """
    changes = list(waiting)
    found: dict[str, C] = {}
    for digest in digests:
        begins = [each for each in changes if len(digest) >= SHOWN_DIGITS and each.digest.startswith(digest)]
        if not begins:
            said = f"{shown(digest)}: nothing that waits has this digest (any more): look again with `{look}`"
            err.print(said, soft_wrap=True)
        found |= {each.digest: each for each in begins}
    return list(found.values())
