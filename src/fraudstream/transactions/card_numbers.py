"""Card numbers: found wherever they occur in a text, so that they can be refused."""

import re

# Issuer prefixes with the lengths of their card numbers, from the networks' published ranges. Maestro's lengths under
# 16 are left out: hardly any card has them, and many ordinary numbers do.
_ISSUERS = re.compile(
    r"""
      4(?:\d{12}|\d{15}|\d{18})                                                                   # Visa
    | (?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}                          # Mastercard
    | 3[47]\d{13}                                                                                 # American Express
    | 3(?:0[0-59]|[689]\d)\d{11,16}                                                               # Diners Club
    | 35(?:2[89]|[3-8]\d)\d{12,15}                                                                # JCB
    | (?:6011|64[4-9]\d|65\d{2})\d{12,15}                                                         # Discover, RuPay
    | (?:62|81)\d{14,17}                                                                          # UnionPay
    | (?:50|5[6-8]|63|67)\d{14,17}                                                                # Maestro and others
    | (?:220[0-4]|60\d{2}|82\d{2}|9792)\d{12}                                                     # Mir, RuPay, Troy
    """,
    re.VERBOSE,
)
_GROUPED_DIGITS = re.compile(r"\d+(?:[\W_]{1,3}\d+)*")
_GROUP = re.compile(r"\d+")
_CARD_LENGTHS = range(13, 20)
_EAN_DIGITS = 13
# What holds long digit runs and is no card number: UUIDs, hashes and object ids in hex, and account numbers (below).
_HEX_ID = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"
    r"|(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{24,})(?![0-9A-Za-z])"
)
_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}(?![0-9A-Za-z])")


def holds_card_number(text: str) -> bool:
    """Return whether a text holds a card number, whole or in groups with separators between.

    A card number is what has an issuer's prefix, one of that issuer's lengths, and a right check digit (Luhn). UUIDs,
    long hexadecimal ids, account numbers (IBAN), article and location numbers (EAN, GLN) and times pass.
    """
    text = _HEX_ID.sub(" x ", text)
    text = _IBAN.sub(lambda match: " x " if _is_iban(match[0]) else match[0], text)
    return any(_is_card_number(digits) for run in _GROUPED_DIGITS.findall(text) for digits in _candidates(run))


def _candidates(run: str) -> list[str]:
    """Return what could be one number in a run of digit groups: each group, and neighbouring groups together."""
    groups = ["".join(str(int(digit)) for digit in group) for group in _GROUP.findall(run)]
    found: list[str] = []
    for start in range(len(groups)):
        number = ""
        for group in groups[start:]:
            number += group
            if len(number) >= _CARD_LENGTHS.stop:
                break
            if len(number) in _CARD_LENGTHS:
                found.append(number)
    return found


def _is_card_number(digits: str) -> bool:
    return bool(_ISSUERS.fullmatch(digits)) and _luhn(digits) and not _is_ean(digits)


def _luhn(digits: str) -> bool:
    values = [int(digit) for digit in reversed(digits)]
    doubled = [sum(divmod(2 * value, 10)) for value in values[1::2]]
    return (sum(values[::2]) + sum(doubled)) % 10 == 0


def _is_ean(digits: str) -> bool:
    """Check a 13-digit article or location number's own check digit (GS1: weights 1 and 3 in turn)."""
    values = [int(digit) for digit in digits]
    return len(values) == _EAN_DIGITS and (sum(values[::2]) + 3 * sum(values[1::2])) % 10 == 0


def _is_iban(text: str) -> bool:
    """Check an account number's own check digits (ISO 13616: the rearranged number is 1 modulo 97)."""
    return int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 == 1
