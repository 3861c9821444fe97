"""What goes wrong, and how often."""

import random
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """Ways in which a call, a function, the stream or a client fails."""

    RESET_BEFORE = "connection reset before the request arrives"
    ANSWER_LOST = "applied, answer lost, the SDK repeats it"
    ANSWERS_LOST = "applied, answer and all repetitions lost"
    APPLIED_LATE = "applied after the caller has gone on"
    APPLIED_TWICE = "request applied twice"
    THROTTLED = "throttled"
    SERVER_ERROR = "500, not applied"
    SERVER_ERROR_APPLIED = "500, although applied"
    TRUNCATED = "applied, answer truncated"
    AWAY = "DynamoDB away for longer than the SDK tries"
    UNPROCESSED = "a batch read answers in part"
    KILLED_BEFORE = "function killed before the call"
    KILLED_AFTER = "function killed after the call"
    DUPLICATED = "batch delivered again, cut anew"
    AT_ONCE = "batch delivered to two functions at the same time"
    POISON = "record that can never be processed"
    PROFILE_DAMAGED = "stored profile damaged"
    PROFILE_NEWER = "profile of a newer version, until it is rolled forward again"
    CLIENT_LEFT = "client gives up after a failed call"


CALL_FAULTS: Final[Mapping[Fault, int]] = {
    Fault.RESET_BEFORE: 10,
    Fault.ANSWER_LOST: 25,
    Fault.ANSWERS_LOST: 6,
    Fault.APPLIED_LATE: 8,
    Fault.APPLIED_TWICE: 10,
    Fault.THROTTLED: 10,
    Fault.SERVER_ERROR: 5,
    Fault.SERVER_ERROR_APPLIED: 8,
    Fault.TRUNCATED: 5,
    Fault.AWAY: 3,
    Fault.KILLED_BEFORE: 6,
    Fault.KILLED_AFTER: 6,
}
"""Faults of a call with their weights: the more often, the harder to survive."""
UNPROCESSED_SHARE: Final = 0.5
"""Of the faults of a batch read."""


class Faults:
    """Draws faults, and counts them."""

    def __init__(self, chance: random.Random, rate: float, only: frozenset[Fault] = frozenset(Fault)) -> None:
        """Make a source of faults.

        Args:
            chance: draws them.
            rate: faults for each attempt to call AWS, from 0 to 1.
            only: kinds that may happen.
        """
        self._chance = chance
        self._only = only
        self._of_call = {fault: weight for fault, weight in CALL_FAULTS.items() if fault in only}
        self.rate = rate
        self.counted: Counter[Fault] = Counter()

    def of_call(self, operation: str) -> Fault | None:
        """Draw what happens to an attempt to call AWS; None: nothing."""
        if self._chance.random() >= self.rate:
            return None
        if (
            operation == "BatchGetItem"
            and Fault.UNPROCESSED in self._only
            and self._chance.random() < UNPROCESSED_SHARE
        ):
            return self._count(Fault.UNPROCESSED)
        if not self._of_call:
            return None
        return self._count(self._chance.choices(list(self._of_call), weights=list(self._of_call.values()))[0])

    def happens(self, fault: Fault, factor: float) -> bool:
        """Draw whether a certain fault happens; `factor` times as often as a call fails."""
        return fault in self._only and self._chance.random() < factor * self.rate and self._count(fault) is fault

    def _count(self, fault: Fault) -> Fault:
        self.counted[fault] += 1
        return fault
