"""How features and scores are spread over transactions, for measuring later how far they have moved."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream.detection.models.drift import LEAST_TRANSACTIONS, SCORE, psi_of_shares
from fraudstream.detection.models.model import Distribution
from fraudstream.detection.models.stationary import AGE_CUTS
from fraudstream_tools.lab.training.boosting import Matrix, Weights

BINS: Final = 10
"""Tenths of the values, as is usual for the population stability index; fewer where many values are equal."""


class WeightedValues(NamedTuple):
    """Values of some transactions, and for how many each stands."""

    values: NDArray[np.float64]
    stands_for: Weights = None
    """For how many transactions each one stands."""

    @property
    def counts(self) -> NDArray[np.float64]:
        """For how many transactions each one stands, also where each is one."""
        return np.ones(len(self.values)) if self.stands_for is None else self.stands_for


def moved(then: WeightedValues, now: WeightedValues) -> float:
    """Return how far values have moved from one time to another (PSI), by tenths of the earlier ones."""
    return _psi(_distribution(then.values, then.counts), now.values, now.counts)


def distributions(
    vectors: Matrix, names: Sequence[str], scores: NDArray[np.float64], weights: Weights = None
) -> dict[str, Distribution]:
    """Return the distribution of each column, by its name, and that of the scores; ages have bins of their own."""
    counts = np.ones(len(scores)) if weights is None else weights
    of_features = {
        name: _distribution(vectors[:, column], counts, AGE_CUTS.get(name)) for column, name in enumerate(names)
    }
    return of_features | {SCORE: _distribution(scores, counts)}


def usual_drift(
    columns: Mapping[str, NDArray[np.float64]],
    days: NDArray[np.int64],
    known: Mapping[str, Distribution],
    weights: Weights,
) -> dict[str, float]:
    """Return how far the most unlike of some days is from all of them (PSI), by column.

    Args:
        columns: values of the transactions of these days.
        days: on which each happened; those with too few of them tell nothing.
        known: the distribution of each column over all days.
        weights: for how many transactions each one stands.
    """
    counts = np.ones(len(days)) if weights is None else weights
    usual = dict.fromkeys(columns, 0.0)
    for day, number in zip(*np.unique(days, return_counts=True), strict=True):
        if number >= LEAST_TRANSACTIONS:
            today = days == day
            for name, values in columns.items():
                usual[name] = max(usual[name], round(_psi(known[name], values[today], counts[today]), 6))
    return usual


def _psi(then: Distribution, values: NDArray[np.float64], stands_for: NDArray[np.float64]) -> float:
    is_missing = np.isnan(values)
    bins = np.where(is_missing, len(then.cuts) + 1, np.searchsorted(then.cuts, values))
    return psi_of_shares(then, (np.bincount(bins, stands_for, len(then.cuts) + 2) / stands_for.sum()).tolist())


def _distribution(
    values: NDArray[np.float64], stands_for: NDArray[np.float64], given: Sequence[float] | None = None
) -> Distribution:
    is_present = ~np.isnan(values)
    present, present_for = values[is_present], stands_for[is_present]
    cuts: NDArray[np.float64] = np.array(given or [], dtype=np.float64)
    if given is None and len(present):
        quantiles = np.quantile(present, np.arange(1, BINS) / BINS, method="inverted_cdf", weights=present_for)
        # A cut at the largest value would leave nothing for the last bin.
        cuts = np.unique(quantiles[quantiles < present.max()])
    counts = np.bincount(np.searchsorted(cuts, present), weights=present_for, minlength=len(cuts) + 1)
    shares = [*counts, stands_for[~is_present].sum()]
    return Distribution(
        cuts=tuple(map(float, cuts)),
        shares=tuple([round(float(share) / float(stands_for.sum()), 6) for share in shares]),
    )
