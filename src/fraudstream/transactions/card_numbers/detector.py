"""Find card numbers in texts: in groups, behind dates, between letters, in chip and stripe data.

What is asked of the detector is in docs/privacy.md, with its measured shares (`make bench-privacy`).
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Final
from urllib.parse import unquote

from fraudstream.transactions.card_numbers.neighbours import (
    LONGEST_DATE_START,
    LONGEST_EXPIRY,
    OFFSETS,
    may_stand_before,
    may_stand_behind,
)
from fraudstream.transactions.card_numbers.ordinary import fold, without_ordinary_numbers
from fraudstream.transactions.card_numbers.schemes import SHORTEST, has_check_digit, is_card_number, lengths_of
from fraudstream.transactions.card_numbers.separators import LONGEST_SEPARATOR, may_join
from fraudstream.transactions.card_numbers.words import HEX_ID, holds_in_hex_id

_DECODED: Final = 3
"""How often percent-encoding is taken off: who passes an address on may encode it again."""
_DIGITS: Final = re.compile("[0-9]+")
_DIGIT: Final = re.compile("[0-9]")
# Tag 5A of EMV's tag-length-value data: length in bytes, then the number, two digits a byte, filled up with F.
_CHIP_NUMBER: Final = re.compile("(?=5A0([6-9A])([0-9]{11,19}F?))")
# Track 2, as a stripe's text and as tag 57: the number, = or D, expiry. What precedes may touch: tag and length do.
_TRACK_2: Final = re.compile("([0-9]{12,})[D=](?:1[5-9]|[234][0-9])(?:0[1-9]|1[0-2])")
# Track 3: two digits of its format, the number, =, and at least country and currency.
_TRACK_3: Final = re.compile("(?:01|59)([0-9]{12,19})=[0-9]{6}")
_NOT_OF_TRACKS: Final = re.compile("[^0-9A-Z=]+")


def holds_card_number(text: str) -> bool:
    """Return whether a text holds a card number.

    A card number has a scheme's first digits, one of its lengths and the right check digit. Its digits may be of any
    script, with separators of up to four characters between; a date may touch it in front, expiry and security code
    behind. UUIDs, hashes, account numbers (IBAN), phone numbers, times and order numbers with dates pass, nearly all.
    """
    for _ in range(_DECODED):
        if _holds(text):
            return True
        decoded = unquote(text) if "%" in text else text
        if decoded == text:
            return False
        text = decoded
    return _holds(text)


def _holds(text: str) -> bool:
    text = fold(text)
    if len(_DIGIT.findall(text)) < SHORTEST:
        return False
    if _holds_chip_or_stripe(text):
        return True
    text = without_ordinary_numbers(text)
    position = 0
    for word in HEX_ID.finditer(text):
        if _holds_in_groups(text[position : word.start()]) or holds_in_hex_id(word[0]):
            return True
        if _holds_in_groups(word[0], in_hex_id=True):
            return True
        position = word.end()
    return _holds_in_groups(text[position:])


def _holds_chip_or_stripe(text: str) -> bool:
    packed = _NOT_OF_TRACKS.sub("", text.upper())
    for match in _CHIP_NUMBER.finditer(packed):
        digits = match[2].rstrip("F")[: 2 * int(match[1], 16)]
        if is_card_number(digits) or is_card_number(digits[:-1]):
            return True
    if any(is_card_number(match[1]) for match in _TRACK_3.finditer(packed)):
        return True
    return any(
        is_card_number(match[1][-length:]) for match in _TRACK_2.finditer(packed) for length in range(SHORTEST, 20)
    )


def _holds_in_groups(text: str, *, in_hex_id: bool = False) -> bool:
    return any(_Run(groups, text).holds_card_number(in_hex_id=in_hex_id) for groups in _runs(text))


def _runs(text: str) -> Iterator[list[re.Match[str]]]:
    """Yield the groups of digits that belong together: no more than a separator lies between two of them."""
    run: list[re.Match[str]] = []
    for group in _DIGITS.finditer(text):
        if run and group.start() - run[-1].end() > LONGEST_SEPARATOR:
            yield run
            run = []
        run.append(group)
    if run:
        yield run


class _Run:
    """Groups of digits, and where in them card numbers may begin and end."""

    def __init__(self, groups: list[re.Match[str]], text: str) -> None:
        self._text = text
        self._groups = groups
        self._digits = "".join(group[0] for group in groups)
        self._ends = list(accumulate(len(group[0]) for group in groups))

    def holds_card_number(self, *, in_hex_id: bool) -> bool:
        if len(self._digits) < SHORTEST:
            return False
        begin = 0
        for index, group in enumerate(self._groups):
            zeros = len(group[0]) - len(group[0].lstrip("0"))
            for offset in (0,) if in_hex_id else (*OFFSETS, zeros):
                if offset < len(group[0]) and self._begins_at(begin + offset, index, offset, in_hex_id=in_hex_id):
                    return True
            begin = self._ends[index]
        return False

    def _begins_at(self, begin: int, first: int, offset: int, *, in_hex_id: bool) -> bool:
        if len(self._digits) - begin < SHORTEST:
            return False
        for length in lengths_of(self._digits[begin:]):
            end = begin + length
            if end > len(self._digits):
                break
            number = self._digits[begin:end]
            if (
                has_check_digit(number)
                and self._follows(number, first, offset)
                and self._ends_at(end, number, in_hex_id=in_hex_id)
                and self._is_joined(begin, end, first, in_hex_id=in_hex_id)
            ):
                return True
        return False

    def _follows(self, number: str, first: int, offset: int) -> bool:
        group = self._groups[first]
        preceding = self._text[max(0, group.start() - LONGEST_DATE_START) : group.start()]
        return may_stand_before(number, group[0][:offset], preceding)

    def _ends_at(self, end: int, number: str, *, in_hex_id: bool) -> bool:
        last = bisect_left(self._ends, end)
        rest_of_group = self._digits[end : self._ends[last]]
        if in_hex_id:
            return not rest_of_group
        return may_stand_behind(number, rest_of_group, self._text[self._groups[last].end() :][:LONGEST_EXPIRY])

    def _is_joined(self, begin: int, end: int, first: int, *, in_hex_id: bool) -> bool:
        """Check what lies between the groups that a number would be made of."""
        last = bisect_left(self._ends, end)
        if first == last:
            return True
        groups = self._groups[first : last + 1]
        edges = [begin, *self._ends[first:last], end]
        sizes = [high - low for low, high in pairwise(edges)]
        gaps = [self._text[group.end() : following.start()] for group, following in pairwise(groups)]
        around = (self._text[: groups[0].start()][-1:], self._text[groups[-1].end() :][:1])
        return may_join(sizes, gaps, around, in_hex_id=in_hex_id)
