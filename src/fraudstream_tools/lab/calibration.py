"""From an ensemble's raw score to the log-odds of fraud."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fraudstream.detection.model import Calibration
from fraudstream_tools.lab.boosting import Flags

_STEPS: Final = 100
_CLOSE: Final = 1e-10
_LEAST_SLOPE: Final = 0.01


def log_odds(probability: float) -> float:
    """Give a probability's log-odds."""
    return math.log(probability / (1 - probability))


def platt(raw: NDArray[np.float64], labels: Flags) -> Calibration:
    """Fit slope and intercept to the truth: Newton's method on Platt's smoothed targets (Platt 1999; Lin et al. 2007).

    A line keeps the order of scores, which an isotonic fit's steps do not.

    Args:
        raw: raw scores of transactions that the trees have not seen, in log-odds.
        labels: which of them are fraud.
    """
    frauds, others = int(labels.sum()), int((~labels).sum())
    targets = np.where(labels, (frauds + 1) / (frauds + 2), 1 / (others + 2))
    best = np.array([1.0, 0.0])
    loss = _loss(best, raw, targets)
    for _ in range(_STEPS):
        probability = 1 / (1 + np.exp(-(best[0] * raw + best[1])))
        error, weight = probability - targets, probability * (1 - probability)
        gradient = np.array([(error * raw).sum(), error.sum()])
        mixed = (weight * raw).sum()
        hessian = np.array([[(weight * raw * raw).sum() + 1e-9, mixed], [mixed, weight.sum() + 1e-9]])
        step = np.linalg.solve(hessian, gradient)
        share = 1.0
        while share > _CLOSE and _loss(best - share * step, raw, targets) > loss:
            share /= 2
        after = best - share * step
        reached = _loss(after, raw, targets)
        if loss - reached < _CLOSE:
            break
        best, loss = after, reached
    # Trees whose scores do not tell fraud from the rest on newer weeks are flattened, never turned around.
    return Calibration(slope=max(float(best[0]), _LEAST_SLOPE), intercept=float(best[1]))


def _loss(line: NDArray[np.float64], raw: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    odds = line[0] * raw + line[1]
    return float((np.logaddexp(0, odds) - targets * odds).sum())
