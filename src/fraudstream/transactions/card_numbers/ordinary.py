"""A text as the detector reads it: digits of any script as ASCII, and what is known to be something else taken out."""

import re
import unicodedata
from typing import Final

from fraudstream.transactions.card_numbers.iban import without_ibans

BREAK: Final = "     "
"""Stands for what was taken out: longer than any separator, so that no number reaches across."""

_INVISIBLE: Final = frozenset({"Cf", "Mn", "Me"})  # format characters and combining marks
_BASE: Final = 10

_YEAR: Final = "(?:19|20)[0-9]{2}"
_MONTH: Final = "(?:0[1-9]|1[0-2])"
_DAY: Final = "(?:0[1-9]|[12][0-9]|3[01])"
_CLOCK: Final = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,](?:[0-9]{3}|[0-9]{6,9})(?![0-9]))?)?"
_DATE: Final = re.compile(
    # 2026-11-23, 23.11.2026, 11/23/2026, with a time of day behind or not
    rf"(?:{_YEAR}([./-]){_MONTH}\1{_DAY}|{_DAY}([./-]){_MONTH}\2{_YEAR}|{_MONTH}([./-]){_DAY}\3{_YEAR})"
    # (the whole of it, or none: a card number may touch the seconds)
    f"(?:[T _-](?>{_CLOCK}))?(?![0-9])(?![.,:][0-9]{{10,}})"
    # 261123-101112, as order numbers begin
    f"|(?<![0-9])(?<![0-9][ _.:/-])(?:20)?[2-3][0-9]{_MONTH}{_DAY}[T _.:/-]"
    "(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9])?(?![0-9])"
    # 20261123101112, with milliseconds or not
    f"|(?<![0-9])20[0-4][0-9]{_MONTH}{_DAY}(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9](?:[0-9]{{3}})?(?![0-9])"
)
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_ADDRESS: Final = re.compile(
    rf"(?<![0-9.])(?:{_OCTET}\.){{3}}{_OCTET}(?::[0-9]{{1,5}})?(?![0-9.])"
    "|(?<![0-9A-Za-z:])(?=[0-9:]*[A-Fa-f])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![0-9A-Za-z:])"
)
_ORDER_NUMBER: Final = re.compile("(?<![0-9])(?<![0-9]-)[0-9]{3}-[0-9]{7}-[0-9]{7}(?!-?[0-9])")


def fold(text: str) -> str:
    """Return a text with digits of any script as 0 to 9, and without characters that nobody sees."""
    if text.isascii():
        return text
    return "".join(_folded(character) for character in unicodedata.normalize("NFKC", text))


def _folded(character: str) -> str:
    if character.isascii():
        return character
    if unicodedata.category(character) in _INVISIBLE:
        return ""
    value = unicodedata.numeric(character, -1)
    return str(int(value)) if value in range(_BASE) else character


def without_ordinary_numbers(text: str) -> str:
    """Return a text without what holds many digits and is known by its form.

    These are account numbers, IP addresses, dates with separators, and order numbers of three, seven and seven digits.
    Whoever writes a card number as one of these gets past the detector: docs/privacy.md says so.
    """
    text = without_ibans(text, BREAK)
    for form in (_ADDRESS, _ORDER_NUMBER, _DATE):
        text = form.sub(BREAK, text)
    return text
