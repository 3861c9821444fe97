"""What a log's labels tell of a transaction, and from when on: the one notion of a mature label."""

from dataclasses import dataclass
from enum import IntEnum

from fraudstream.durations import DAY
from fraudstream.transactions.decisions.decision import Truth, Verdict
from fraudstream.transactions.transaction import AuthorizationResult


class Standing(IntEnum):
    """What is known of a transaction."""

    UNKNOWN = 0
    """Nothing: it is too new, or it was declined and nobody labelled it."""
    FRAUD = 1
    LEGITIMATE = 2
    MATURED = 3
    """Its label would have come by now, if it were fraud: it counts as legitimate."""


@dataclass(frozen=True, kw_only=True)
class LabelHorizon:
    """The time up to which labels are known, and the age at which a transaction has its label."""

    until: int
    """Epoch milliseconds: what was said later is not known."""
    delay_days: float
    """Days after which a transaction's label is known, or will not come."""

    @property
    def matured_until(self) -> float:
        """Time of the newest transactions that are old enough to have their label, epoch milliseconds."""
        return self.until - self.delay_days * DAY

    def is_mature(self, timestamp: int) -> bool:
        """Return whether a transaction of this time is old enough to have its label.

        Newer ones tell nothing, labelled or not: among them mostly frauds have their label yet.
        """
        return timestamp <= self.matured_until

    def standing(self, timestamp: int, truth: str | None, *, declined: bool) -> Standing:
        """Return what is known of a transaction.

        Args:
            timestamp: when it happened, epoch milliseconds.
            truth: what the newest label that is known by now says; None if there is none.
            declined: by a decision or by its issuer: whether it would have become a fraud nobody will know.
        """
        if not self.is_mature(timestamp):
            return Standing.UNKNOWN
        if truth is not None:
            return Standing.FRAUD if truth == Truth.FRAUD else Standing.LEGITIMATE
        return Standing.UNKNOWN if declined else Standing.MATURED


def is_declined(decision: str | None, authorization_result: str | None) -> bool:
    """Return whether a transaction was declined, by its decision or by its issuer."""
    return decision == Verdict.DECLINE or authorization_result == AuthorizationResult.DECLINED
