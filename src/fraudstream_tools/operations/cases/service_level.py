"""How long a case may wait for somebody, as the stack's settings say."""

from dataclasses import dataclass

from fraudstream.durations import DAY, HOUR


@dataclass(frozen=True, kw_only=True)
class ServiceLevel:
    """Within how many hours a case is to be taken, and after how many days nobody is asked any more."""

    hours: int | None = None
    """None: nothing was promised."""
    expiry_days: int | None = None
    """None: reviews never expire."""

    @classmethod
    def of_outputs(cls, hours: str | None, expiry_days: str | None) -> "ServiceLevel":
        """Read the stack's outputs; a stack of an earlier version has none."""
        return cls(hours=int(hours or 0) or None, expiry_days=int(expiry_days or 0) or None)

    def is_overdue(self, since: int, now: int) -> bool:
        """Return whether what was raised at a moment should have been taken by now; epoch milliseconds."""
        return self.hours is not None and now - since > self.hours * HOUR

    def is_expired(self, since: int, now: int) -> bool:
        """Return whether a review of that age is not worth anybody's time any more, if nobody has it."""
        return since < self.expired_before(now)

    def expired_before(self, now: int) -> int:
        """Return the moment before which reviews that nobody has are expired, epoch milliseconds; 0 if none are."""
        return 0 if self.expiry_days is None else max(now - self.expiry_days * DAY, 0)
