"""Whether a forest that needs no labels orders the queue better than rules do, in a system's first weeks.

After a world's first week an isolation forest learns from all of its transactions (Liu, Ting and Zhou 2008: 100 trees
of 256 transactions each). In the next four weeks rules decide alone. How strange a transaction is, is told by the share
of the first week that is stranger: minus its logarithm, times a weight, is added to the rules' log-odds. That is
compared with the rules alone: by the average precision over all that was decided, and in the queue, which holds what
rules flag, by what three reviews a day find in the order of expected loss. What is fraud is what is labelled so in the
end.

    python -m benchmarks.day_one [--seeds 6201 ...] [--size 800] [--worlds handbook shifted fintech]

The last line printed is JSON: by world and order the average precision over everything and in the queue, by score and
by expected loss, and how many frauds the reviews find, of what value in the base currency.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from benchmarks.reliability import GoneThrough, go_through, measure_worlds, tested
from benchmarks.review_queue import amounts_of, reviewed
from fraudstream.durations import DAY
from fraudstream_tools.lab.training.measuring.metrics import average_precision
from fraudstream_tools.lab.training.measuring.verdicts import judge_examples
from fraudstream_tools.lab.training.samples.examples import Examples

SEEDS: Final = (6201, 6202)
"""Seeds that nothing was tried on."""
SIZES: Final[Mapping[str, int]] = {"handbook": 1500, "shifted": 1500, "fintech": 800}
"""Customers, or people."""
FIRST_DAYS: Final = 7
DAYS: Final = 35
REVIEWS_A_DAY: Final = 3
WEIGHTS: Final[Mapping[str, float]] = {
    "rules alone": 0.0,
    "forest where scores are equal": 1e-4,
    "a tenth of the forest": 0.1,
    "half of the forest": 0.5,
}
_MISSING: Final = -1.0
"""Below nearly all values, so that a missing one is like none that is there."""


def strangeness(first: NDArray[np.float64], later: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how strange later transactions are, by how few of the first ones are stranger: minus its logarithm.

    Args:
        first: features of those that the forest learns from; NaN is missing.
        later: of those that are asked about.
    """
    learnt, asked = (
        np.where(np.isnan(each), _MISSING, np.sign(each) * np.log1p(np.abs(each))) for each in (first, later)
    )
    forest = cast("Any", IsolationForest)(n_estimators=100, max_samples=256, random_state=1).fit(learnt)
    known, told = (-np.asarray(forest.score_samples(each), dtype=np.float64) for each in (learnt, asked))
    known.sort()
    stranger = len(known) - np.searchsorted(known, told, side="right")
    return -np.log((stranger + 1) / (len(known) + 1))


def by_order(gone: GoneThrough) -> Mapping[str, Mapping[str, float]]:
    """Return the figures of one world, by order."""
    found = tested(gone, gone.start)
    first = found.timestamps < gone.start + FIRST_DAYS * DAY
    later = found.chosen(~first)
    strange = strangeness(found.vectors[first], later.vectors)
    judged = judge_examples(None, later)
    return {
        name: _figures(later, judged.flagged, judged.log_odds + weight * strange) for name, weight in WEIGHTS.items()
    }


def _figures(found: Examples, flagged: NDArray[np.bool_], odds: NDArray[np.float64]) -> Mapping[str, float]:
    amounts = amounts_of(found)
    likely = 1 / (1 + np.exp(-odds))
    loss = likely * np.sqrt(amounts)
    seen = reviewed(found, flagged, loss.tolist(), REVIEWS_A_DAY)
    return {
        "everything": average_precision(odds, found.labels),
        "queue by score": average_precision(odds[flagged], found.labels[flagged]),
        "queue by loss": average_precision(loss[flagged], found.labels[flagged]),
        "found": float(found.labels[seen].sum()),
        "value": float((amounts * found.labels)[seen].sum()),
    }


def measure(world: str, seeds: Sequence[int], size: int) -> dict[str, dict[str, float]]:
    """Measure a kind of world by several seeds: means of precision, sums of what is found."""
    told: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for seed in seeds:
        for order, figures in by_order(go_through(world, seed, size, DAYS)).items():
            for name, figure in figures.items():
                told[order][name] += figure if name in ("found", "value") else figure / len(seeds)
    return {order: {name: round(each, 3) for name, each in figures.items()} for order, figures in told.items()}


if __name__ == "__main__":
    measure_worlds(measure, SEEDS, __doc__, SIZES)
