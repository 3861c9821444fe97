"""What may touch a card number's digits without anything between: dates in front, expiry and security code behind."""

import re
from typing import Final

from fraudstream.transactions.card_numbers.schemes import is_card_number

_MONTH: Final = "(?:0[1-9]|1[0-2])"
_DAY: Final = "(?:0[1-9]|[12][0-9]|3[01])"
_YEAR: Final = "(?:19[5-9][0-9]|20[0-4][0-9])"
_ANY_YEAR: Final = f"(?:{_YEAR}|[0-9]{{2}})"
_HOUR: Final = "(?:[01][0-9]|2[0-3])"
_TIME: Final = f"{_HOUR}[0-5][0-9](?:[0-5][0-9](?:[0-9]{{3}})?)?"
_EXPIRY_YEAR: Final = "(?:1[5-9]|[234][0-9])"
_EXPIRY: Final = f"(?:{_MONTH}{_EXPIRY_YEAR}|{_EXPIRY_YEAR}{_MONTH}|{_MONTH}20[1-4][0-9]|20[1-4][0-9]{_MONTH})"
_SERVICE_CODE: Final = "[125679][024][0-7]"  # ISO/IEC 7813

_BEFORE: Final = re.compile(
    # A date with or without its time, or a time since 1970 in seconds (from 2017 on), milli-, micro- or nanoseconds.
    f"(?:[0-9]{{2}}{_MONTH}{_DAY}|{_YEAR}{_MONTH}{_DAY})(?:{_TIME})?"
    f"|(?:{_DAY}{_MONTH}|{_MONTH}{_DAY}){_ANY_YEAR}(?:{_TIME})?"
    "|1[5-9][0-9]{8}(?:[0-9]{3}){0,3}"
    "|0+"  # of a field of fixed width
)
_BEHIND: Final = re.compile(
    f"{_EXPIRY}(?:[0-9]{{3,4}})?"
    f"|[0-9]{{3}}(?:{_EXPIRY})?"
    f"|{_EXPIRY_YEAR}{_MONTH}{_SERVICE_CODE}[0-9]*"  # the rest of a magnetic stripe
    f"|(?:20)?{_EXPIRY_YEAR}{_MONTH}{_DAY}|(?:{_DAY}{_MONTH}|{_MONTH}{_DAY})(?:20)?{_EXPIRY_YEAR}"
)
_BEHIND_AMEX: Final = re.compile(f"[0-9]{{4}}(?:{_EXPIRY})?")
_SEPARATED_EXPIRY: Final = re.compile(
    f"(?:(?:0?[1-9]|1[0-2])[/.-](?:20)?{_EXPIRY_YEAR}(?:[0-9]{{3,4}})?|(?:20)?{_EXPIRY_YEAR}[/.-]{_MONTH})(?![0-9])"
)
LONGEST_EXPIRY: Final = len("/20271234") + 1
"""Characters behind the first digits of an expiry with a separator, with the security code and what follows that."""

_SHORT_MONTH: Final = "(?:0?[1-9]|1[0-2])"
_SHORT_DAY: Final = "(?:0?[1-9]|[12][0-9]|3[01])"
_MONTH_NAME: Final = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_CLOCK: Final = f"{_HOUR}:[0-5][0-9](?::[0-5][0-9](?:[.,](?:[0-9]{{3}}){{1,3}})?)?"
_SEPARATED_DATE: Final = re.compile(
    rf"(?:{_ANY_YEAR}([./-]){_SHORT_MONTH}\1{_SHORT_DAY}|{_SHORT_DAY}([./-]){_SHORT_MONTH}\2{_ANY_YEAR}"
    rf"|{_SHORT_MONTH}([./-]){_SHORT_DAY}\3{_ANY_YEAR}"
    f"|{_SHORT_DAY}[ ./-]?{_MONTH_NAME}[ .,/-]{{0,2}}{_ANY_YEAR}|{_MONTH_NAME}[ .-]?{_SHORT_DAY},?[ -]{_ANY_YEAR}"
    f"|{_SHORT_MONTH}[/.](?:20)?{_EXPIRY_YEAR}|{_YEAR}[/.-]{_MONTH}"
    f"|{_CLOCK}|(?:20)?[0-9]{{2}}{_MONTH}{_DAY}[T _.:/-]{_TIME}|[+-]{_HOUR}:?[0-5][0-9])\\Z",
    re.IGNORECASE,
)
_LENGTH_PREFIX: Final = 2
_PREFIXED_LENGTHS: Final = frozenset({14, 15, 16, 18, 19})
_AMEX_DIGITS: Final = 15

OFFSETS: Final = (0, 1, _LENGTH_PREFIX, 3, 4, 6, 8, 9, 10, 12, 13, 14, 16, 17, 19)
"""How many digits may touch a card number in front, besides zeros."""
LONGEST_DATE_START: Final = 24
"""Characters of a date with separators before the group that the number touches: `14 September, ` at most."""


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
    return bool(_SEPARATED_DATE.search(preceding[-LONGEST_DATE_START:] + rest))


def may_stand_behind(number: str, rest: str, following: str) -> bool:
    """Return whether digits that touch a card number's end may be its expiry, service code, security code, or another.

    Args:
        number: the card number.
        rest: the digits that follow it without a break.
        following: the text behind those.
    """
    if not rest or _BEHIND.fullmatch(rest):
        return True
    if len(number) == _AMEX_DIGITS and _BEHIND_AMEX.fullmatch(rest):
        return True
    return is_card_number(rest) or bool(_SEPARATED_EXPIRY.match(rest + following))
