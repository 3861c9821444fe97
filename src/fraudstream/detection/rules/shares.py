"""Rules that count for a share of the customers: who is among them follows from the customer's token alone.

A token is a keyed hash, so that each of its characters is as good as drawn by chance. Two of them, chosen by the rule's
id, make a number below 4,096: a customer is always on the same side of a rule, and other rules divide customers
otherwise. The backtest's SQL calculates the same.
"""

from hashlib import sha256
from typing import Final

from fraudstream.detection.rules.rule import Rule

DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
"""Digits of base64, in the order of their values."""
NUMBERS: Final = len(DIGITS) ** 2
_FIRST, _LAST = 2, 21
"""Places from the end of a token whose characters are whole: the last one has two bits."""


def places(rule_id: str) -> tuple[int, int]:
    """Return which two characters of a token divide the customers for a rule, counted from its end."""
    drawn = sha256(rule_id.encode()).digest()
    count = _LAST - _FIRST + 1
    first = int.from_bytes(drawn[:4]) % count
    second = (first + 1 + int.from_bytes(drawn[4:8]) % (count - 1)) % count
    return _FIRST + first, _FIRST + second


def bound(rule: Rule) -> int:
    """Return below which number a customer is in a rule's share."""
    return NUMBERS if rule.share is None else round(NUMBERS * rule.share)


def is_in_share(rule: Rule, customer: str) -> bool:
    """Return whether a rule counts for a customer, by the token."""
    if rule.share is None:
        return True
    high, low = (DIGITS.find(customer[-place : len(customer) - place + 1]) for place in places(rule.id))
    return high * len(DIGITS) + low < bound(rule)
