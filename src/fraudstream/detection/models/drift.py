"""How far features and scores have moved since a model learnt: the population stability index (PSI).

Over the bins of a distribution, the PSI sums `(now - then) * ln(now / then)` of the shares. Below 0.1 nothing has
changed, above 0.25 the change is significant (Siddiqi, Credit Risk Scorecards, 2006).
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, NamedTuple

from fraudstream.detection.features.registry import NAMES, Vector
from fraudstream.detection.models.model import Distribution, Model
from fraudstream.statistics import population_stability_index

SCORE: Final = "score"
LEAST_TRANSACTIONS: Final = 1000
"""With so many, chance alone makes a PSI of about 0.01 over ten bins; with a hundred, of 0.1."""
_CALENDAR: Final = frozenset({"localWeekday"})
"""Never spread over a day as over weeks."""
_LEAST_SHARE: Final = 1e-4
"""In place of an empty bin's, whose logarithm would be infinite."""


class Drift(NamedTuple):
    """How far one day's transactions are from those of a model's newest training weeks."""

    score: float
    """PSI of the model's log-odds."""
    features: dict[str, float]
    """PSI by feature."""

    @property
    def worst(self) -> str:
        """Return the feature that has moved farthest."""
        return max(self.features, key=lambda name: (self.features[name], name))


def measure(model: Model, vectors: Sequence[Vector]) -> Drift | None:
    """Measure how far transactions have moved from what a model learnt from.

    Returns:
        None if there are too few to tell, or the model's file holds no distributions.
    """
    known = model.file.distributions
    if len(vectors) < LEAST_TRANSACTIONS or SCORE not in known:
        return None
    moved = {
        name: psi(known[name], [vector[place] for vector in vectors])
        for place, name in enumerate(NAMES)
        if name in known and name not in _CALENDAR
    }
    return Drift(psi(known[SCORE], [model.log_odds(vector) for vector in vectors]), moved) if moved else None


def psi(then: Distribution, values: Sequence[float | None]) -> float:
    """Return the population stability index of values against a distribution; missing ones are a bin of their own."""
    bins, missing = len(then.cuts) + 1, len(then.cuts) + 1
    counts = [0] * (bins + 1)
    for value in values:
        counts[missing if value is None else bisect_left(then.cuts, value)] += 1
    return population_stability_index(
        [max(count / len(values), _LEAST_SHARE) for count in counts],
        [max(share, _LEAST_SHARE) for share in then.shares],
    )
