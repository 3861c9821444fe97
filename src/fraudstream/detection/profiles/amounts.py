"""Mean and spread of an entity's amounts, robust against a single extreme one."""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

from fraudstream.detection.profiles.events import DECLINED, NO_AMOUNT, SPEND, Event

WINSORISE_FROM: Final = 5
"""Amounts that must be known before a new one is cut; own choice, as is the cut itself."""
WINSORISE_DEVIATIONS: Final = 4.0


# This runs over whole rings for every transaction; a field by its position costs half of what it costs by its name.
_AMOUNT: Final = Event._fields.index("amount")
_FLAGS: Final = Event._fields.index("flags")


class Amounts(NamedTuple):
    """Running mean and spread of amounts in hundredths of the base currency (Welford's method)."""

    number: int = 0
    mean: float = 0.0
    squares: float = 0.0
    """Sum of squared distances from the mean."""

    def joined(self, other: "Amounts") -> "Amounts":
        """Return mean and spread of both together (Chan, Golub and LeVeque, 1979)."""
        number = self.number + other.number
        if not other.number or not self.number:
            return self if self.number else other
        distance = other.mean - self.mean
        share = other.number / number
        squares = self.squares + other.squares + distance * distance * self.number * share
        return Amounts(number, self.mean + distance * share, squares)

    def without(self, other: "Amounts") -> "Amounts":
        """Return mean and spread of what was added since these were the other ones; undoes `joined`."""
        number = self.number - other.number
        if not other.number or number <= 0:
            return Amounts() if other.number else self
        mean = (self.mean * self.number - other.mean * other.number) / number
        distance = other.mean - mean
        squares = self.squares - other.squares - distance * distance * number * other.number / self.number
        return Amounts(number, mean, max(squares, 0.0))

    def plus(self, events: Iterable[Event]) -> "Amounts":
        """Add events' amounts, cut where they are extreme; declined ones, and what is no spending, add nothing.

        The cut is at `WINSORISE_DEVIATIONS` standard deviations above the mean, at least at twice the mean: one fraud
        must not make the next one look normal.
        """
        number, mean, squares = self
        for event in events:
            amount: float = event[_AMOUNT]
            if amount == NO_AMOUNT or event[_FLAGS] & (SPEND | DECLINED) != SPEND:
                continue
            if number >= WINSORISE_FROM and amount > 2 * mean:
                amount = min(amount, mean + max(WINSORISE_DEVIATIONS * math.sqrt(squares / number), mean))
            number += 1
            distance = amount - mean
            mean += distance / number
            squares += distance * (amount - mean)
        return Amounts(number, mean, squares)
