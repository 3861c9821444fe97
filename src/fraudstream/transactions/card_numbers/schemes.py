"""The payment card schemes: with which digits their card numbers begin, how long they are, and the check digit.

Sources: ISO/IEC 7812 and the schemes' own pages. Visa's thirteen digits are left out: none have been issued for
decades, and they look like a phone number of Germany.
"""

from typing import Final

SHORTEST: Final = 12
LONGEST: Final = 19

_ANY_LENGTH: Final = range(16, LONGEST + 1)
_SCHEMES: Final = (
    # scheme, first digits ("a-b" is a range), lengths
    ("Visa", "4", (16, 19)),
    ("Mastercard", "51-55 2221-2720", (16,)),
    ("American Express", "34 37", (15,)),
    ("Discover", "6011 644-649 65", _ANY_LENGTH),
    ("Diners Club", "300-305 3095 36 38-39", (14, *_ANY_LENGTH)),
    ("JCB", "3528-3589", _ANY_LENGTH),
    ("UnionPay", "62 81", _ANY_LENGTH),
    # Maestro's ranges are all of 50, 56 to 59 and 6. Numbers under 16 digits are known only of the second line's;
    # elsewhere 12 and 13 digits are phone numbers of Colombia, Malaysia, the Philippines.
    ("Maestro", "50 56-59 60-69", _ANY_LENGTH),
    ("Maestro", "5018 5020 5038 5893 6304 6759 6761-6763", range(SHORTEST, LONGEST + 1)),
    ("RuPay", "508 60 65 81-82 353 356", (16,)),
    ("Mir", "2200-2204", _ANY_LENGTH),
    ("Elo, Hipercard, Verve, Dankort", "50 6", (16, 18, 19)),
    ("Troy", "65 9792", (16,)),
    ("UzCard", "5614 6262 8600", (16,)),
    ("Humo", "9860", (16,)),
    ("Belkart", "9112", (16,)),
    ("ArCa", "9051", (16,)),
    ("Elkart", "9417", (16,)),
    ("PayPak", "2205", (16,)),
    ("Prostir", "9804", (16,)),
    ("Napas", "9704", (16, 19)),
    ("GPN", "1946", (16,)),
)

_FIRST: Final = 4  # digits by which the table below is indexed


def _lengths() -> list[tuple[int, ...]]:
    lengths_of_start: list[set[int]] = [set() for _ in range(10**_FIRST)]
    for _scheme, ranges, lengths in _SCHEMES:
        for part in ranges.split():
            low, _, high = part.partition("-")
            first = int(low.ljust(_FIRST, "0"))
            last = int((high or low).ljust(_FIRST, "9"))
            for index in range(first, last + 1):
                lengths_of_start[index].update(lengths)
    shared: dict[tuple[int, ...], tuple[int, ...]] = {}
    return [shared.setdefault(key, key) for key in (tuple(sorted(lengths)) for lengths in lengths_of_start)]


_LENGTHS: Final = _lengths()
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def lengths_of(digits: str) -> tuple[int, ...]:
    """Return the lengths that card numbers with these first digits have; none if no scheme's numbers begin so.

    Args:
        digits: at least four digits, 0 to 9.
    """
    return _LENGTHS[int(digits[:_FIRST])]


def has_check_digit(digits: str) -> bool:
    """Return whether the last digit is the right check digit (ISO/IEC 7812-1, annex B: Luhn)."""
    values = [int(digit) for digit in reversed(digits)]
    return (sum(values[::2]) + sum(_DOUBLED[value] for value in values[1::2])) % 10 == 0


def is_card_number(digits: str) -> bool:
    """Return whether digits have a scheme's first digits, one of its lengths, and the right check digit."""
    return len(digits) >= SHORTEST and len(digits) in lengths_of(digits) and has_check_digit(digits)
