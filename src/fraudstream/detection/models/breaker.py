"""The breaker: a live model that flags far more than it promised loses its power to decline, until somebody resets it.

A model's file says what share of the decisions of each hour of the day it alone flagged in its training: what rules
alone would approve. So neither a wave of fraud that rules catch nor a new rule counts against it. What is counted over
a day is compared with that share, and with how much the most unlike day of the training had of it, such as a pay day.
"""

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from fraudstream.detection.models.model import Promise
from fraudstream.durations import HOUR

WINDOW_HOURS: Final = 24
MULTIPLE: Final = 2.0
"""How many times as much as on the most unlike day of its training a model may flag, which is also what `promote` lets
pass: own choice."""
_DEVIATIONS: Final = 4.0
"""Standard deviations of a Poisson count beyond which it is no chance: own choice."""
_LEAST: Final = 10
"""Flagged transactions on top: so few hurt nobody. Own choice."""


class HourCount(NamedTuple):
    """Decisions of an hour with a live model."""

    decisions: int
    flagged: int
    """By the model alone."""


def hour_of(at: int) -> int:
    """Return the hour of a time in epoch milliseconds, counted from the epoch."""
    return at // HOUR


def most_flagged(promise: Promise, counts: Mapping[int, HourCount]) -> float:
    """Return how many flagged transactions a promise allows at most.

    Args:
        promise: the model's.
        counts: by hour since the epoch; all of them count.
    """
    expected = sum(promise.shares[hour % len(promise.shares)] * count.decisions for hour, count in counts.items())
    allowed = MULTIPLE * promise.spread * expected
    return allowed + _DEVIATIONS * math.sqrt(allowed) + _LEAST


def is_broken(promise: Promise, counts: Mapping[int, HourCount]) -> bool:
    """Return whether a model has flagged more than its promise allows; see `most_flagged`."""
    return sum(count.flagged for count in counts.values()) > most_flagged(promise, counts)
