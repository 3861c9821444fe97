"""What the figures of a report are made of."""

import msgspec

from fraudstream.statistics import wilson_interval


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of the report; its fields are the JSON report's, in camel case."""


class Counts(Part, frozen=True, kw_only=True):
    """Decided transactions by decision."""

    approve: int = 0
    review: int = 0
    decline: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.approve + self.review + self.decline

    @property
    def stopped(self) -> int:
        """Those that were reviewed or declined."""
        return self.review + self.decline


class Value(Part, frozen=True, kw_only=True):
    """An amount in minor units."""

    currency: str
    value: int


class Interval(Part, frozen=True, kw_only=True):
    """A share, and between what it is likely to lie: 95 %, after Wilson (1927)."""

    share: float
    low: float
    high: float
    n: int
    """Number of cases that it is a share of."""


class Percentiles(Part, frozen=True, kw_only=True):
    """Milliseconds; of decisions the percentiles are at most 0.4 % too high."""

    p50: int
    p90: int
    p99: int
    maximum: int


def wilson(part: int, whole: int) -> Interval | None:
    """Return a share with its interval; None of nothing."""
    if not whole:
        return None
    low, high = wilson_interval(part, whole)
    return Interval(share=round(part / whole, 6), low=round(low, 6), high=round(high, 6), n=whole)
