"""Values of persons who do not exist, each with a mark by which it is found again, and card numbers."""

import base64
import binascii
import random
import re
import string
from collections.abc import Collection, Iterator
from typing import Final

from fraudstream.transactions.card_numbers.schemes import has_check_digit

_LETTERS: Final = "bcdfghjklmnpqrstvwxyz"
"""No vowels and no `a` to `f` alone: no word and no hexadecimal number is taken for a mark."""
_LENGTH: Final = 12
_MARKED: Final = re.compile(rf"zq[{_LETTERS}]{{{_LENGTH}}}", re.IGNORECASE)
_DIGITS: Final = re.compile(r"[0-9](?:[ .-]?[0-9]){11,}")
_LONG: Final = frozenset({12, 16, 18})
"""Digits of telephone numbers, of card numbers, and of the account's part of an IBAN."""
_ADDRESS: Final = re.compile(r"198\.1[89](?:\.[0-9]{1,3}){2}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{20,}")
_CARD_BEGINS: Final = ("4929", "4556", "5105", "5412", "2720")
"""Of Visa and Mastercard."""


class Marks:
    """Makes marked values, and finds them again; the same seed gives the same values."""

    def __init__(self, seed: int) -> None:
        """Begin with nothing planted."""
        self._chance = random.Random(seed)
        self._addresses = self._chance.sample(range(1, 2**17 - 1), 2**16)
        self.planted: set[str] = set()
        """What is looked for: of each value the part that nothing else has."""
        self.cards: set[str] = set()
        """Those of `planted` that are card numbers."""

    def name(self) -> str:
        """Return a person's name."""
        return f"{self.plain().capitalize()} Miller"

    def email(self) -> str:
        """Return an e-mail address."""
        return f"{self.plain()}@example.com"

    def street(self) -> str:
        """Return where somebody lives."""
        return f"12 {self.plain().capitalize()} Street"

    def plain(self) -> str:
        """Return a word of letters alone, which every pattern of a field of texts takes."""
        return self._note("zq" + "".join(self._chance.choices(_LETTERS, k=_LENGTH)))

    def telephone(self) -> str:
        """Return a telephone number."""
        return f"+{self._note(self._digits('49', 12))}"

    def account(self) -> str:
        """Return an IBAN with the right check digits."""
        inner = self._note(self._digits("1", 18))
        return f"DE{98 - int(f'{inner}131400') % 97:02}{inner}"

    def address(self) -> str:
        """Return an IPv4 address of the range for benchmarks."""
        number = self._addresses.pop()
        return self._note(f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}")

    def card(self) -> str:
        """Return a card number, bare or in groups."""
        body = self._digits(self._chance.choice(_CARD_BEGINS), 15)
        number = self._note(next(body + digit for digit in string.digits if has_check_digit(body + digit)))
        self.cards.add(number)
        groups = [number[start : start + 4] for start in range(0, 16, 4)]
        return self._chance.choice(("", " ", "-", ".")).join(groups)

    def value(self) -> str:
        """Return any personal value but a card number."""
        kinds = (self.name, self.email, self.street, self.plain, self.telephone, self.account)
        return self._chance.choice(kinds)()

    def found_in(self, text: str) -> set[str]:
        """Return which of the planted values a text holds, also in what is base64 in it."""
        return _held(text, self.planted) | _held(_decoded(text), self.planted)

    def _note(self, core: str) -> str:
        self.planted.add(core)
        return core

    def _digits(self, begin: str, length: int) -> str:
        return begin + "".join(self._chance.choices(string.digits, k=length - len(begin)))


def _held(text: str, planted: Collection[str]) -> set[str]:
    found = {word.lower() for word in _MARKED.findall(text)}
    found |= set(_ADDRESS.findall(text))
    for run in _DIGITS.findall(text):
        found |= set(_windows(re.sub("[^0-9]", "", run)))
    return found.intersection(planted)


def _windows(digits: str) -> Iterator[str]:
    for length in _LONG:
        for start in range(len(digits) - length + 1):
            yield digits[start : start + length]


def _decoded(text: str) -> str:
    parts: list[str] = []
    for run in _BASE64.findall(text):
        plain = run.translate(str.maketrans("-_", "+/"))
        try:
            parts.append(base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("latin-1"))
        except binascii.Error:
            continue
    return "\n".join(parts)
