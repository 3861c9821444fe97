"""Statistics that reports, drift and backtests share."""

from collections.abc import Sequence
from math import log, sqrt
from typing import Final

Z_95: Final = 1.959963984540054
"""Standard deviations to either side that hold 95 % of a normal distribution."""


def wilson_interval(hits: int, cases: int) -> tuple[float, float]:
    """Return the lower and upper end of Wilson's 95 % score interval of a share.

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference (1927).

    Args:
        hits: how many of the cases are hits.
        cases: how many cases there are, at least one.
    """
    share = hits / cases
    middle = share + Z_95 * Z_95 / (2 * cases)
    reach = Z_95 * sqrt(share * (1 - share) / cases + Z_95 * Z_95 / (4 * cases * cases))
    scale = 1 + Z_95 * Z_95 / cases
    # At the ends the interval touches 0 or 1, which rounding would miss by a hair.
    low = 0.0 if hits == 0 else (middle - reach) / scale
    high = 1.0 if hits == cases else (middle + reach) / scale
    return low, high


def population_stability_index(shares: Sequence[float], reference: Sequence[float]) -> float:
    """Return how far shares of bins have moved from a reference (PSI), 0 for not at all.

    Source: B. Yurdakul, Statistical Properties of Population Stability Index (2018).

    Args:
        shares: the share of each bin now, every one above 0.
        reference: the share of the same bins then, every one above 0.
    """
    return sum((now - then) * log(now / then) for now, then in zip(shares, reference, strict=True))
