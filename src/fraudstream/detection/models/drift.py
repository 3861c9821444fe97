"""How far features and scores have moved since a model learnt: the population stability index (PSI).

Over the bins of a distribution, the PSI sums `(now - then) * ln(now / then)` of the shares. Below 0.1 nothing has
changed, above 0.25 the change is significant (Siddiqi, Credit Risk Scorecards, 2006). Features differ from day to day
without any change: what the most unlike day of the baseline had is subtracted. Scores hardly do.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, NamedTuple

from fraudstream.detection.features.own import INPUTS
from fraudstream.detection.features.registry import Vector
from fraudstream.detection.models.model import Distribution, Model
from fraudstream.detection.models.stationary import comparison
from fraudstream.statistics import population_stability_index

SCORE: Final = "score"
LEAST_TRANSACTIONS: Final = 1000
"""With so many, chance alone makes a PSI of about 0.01 over ten bins; with a hundred, of 0.1."""
_LEAST_SHARE: Final = 1e-4
"""In place of an empty bin's, whose logarithm would be infinite."""


class Drift(NamedTuple):
    """How far one day's transactions are from those of a model's newest training weeks."""

    score: float
    """PSI of the model's log-odds."""
    features: dict[str, float]
    """PSI of each feature that can be compared, above what is usual."""
    left_out: dict[str, str]
    """Features that cannot be compared, and why."""

    @property
    def worst(self) -> str | None:
        """Return the feature that has moved farthest; None if none can be compared."""
        if not self.features:
            return None
        return max(self.features, key=lambda name: (self.features[name], name))


def measure(model: Model, vectors: Sequence[Vector]) -> Drift | None:
    """Measure how far transactions have moved from what a model learnt from.

    Returns:
        None if there are too few to tell, or the model's file holds no distributions.
    """
    known = model.file.distributions
    if len(vectors) < LEAST_TRANSACTIONS or SCORE not in known:
        return None
    compared, left_out = comparison(model.file)
    places = {name: place for place, name in enumerate(INPUTS)}
    usual = model.file.usual_drift or {}
    moved = {name: psi(then, [vector[places[name]] for vector in vectors]) for name, then in compared.items()}
    score = psi(known[SCORE], [model.log_odds(vector) for vector in vectors])
    unusual = {name: max(value - usual.get(name, 0.0), 0.0) for name, value in moved.items()}
    return Drift(score, unusual, left_out)


def psi(then: Distribution, values: Sequence[float | None]) -> float:
    """Return the population stability index of values against a distribution; missing ones are a bin of their own."""
    bins, missing = len(then.cuts) + 1, len(then.cuts) + 1
    counts = [0] * (bins + 1)
    for value in values:
        counts[missing if value is None else bisect_left(then.cuts, value)] += 1
    return psi_of_shares(then, [count / len(values) for count in counts])


def psi_of_shares(then: Distribution, shares: Sequence[float]) -> float:
    """Return the population stability index of the shares of a distribution's bins, that of missing values last."""
    return population_stability_index(
        [max(share, _LEAST_SHARE) for share in shares], [max(share, _LEAST_SHARE) for share in then.shares]
    )
