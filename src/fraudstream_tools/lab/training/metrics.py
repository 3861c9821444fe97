"""How well scores tell fraud from the rest."""

from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score  # pyright: ignore[reportUnknownVariableType]  (no types)

from fraudstream_tools.lab.training.boosting import Flags

FALSE_POSITIVES: Final = 0.001
"""Share of legitimate transactions that may be flagged when recall is asked for: one in a thousand."""


def average_precision(scores: NDArray[np.float64], labels: Flags) -> float:
    """Return the average precision: the mean of precision over all frauds, from the highest score down."""
    return float(cast("Any", average_precision_score(labels, scores)))


def recall_at_false_positives(
    scores: NDArray[np.float64], labels: Flags, share: float = FALSE_POSITIVES
) -> tuple[float, float]:
    """Return the share of frauds above the lowest threshold that flags at most this share of the legitimate ones.

    Returns:
        Recall, and the precision there (0 if nothing is flagged).
    """
    legitimate = np.sort(scores[~labels])[::-1]
    allowed = int(share * len(legitimate))
    caught = int((scores[labels] > legitimate[allowed]).sum())
    wrong = int((legitimate > legitimate[allowed]).sum())
    return caught / int(labels.sum()), caught / max(caught + wrong, 1)


def metrics(odds: NDArray[np.float64], labels: Flags) -> dict[str, float]:
    """Return the figures that a model card shows, of calibrated log-odds and the truth."""
    recall, precision = recall_at_false_positives(odds, labels)
    targets = labels.astype(np.float64)
    figures = {
        "auc": float(cast("Any", roc_auc_score(labels, odds))),
        "averagePrecision": average_precision(odds, labels),
        "recallAt0.1PctFalsePositives": recall,
        "precisionAt0.1PctFalsePositives": precision,
        "logLoss": float((np.logaddexp(0, odds) - targets * odds).mean()),
    }
    return {name: round(value, 6) for name, value in figures.items()}
