"""What goes wrong, and how often."""

import random
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar


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
    STALE = "a read that need not be consistent misses the newest writes"
    KILLED_BEFORE = "function killed before the call"
    KILLED_AFTER = "function killed after the call"
    DUPLICATED = "batch delivered again, cut anew"
    AT_ONCE = "batch delivered to two functions at the same time"
    POISON = "record that can never be processed"
    PROFILE_DAMAGED = "stored profile damaged"
    PROFILE_NEWER = "profile of a newer version, until it is rolled forward again"
    CLIENT_LEFT = "client gives up after a failed call"
    CLOCK_JUMPED = "a function's clock jumps by up to a day"
    S3_AWAY = "S3 away for an hour of simulated time"


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
SINGLE_WRITES: Final = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
CANCELED: Final = "TransactionCanceledException"
IN_CONFLICT: Final = "TransactionConflictException"
"""How DynamoDB refuses a single write of an item that a transaction is writing; no SDK repeats it."""
_IN_THE_WAY: Final = ("ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict")
UNPROCESSED_SHARE: Final = 0.5
"""Of the faults of a batch read."""


Kind = TypeVar("Kind", bound=StrEnum)


def reasons_in_the_way(transaction: Mapping[str, Any], chance: random.Random) -> list[dict[str, str]]:
    """Return why DynamoDB cancels a transaction while one of its items is written by others, or takes no more.

    No SDK looks at these reasons, and the error itself says nothing of it.

    Args:
        transaction: the request.
        chance: of the item, and of what is in its way.
    """
    reasons = [{"Code": "None"} for _ in transaction["TransactItems"]]
    chance.choice(reasons)["Code"] = chance.choice(_IN_THE_WAY)
    return reasons


class FaultSource(Generic[Kind]):
    """Draws what happens to calls, and counts it."""

    def __init__(
        self,
        chance: random.Random,
        rate: float,
        of_calls: Mapping[Kind, int],
        *,
        unprocessed: Kind,
        only: frozenset[Kind],
    ) -> None:
        """Make a source of faults.

        Args:
            chance: draws them.
            rate: faults for each call to AWS, from 0 to 1.
            of_calls: the faults of a call, with their weights.
            unprocessed: the one by which a batch read answers in part.
            only: kinds that may happen.
        """
        self.chance = chance
        self.rate = rate
        self.only = only
        self.counted: Counter[Kind] = Counter()
        self._of_calls = {fault: weight for fault, weight in of_calls.items() if fault in only}
        self._unprocessed = unprocessed

    def of_call(self, operation: str) -> Kind | None:
        """Draw what happens to a call; None: nothing."""
        if self.chance.random() >= self.rate:
            return None
        if operation == "BatchGetItem" and self._unprocessed in self.only and self.chance.random() < UNPROCESSED_SHARE:
            return self.count(self._unprocessed)
        return self.drawn(self._of_calls)

    def drawn(self, weights: Mapping[Kind, int]) -> Kind | None:
        """Draw one of some faults by their weights, and count it; None where there are none."""
        if not weights:
            return None
        return self.count(self.chance.choices(list(weights), weights=list(weights.values()))[0])

    def meets(self, fault: Kind, chance: float) -> bool:
        """Draw whether a certain fault happens, with a probability, and count it if it does."""
        return fault in self.only and self.chance.random() < chance and self.count(fault) is fault

    def count(self, fault: Kind) -> Kind:
        """Count a fault, and return it."""
        self.counted[fault] += 1
        return fault


class Faults(FaultSource[Fault]):
    """Faults of the code on tables in memory."""

    def __init__(self, chance: random.Random, rate: float, only: frozenset[Fault] = frozenset(Fault)) -> None:
        """Make a source of faults; see `FaultSource`."""
        super().__init__(chance, rate, CALL_FAULTS, unprocessed=Fault.UNPROCESSED, only=only)

    def happens(self, fault: Fault, factor: float) -> bool:
        """Draw whether a certain fault happens; `factor` times as often as a call fails."""
        return self.meets(fault, factor * self.rate)
