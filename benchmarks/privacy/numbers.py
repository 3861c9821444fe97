"""Card numbers of every scheme, made by a seeded generator.

The ranges are given here once more, in another form than the detector's, so that a fault in its table shows.
"""

from collections.abc import Mapping
from random import Random
from typing import Final

SCHEMES: Final[Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]]] = {
    "Visa": (("4",), (16, 19)),
    "Mastercard": (("51", "52", "53", "54", "55", *(str(first) for first in range(2221, 2721))), (16,)),
    "American Express": (("34", "37"), (15,)),
    "Discover": (("6011", "644", "645", "646", "647", "648", "649", "65"), (16, 17, 18, 19)),
    "Diners Club": (
        ("300", "301", "302", "303", "304", "305", "3095", "36", "38", "39"),
        (14, 16, 17, 18, 19),
    ),
    "JCB": (tuple(str(first) for first in range(3528, 3590)), (16, 17, 18, 19)),
    "UnionPay": (("62", "81"), (16, 17, 18, 19)),
    "Maestro": (("50", "56", "57", "58", "63", "67", "69"), (16, 17, 18, 19)),
    "Maestro, 12 to 15": (
        ("5018", "5020", "5038", "5893", "6304", "6759", "6761", "6762", "6763"),
        (12, 13, 14, 15),
    ),
    "RuPay": (("508", "60", "652", "81", "82", "353", "356"), (16,)),
    "Mir": (("2200", "2201", "2202", "2203", "2204"), (16, 17, 18, 19)),
    "Elo": (("401178", "431274", "457393", "504175", "509000", "627780", "636368", "650031", "655000"), (16,)),
    "Troy": (("9792",), (16,)),
    "UzCard": (("8600", "5614"), (16,)),
    "Humo": (("9860",), (16,)),
    "Belkart": (("9112",), (16,)),
    "Verve": (("506099", "507865", "650002"), (16, 18, 19)),
    "Hipercard": (("606282", "637095"), (16,)),
    "Dankort": (("5019",), (16,)),
    "LankaPay": (("357111",), (16,)),
    "Napas": (("9704",), (16, 19)),
}
"""Scheme to the first digits and the lengths of its numbers (ISO/IEC 7812 and the schemes' own pages)."""

_SHORT_LENGTHS: Final = frozenset(
    (first, length) for firsts, lengths in SCHEMES.values() for first in firsts for length in lengths
)
_FIRST_DIGITS: Final = range(1, 7)


def card_number(chance: Random, scheme: str) -> str:
    """Return a card number of a scheme, with one of its lengths and the right check digit."""
    firsts, lengths = SCHEMES[scheme]
    digits = chance.choice(firsts)
    length = chance.choice(lengths)
    while len(digits) < length - 1:
        digits += str(chance.randrange(10))
    return digits + str(-_luhn(digits + "0") % 10)


def is_bare_number(text: str) -> bool:
    """Return whether a text is what any scheme's number is: its first digits, one of its lengths, the check digit."""
    if not (text.isascii() and text.isdecimal()) or _luhn(text) % 10:
        return False
    return any((text[:first], len(text)) in _SHORT_LENGTHS for first in _FIRST_DIGITS)


def _luhn(digits: str) -> int:
    return sum(
        sum(divmod(int(digit) * (1 + position % 2), 10)) for position, digit in enumerate(reversed(digits), start=0)
    )
