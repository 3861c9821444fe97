"""Shares with the interval that few cases leave open."""

from math import sqrt
from typing import Final

import msgspec

Z: Final = 1.959963984540054
"""Standard deviations to either side that hold 95 % of a normal distribution."""


class Share(msgspec.Struct, frozen=True):
    """A share of cases, with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int
    """Cases that it is a share of."""


def wilson(hits: int, cases: int) -> Share | None:
    """Return the share of cases that are hits, with Wilson's score interval; None where there are no cases.

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference (1927).
    """
    if not cases:
        return None
    share = hits / cases
    middle = share + Z * Z / (2 * cases)
    reach = Z * sqrt(share * (1 - share) / cases + Z * Z / (4 * cases * cases))
    scale = 1 + Z * Z / cases
    # At the ends the interval touches 0 or 1, which rounding would miss by a hair.
    low = 0.0 if hits == 0 else (middle - reach) / scale
    high = 1.0 if hits == cases else (middle + reach) / scale
    return Share(share, low, high, cases)
