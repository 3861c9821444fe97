"""What goes wrong with the deployed system, and how often."""

import random
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from proofs.faults.kinds import FaultSource


class StackFault(StrEnum):
    """Ways in which a call, a function's process, an invocation, a client or AWS fails."""

    DELAYED = "answer delayed"
    RESET_BEFORE = "connection reset before the request arrives"
    RESET_AFTER = "applied, connection reset"
    ANSWER_LOST = "applied, no answer until the caller gives up"
    HANGS = "not applied, no answer until the caller gives up"
    APPLIED_LATE = "applied after the caller has gone on"
    APPLIED_TWICE = "request applied twice"
    SERVER_ERROR = "500, not applied"
    SERVER_ERROR_APPLIED = "500, although applied"
    THROTTLED = "throttled"
    TRUNCATED = "applied, answer truncated"
    DAMAGED = "applied, answer damaged under its checksum"
    UNPROCESSED = "a batch read answers in part"
    KILLED_BEFORE = "process killed (SIGKILL) before a call"
    KILLED_AFTER = "process killed (SIGKILL) after a call"
    KILLED = "process killed (SIGKILL) at any moment"
    RIVALS = "two writers that have read the same brought together"
    STORM = "throttled in a storm"
    AWAY = "call while AWS is away"
    STOPPED = "the embedded AWS stopped for seconds"
    S3_AWAY = "call while S3 is away"
    DUPLICATED = "batch delivered again"
    AT_ONCE = "batch delivered to two processes at the same time"
    RECUT = "records delivered again, cut anew and in another order"
    OUTCOME_LOST = "batch processed, its outcome lost, so delivered again"
    POISON = "record that can never be processed"
    PROFILE_DAMAGED = "stored profile damaged"
    RULESET_INVALID = "invalid ruleset published"
    MODEL_INVALID = "model published that cannot be used"
    CLIENT_LEFT = "client gives up after a failed call"


OF_CALLS: Final[Mapping[StackFault, int]] = {
    StackFault.DELAYED: 15,
    StackFault.RESET_BEFORE: 15,
    StackFault.RESET_AFTER: 20,
    StackFault.ANSWER_LOST: 4,
    StackFault.HANGS: 2,
    StackFault.APPLIED_LATE: 8,
    StackFault.APPLIED_TWICE: 12,
    StackFault.SERVER_ERROR: 8,
    StackFault.SERVER_ERROR_APPLIED: 10,
    StackFault.THROTTLED: 15,
    StackFault.TRUNCATED: 8,
    StackFault.DAMAGED: 5,
    StackFault.KILLED_BEFORE: 2,
    StackFault.KILLED_AFTER: 3,
}
"""Faults of a call with their weights. Those that cost seconds, or a process, are rarer."""
OF_BATCHES: Final[Mapping[StackFault, int]] = {
    StackFault.DUPLICATED: 3,
    StackFault.AT_ONCE: 3,
    StackFault.RECUT: 3,
    StackFault.OUTCOME_LOST: 2,
}
STOPS_NOTHING: Final = frozenset(
    {
        *OF_BATCHES,
        StackFault.RIVALS,
        *(StackFault.POISON, StackFault.PROFILE_DAMAGED, StackFault.RULESET_INVALID, StackFault.MODEL_INVALID),
    }
)
"""Faults in spite of which nothing else than poison may be given up, not even until it is redriven."""
THROTTLES: Final = (
    (400, "ProvisionedThroughputExceededException"),
    (400, "ThrottlingException"),
    (400, "RequestLimitExceeded"),
    (503, "ServiceUnavailable"),
)
"""Status and code of each way in which DynamoDB says that it is too much; transactions have one more."""
TRANSACTION_THROTTLES: Final = (*THROTTLES, (400, "TransactionInProgressException"))


class StackFaults(FaultSource[StackFault]):
    """Faults of the deployed system, drawn by a seed. Which call meets which depends on the machine."""

    def __init__(
        self, seed: int, rate: float, only: frozenset[StackFault] = frozenset(StackFault), batch_rate: float = 0.15
    ) -> None:
        """Make a source of faults.

        Args:
            seed: of the draws.
            rate: faults for each call, from 0 to 1.
            only: kinds that may happen.
            batch_rate: faults for each batch.
        """
        super().__init__(random.Random(seed), rate, OF_CALLS, unprocessed=StackFault.UNPROCESSED, only=only)
        self.batch_rate = batch_rate
        self._of_batches = {fault: weight for fault, weight in OF_BATCHES.items() if fault in only}

    def of_batch(self) -> StackFault | None:
        """Draw what happens to a batch; None: nothing."""
        return self.drawn(self._of_batches) if self.chance.random() < self.batch_rate else None

    def happens(self, fault: StackFault, chance: float) -> bool:
        """Draw whether a certain fault happens, while there are any."""
        return bool(self.rate) and self.meets(fault, chance)

    def stop(self) -> None:
        """Draw no more faults from now on."""
        self.rate = self.batch_rate = 0
