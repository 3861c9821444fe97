"""Mean and spread of an entity's amounts, robust against a single extreme one."""

import math
from typing import Final, NamedTuple

from fraudstream.detection.events import DECLINED, NO_AMOUNT, SPEND, Event

WINSORISE_FROM: Final = 5
"""Amounts that must be known before a new one is cut; own choice, as is the cut itself."""
WINSORISE_DEVIATIONS: Final = 4.0


class Amounts(NamedTuple):
    """Running mean and spread of amounts in hundredths of the base currency (Welford's method)."""

    number: int = 0
    mean: float = 0.0
    squares: float = 0.0
    """Sum of squared distances from the mean."""

    def plus(self, event: Event) -> "Amounts":
        """Add an event's amount, cut where it is extreme; declined ones, and what is no spending, add nothing.

        The cut is at `WINSORISE_DEVIATIONS` standard deviations above the mean, at least at twice the mean: one fraud
        must not make the next one look normal.
        """
        if event.amount == NO_AMOUNT or event.flags & (SPEND | DECLINED) != SPEND:
            return self
        number, mean, squares = self
        amount: float = event.amount
        if number >= WINSORISE_FROM and amount > 2 * mean:
            amount = min(amount, mean + max(WINSORISE_DEVIATIONS * math.sqrt(squares / number), mean))
        number += 1
        distance = amount - mean
        mean += distance / number
        return Amounts(number, mean, squares + distance * (amount - mean))
