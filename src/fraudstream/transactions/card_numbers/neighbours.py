"""What may touch a card number's digits without anything between: dates in front, expiry and security code behind."""

import re
from typing import Final

_MONTH: Final = "(?:0[1-9]|1[0-2])"
_DAY: Final = "(?:0[1-9]|[12][0-9]|3[01])"
_YEAR: Final = "(?:19[5-9][0-9]|20[0-4][0-9])"
_TIME: Final = "(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9])?"
_EXPIRY: Final = (
    f"(?:{_MONTH}(?:1[5-9]|[234][0-9])|(?:1[5-9]|[234][0-9]){_MONTH}|{_MONTH}20[1-4][0-9]|20[1-4][0-9]{_MONTH})"
)
_SERVICE_CODE: Final = "[125679][024][0-7]"  # ISO/IEC 7813

_BEFORE: Final = re.compile(
    # A date with or without its time, or a time since 1970 in seconds (from 2017 on) or milliseconds.
    f"(?:[0-9]{{2}}{_MONTH}{_DAY}|{_YEAR}{_MONTH}{_DAY})(?:{_TIME})?"
    f"|{_DAY}{_MONTH}(?:{_YEAR}|[0-9]{{2}})|{_MONTH}{_DAY}(?:{_YEAR}|[0-9]{{2}})"
    "|1[5-9][0-9]{8}(?:[0-9]{3})?"
    "|0+"  # of a field of fixed width
)
_BEHIND: Final = re.compile(
    f"{_EXPIRY}(?:[0-9]{{3,4}})?"
    f"|[0-9]{{3}}(?:{_EXPIRY})?"
    f"|(?:1[5-9]|[234][0-9]){_MONTH}{_SERVICE_CODE}[0-9]*"  # the rest of a magnetic stripe
)
_BEHIND_AMEX: Final = re.compile(f"[0-9]{{4}}(?:{_EXPIRY})?")
_EXPIRY_YEAR: Final = re.compile("[/.-](?:20)?[1-4][0-9](?![0-9])")
_MONTHS: Final = frozenset(f"{month:02}" for month in range(1, 13))

_SEPARATED_DATE: Final = re.compile(
    rf"(?:{_YEAR}|[0-9]{{2}})([./-]){_MONTH}\1{_DAY}|{_DAY}([./-]){_MONTH}\2(?:{_YEAR}|[0-9]{{2}})"
    rf"|{_MONTH}([./-]){_DAY}\3(?:{_YEAR}|[0-9]{{2}})"
)
_LENGTH_PREFIX: Final = 2
_PREFIXED_LENGTHS: Final = frozenset({14, 15, 16, 18, 19})
_AMEX_DIGITS: Final = 15

OFFSETS: Final = (0, _LENGTH_PREFIX, 4, 6, 8, 10, 12, 13, 14)
"""How many digits may touch a card number in front, besides zeros."""
LONGEST_DATE_START: Final = 8
"""Of a date with separators, what stands before the group that the number touches: `2026-11-` at most."""


def may_stand_before(number: str, rest: str, preceding: str) -> bool:
    """Return whether digits that touch a card number in front may be a date, zeros, or its length as in ISO 8583.

    Of the lengths 17 is left out: times since 1970 in nanoseconds begin with it.

    Args:
        number: the card number.
        rest: the digits in front of it without a break.
        preceding: the text before those.
    """
    if not rest or _BEFORE.fullmatch(rest):
        return True
    if len(rest) == _LENGTH_PREFIX and int(rest) == len(number) and len(number) in _PREFIXED_LENGTHS:
        return True
    tail = preceding[-LONGEST_DATE_START:] + rest
    return any(_SEPARATED_DATE.fullmatch(tail, begin) for begin in range(len(tail) - len("26-11-23") + 1))


def may_stand_behind(number: str, rest: str, following: str) -> bool:
    """Return whether digits that touch a card number's end may be its expiry, service code or security code.

    Args:
        number: the card number.
        rest: the digits that follow it without a break.
        following: the text behind those.
    """
    if not rest or _BEHIND.fullmatch(rest):
        return True
    if len(number) == _AMEX_DIGITS and _BEHIND_AMEX.fullmatch(rest):
        return True
    return rest in _MONTHS and bool(_EXPIRY_YEAR.match(following))
