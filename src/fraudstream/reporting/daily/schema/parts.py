"""What the figures of a report are made of."""

import math

import msgspec

_Z = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""


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
    """Of how many."""


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
    share, square = part / whole, _Z * _Z / whole
    middle = (share + square / 2) / (1 + square)
    half = _Z / (1 + square) * math.sqrt(share * (1 - share) / whole + square / (4 * whole))
    return Interval(
        share=round(share, 6), low=round(max(0.0, middle - half), 6), high=round(min(1.0, middle + half), 6), n=whole
    )
