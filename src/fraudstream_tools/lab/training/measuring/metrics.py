"""How well scores tell fraud from the rest."""

from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score  # pyright: ignore[reportUnknownVariableType]  (no types)

from fraudstream_tools.lab.training.boosting import Flags, Weights

FALSE_POSITIVES: Final = 0.001
"""Share of legitimate transactions that may be flagged when recall is asked for: one in a thousand."""


def average_precision(
    scores: NDArray[np.float64], labels: Flags, weights: Weights = None, arrived: NDArray[np.float64] | None = None
) -> float:
    """Return the average precision: the mean of precision over all frauds, from the highest score down.

    Args:
        scores: of transactions.
        labels: which of them are known to be fraud.
        weights: for how many transactions each one stands.
        arrived: the share of the frauds of its age that has a label, so that each known one stands for more; None: all.
    """
    if arrived is None:
        return float(cast("Any", average_precision_score(labels, scores, sample_weight=weights)))
    frauds, others = _passed(scores, labels, weights, arrived)
    precision = np.clip(frauds / np.maximum(frauds + others, 1e-12), 0, 1)
    return float((np.diff(frauds, prepend=0.0) * precision).sum() / frauds[-1])


def recall_at_false_positives(
    scores: NDArray[np.float64],
    labels: Flags,
    share: float = FALSE_POSITIVES,
    weights: Weights = None,
    arrived: NDArray[np.float64] | None = None,
) -> tuple[float, float]:
    """Return the share of frauds above the lowest threshold that flags at most this share of the legitimate ones.

    Returns:
        Recall, and the precision there (0 if nothing is flagged).
    """
    frauds, others = _passed(scores, labels, weights, np.ones(len(scores)) if arrived is None else arrived)
    # The first score at which too many are passed; what lies above it is flagged.
    above = int(np.argmax(others > share * others[-1])) - 1
    if above < 0:
        return 0.0, 0.0
    caught, wrong = float(frauds[above]), max(float(others[above]), 0.0)
    return caught / float(frauds[-1]), caught / max(caught + wrong, 1)


def _passed(
    scores: NDArray[np.float64], labels: Flags, weights: Weights, arrived: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return from the highest score down how many frauds, and how many others, have at least each score.

    A known fraud stands for all of its age, and what it stands for beyond itself is among the others.
    """
    order = np.argsort(-scores, kind="stable")
    counts = (np.ones(len(scores)) if weights is None else weights)[order]
    frauds = counts * labels[order] / arrived[order]
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    return np.cumsum(frauds)[ends], np.cumsum(counts - frauds)[ends]


def metrics(
    odds: NDArray[np.float64], labels: Flags, weights: Weights = None, arrived: NDArray[np.float64] | None = None
) -> dict[str, float]:
    """Return the figures that a model card shows, of calibrated log-odds and what is known of the truth.

    They are those that there will be once late labels are there. The area under the ROC curve takes what has no label
    for legitimate.
    """
    recall, precision = recall_at_false_positives(odds, labels, weights=weights, arrived=arrived)
    targets = labels.astype(np.float64) if arrived is None else labels / arrived
    counts = np.ones(len(odds)) if weights is None else weights
    figures = {
        "auc": float(cast("Any", roc_auc_score(labels, odds, sample_weight=np.where(labels, targets, 1.0) * counts))),
        "averagePrecision": average_precision(odds, labels, weights, arrived),
        "recallAt0.1PctFalsePositives": recall,
        "precisionAt0.1PctFalsePositives": precision,
        "logLoss": float(np.average(np.logaddexp(0, odds) - targets * odds, weights=weights)),
    }
    return {name: round(value, 6) for name, value in figures.items()}
