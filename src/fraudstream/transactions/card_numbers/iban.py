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


def without_ibans(text: str, instead: str) -> str:
    """Return a text with every account number in it replaced; only those in capitals, as banks print them."""
    return _SHAPE.sub(lambda match: instead if match[0].isupper() and _is_iban(match[0]) else match[0], text)


def holds_iban(text: str) -> bool:
    """Return whether a text holds an account number, whole or in groups."""
    return any(_is_iban(match[0]) for match in _SHAPE.finditer(text))


def _is_iban(shape: str) -> bool:
    """Check the length that the country has, and the check digits (ISO 13616: the rearranged number is 1 modulo 97)."""
    number = _SEPARATORS.sub("", shape).upper()
    if _LENGTHS.get(number[:2]) != len(number):
        return False
    return int("".join(str(int(character, 36)) for character in number[4:] + number[:4])) % 97 == 1
