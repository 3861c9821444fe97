"""Texts that people wrote: whether anything of them is seen, and without what changes how the rest is seen."""

import unicodedata
from typing import Final

_JOINERS: Final = frozenset("\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")
"""Format characters that words of some scripts, and emoji, are not themselves without."""
_BLANKS: Final = frozenset(
    "\N{BRAILLE PATTERN BLANK}\N{HANGUL CHOSEONG FILLER}\N{HANGUL JUNGSEONG FILLER}\N{HANGUL FILLER}"
    "\N{HALFWIDTH HANGUL FILLER}"
)
"""Unicode calls them symbols and letters."""
_STEERING: Final = frozenset(("Cc", "Cf", "Cs"))
_SEEN: Final = "LNPS"
"""First letters of the categories of letters, numbers, punctuation and symbols."""


def steers(character: str) -> bool:
    """Return whether a character has no shape of its own, and may turn around, hide or break what is beside it."""
    return unicodedata.category(character) in _STEERING and character not in _JOINERS


def without_steering(text: str) -> str:
    """Return a text with spaces for all that parts words, and without control and format characters."""
    return " ".join("".join(each for each in text if each.isspace() or not steers(each)).split())


def is_seen(text: str) -> bool:
    """Return whether a text has at least one character that a person sees."""
    return any(unicodedata.category(each)[0] in _SEEN and each not in _BLANKS for each in text)
