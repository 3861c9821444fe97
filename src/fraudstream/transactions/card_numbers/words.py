"""Hexadecimal ids: digits and letters by chance, in which a card number is digits without a letter between."""

import re
from collections.abc import Iterator
from typing import Final

from fraudstream.transactions.card_numbers.schemes import SHORTEST, has_check_digit, lengths_of

_UUID: Final = re.compile("[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_RFC_9562: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
HEX_ID: Final = re.compile(
    rf"(?<![0-9A-Za-z])(?:{_UUID.pattern}"
    r"|(?=[0-9]*[A-Fa-f]+[0-9]+[A-Fa-f])(?=[0-9]*([A-Fa-f])(?:[0-9]|\1)*(?!\1)[A-Fa-f])[0-9A-Fa-f]{20,})(?![0-9A-Za-z])"
)
"""A UUID, or at least 20 hexadecimal characters with different letters, in more than one place."""

_DIGITS: Final = re.compile("[0-9-]+")


def holds_in_hex_id(word: str) -> bool:
    """Return whether a hexadecimal id holds a card number: no digit touches it, or it is the id's start or end.

    In what only looks like a UUID, without the version and variant of RFC 9562, it may stand between any digits. In
    others such numbers come about by chance too often.
    """
    anywhere = bool(_UUID.fullmatch(word)) and not _RFC_9562.fullmatch(word)
    return any(
        _slide(run[0], starts_id=not run.start(), ends_id=run.end() == len(word), anywhere=anywhere)
        for run in _DIGITS.finditer(word)
    )


def _slide(run: str, *, starts_id: bool, ends_id: bool, anywhere: bool) -> bool:
    digits = run.replace("-", "")
    clean = set(_clean_places(run))
    for begin in range(len(digits) - SHORTEST + 1):
        for length in lengths_of(digits[begin:]):
            end = begin + length
            if end > len(digits):
                break
            is_edge = (starts_id and begin == 0) or (ends_id and end == len(digits))
            if (anywhere or is_edge or (begin in clean and end in clean)) and has_check_digit(digits[begin:end]):
                return True
    return False


def _clean_places(run: str) -> Iterator[int]:
    """Yield the places between digits where a letter or a dash stands."""
    place = 0
    yield place
    for part in run.split("-"):
        place += len(part)
        yield place
