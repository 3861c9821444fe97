"""How features and scores are spread over transactions, for measuring later how far they have moved."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fraudstream.detection.models.model import Distribution
from fraudstream_tools.lab.training.boosting import Matrix, Weights

BINS: Final = 10
"""Tenths of the values, as is usual for the population stability index; fewer where many values are equal."""
SCORE: Final = "score"


def distributions(
    vectors: Matrix, names: Sequence[str], scores: NDArray[np.float64], weights: Weights = None
) -> dict[str, Distribution]:
    """Return the distribution of each column, by its name, and that of the scores."""
    counts = np.ones(len(scores)) if weights is None else weights
    found = {name: _distribution(vectors[:, column], counts) for column, name in enumerate(names)}
    return found | {SCORE: _distribution(scores, counts)}


def _distribution(values: NDArray[np.float64], stands_for: NDArray[np.float64]) -> Distribution:
    is_present = ~np.isnan(values)
    present, present_for = values[is_present], stands_for[is_present]
    cuts: NDArray[np.float64] = np.empty(0)
    if len(present):
        quantiles = np.quantile(present, np.arange(1, BINS) / BINS, method="inverted_cdf", weights=present_for)
        # A cut at the largest value would leave nothing for the last bin.
        cuts = np.unique(quantiles[quantiles < present.max()])
    counts = np.bincount(np.searchsorted(cuts, present), weights=present_for, minlength=len(cuts) + 1)
    shares = [*counts, stands_for[~is_present].sum()]
    return Distribution(
        cuts=tuple(map(float, cuts)),
        shares=tuple([round(float(share) / float(stands_for.sum()), 6) for share in shares]),
    )
