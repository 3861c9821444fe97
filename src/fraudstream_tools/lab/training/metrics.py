"""How well scores tell fraud from the rest."""

from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score  # pyright: ignore[reportUnknownVariableType]  (no types)

from fraudstream_tools.lab.training.boosting import Flags, Weights

FALSE_POSITIVES: Final = 0.001
"""Share of legitimate transactions that may be flagged when recall is asked for: one in a thousand."""


def average_precision(scores: NDArray[np.float64], labels: Flags, weights: Weights = None) -> float:
    """Return the average precision: the mean of precision over all frauds, from the highest score down."""
    return float(cast("Any", average_precision_score(labels, scores, sample_weight=weights)))


def recall_at_false_positives(
    scores: NDArray[np.float64], labels: Flags, share: float = FALSE_POSITIVES, weights: Weights = None
) -> tuple[float, float]:
    """Return the share of frauds above the lowest threshold that flags at most this share of the legitimate ones.

    Returns:
        Recall, and the precision there (0 if nothing is flagged).
    """
    counts = np.ones(len(scores)) if weights is None else weights
    order = np.argsort(scores[~labels], kind="stable")[::-1]
    legitimate, passed = scores[~labels][order], np.cumsum(counts[~labels][order])
    # The first one by which too many are passed.
    threshold = legitimate[np.searchsorted(passed, share * passed[-1], side="right")]
    caught = float(counts[labels][scores[labels] > threshold].sum())
    wrong = float(counts[~labels][scores[~labels] > threshold].sum())
    return caught / float(counts[labels].sum()), caught / max(caught + wrong, 1)


def metrics(odds: NDArray[np.float64], labels: Flags, weights: Weights = None) -> dict[str, float]:
    """Return the figures that a model card shows, of calibrated log-odds and the truth."""
    recall, precision = recall_at_false_positives(odds, labels, weights=weights)
    targets = labels.astype(np.float64)
    figures = {
        "auc": float(cast("Any", roc_auc_score(labels, odds, sample_weight=weights))),
        "averagePrecision": average_precision(odds, labels, weights),
        "recallAt0.1PctFalsePositives": recall,
        "precisionAt0.1PctFalsePositives": precision,
        "logLoss": float(np.average(np.logaddexp(0, odds) - targets * odds, weights=weights)),
    }
    return {name: round(value, 6) for name, value in figures.items()}
