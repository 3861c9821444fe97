"""International bank account numbers (IBAN): found by country, length and check digits."""

import re
from typing import Final

# Source: SWIFT's IBAN registry, release 99. Country and length.
_LENGTHS: Final = {
    code: int(length)
    for length, codes in (
        ("15", "NO"),
        ("16", "BE"),
        ("18", "DK FI FK FO GL NL SD"),
        ("19", "MK SI"),
        ("20", "AT BA EE KZ LT LU MN XK"),
        ("21", "CH HR LI LV"),
        ("22", "BG BH CR DE GB GE IE ME RS VA"),
        ("23", "AE GI IL IQ OM SO TL"),
        ("24", "AD CZ ES MD PK RO SA SE SK TN VG"),
        ("25", "LY PT ST"),
        ("26", "IS TR"),
        ("27", "BI DJ FR GR IT MC MR SM"),
        ("28", "AL AZ BY CY DO GT HN HU LB NI PL SV"),
        ("29", "BR EG PS QA UA"),
        ("30", "JO KW MU YE"),
        ("31", "MT SC"),
        ("32", "LC"),
        ("33", "RU"),
    )
    for code in codes.split()
}
_SHAPE: Final = re.compile("(?<![0-9A-Za-z])[A-Za-z]{2}[0-9]{2}(?:[ .:/_-]?[0-9A-Za-z]){11,29}(?![0-9A-Za-z])")
_SEPARATORS: Final = re.compile("[ .:/_-]")
_MOST_SEPARATORS: Final = 4
"""In a row, as of card numbers (`separators.LONGEST_SEPARATOR`)."""
_START: Final = re.compile("(?=([A-Za-z]{2})[0-9]{2})")
_OF_LENGTH: Final = {
    length: re.compile(f"[0-9A-Za-z](?:[ .:/_-]{{0,{_MOST_SEPARATORS}}}[0-9A-Za-z]){{{length - 1}}}")
    for length in set(_LENGTHS.values())
}
_TOUCHES: Final = re.compile("[0-9A-Za-z]")


def without_ibans(text: str, instead: str) -> str:
    """Return a text with every account number in it replaced; only those in capitals, as banks print them."""
    return _SHAPE.sub(lambda match: instead if match[0].isupper() and _is_iban(match[0]) else match[0], text)


def holds_iban(text: str) -> bool:
    """Return whether a text holds an account number, whole or in groups, alone or with more in front or behind.

    Letters and digits may touch it on one side: with both sides open, one of 200 SHA-256 would be an account number.
    """
    return any(_begins_iban(text, start.start(), start[1].upper()) for start in _START.finditer(text))


def _begins_iban(text: str, start: int, country: str) -> bool:
    length = _LENGTHS.get(country)
    found = _OF_LENGTH[length].match(text, start) if length else None
    if found is None:
        return False
    touches_start = start > 0 and _TOUCHES.match(text, start - 1)
    touches_end = _TOUCHES.match(text, found.end())
    return not (touches_start and touches_end) and _is_iban(found[0])


def _is_iban(shape: str) -> bool:
    """Check the length that the country has, and the check digits (ISO 13616: the rearranged number is 1 modulo 97)."""
    number = _SEPARATORS.sub("", shape).upper()
    if _LENGTHS.get(number[:2]) != len(number):
        return False
    return int("".join(str(int(character, 36)) for character in number[4:] + number[:4])) % 97 == 1
