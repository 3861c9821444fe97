"""From an ensemble's raw score to the log-odds of fraud."""

import math
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # pyright: ignore[reportUnknownVariableType]  (no types)

from fraudstream.detection.models.model import Calibration, ProbabilityCurve
from fraudstream_tools.lab.training.boosting import Flags, Weights

_STEPS: Final = 100
_CLOSE: Final = 1e-10
_LEAST_SLOPE: Final = 0.01
_RIDGE: Final = 1e-9
_FIRST_LEAST: Final = -7.0
"""Log-odds: one in a thousand."""
_BOUNDS: Final = [(0.0, 10.0), (0.0, 10.0), (None, None), (-14.0, -1.0)]
"""Bounds of both slopes, the intercept, and the log-odds of the least probability: one in a million to a quarter."""


def log_odds(probability: float) -> float:
    """Return a probability's log-odds."""
    return math.log(probability / (1 - probability))


def frauds_told(labels: Flags, arrived: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return for how many frauds each transaction stands: a known one for all of its age and source too.

    What it stands for is among the unlabelled ones of similar scores, so that together they are right (inverse
    probability weighting; Horvitz and Thompson 1952).

    Args:
        labels: which of them are known to be fraud.
        arrived: of frauds like each of them, the share that has a label; None: all have.
    """
    return labels.astype(np.float64) if arrived is None else labels / arrived


def platt(raw: NDArray[np.float64], frauds: NDArray[np.float64] | Flags, stands_for: Weights = None) -> Calibration:
    """Fit slope and intercept to the truth: Newton's method on Platt's smoothed targets (Platt 1999; Lin et al. 2007).

    A line keeps the order of scores, which an isotonic fit's steps do not.

    Args:
        raw: raw scores of transactions that the trees have not seen, in log-odds.
        frauds: which of them are fraud, or for how many frauds each one stands: see `frauds_told`.
        stands_for: for how many transactions each one stands.
    """
    slope, intercept = _line(raw, frauds, stands_for)
    # Trees whose scores do not tell fraud from the rest on newer weeks are flattened, never turned around.
    return Calibration(slope=max(slope, _LEAST_SLOPE), intercept=intercept)


def probability_curve(
    odds: NDArray[np.float64], frauds: NDArray[np.float64] | Flags, stands_for: Weights = None
) -> ProbabilityCurve:
    """Fit beta calibration above a least probability to the truth.

    The parameters are as those of `platt`, of log-odds that are nearly right.
    """
    counts = np.ones(len(odds)) if stands_for is None else stands_for
    low, high = -np.logaddexp(0, -odds), np.logaddexp(0, odds)

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        above, least = values[0] * low + values[1] * high + values[2], 1 / (1 + np.exp(-values[3]))
        share = 1 / (1 + np.exp(-above))
        probability = least + (1 - least) * share
        log_rest = np.log1p(-least) - np.logaddexp(0, above)
        apart = values[:2] - 1
        lost = (
            -float((counts * (frauds * np.log(probability) + (1 - frauds) * log_rest)).sum()) + float(apart @ apart) / 2
        )
        error = counts * (probability - frauds) / probability
        by_share = error * share
        slopes = [by_share @ low + apart[0], by_share @ high + apart[1], by_share.sum(), least * error.sum()]
        return lost, np.array(slopes)

    first = np.array([1.0, 1.0, 0.0, _FIRST_LEAST])
    parameters = cast("Any", minimize)(loss, first, jac=True, method="L-BFGS-B", bounds=_BOUNDS).x.tolist()
    return ProbabilityCurve(
        low=parameters[0], high=parameters[1], intercept=parameters[2], least=1 / (1 + math.exp(-parameters[3]))
    )


def _line(values: NDArray[np.float64], told: NDArray[np.float64] | Flags, stands_for: Weights) -> tuple[float, float]:
    """Fit slope and intercept of a logistic regression on smoothed targets."""
    counts = np.ones(len(values)) if stands_for is None else stands_for
    frauds, others = float((counts * told).sum()), float((counts * (1 - told)).sum())
    targets = told * (frauds + 1) / (frauds + 2) + (1 - told) / (others + 2)
    best = np.array([1.0, 0.0])
    loss = _loss(best, values, targets, counts)
    for _ in range(_STEPS):
        probability = 1 / (1 + np.exp(-(best[0] * values + best[1])))
        error, weight = counts * (probability - targets), counts * probability * (1 - probability)
        mixed = (weight * values).sum()
        hessian = np.array([[(weight * values * values).sum(), mixed], [mixed, weight.sum()]]) + _RIDGE * np.eye(2)
        gradient = np.array([(error * values).sum(), error.sum()])
        step: NDArray[np.float64] = np.linalg.solve(hessian, gradient).astype(np.float64)
        share = 1.0
        while share > _CLOSE and _loss(best - share * step, values, targets, counts) > loss:
            share /= 2
        after = best - share * step
        reached = _loss(after, values, targets, counts)
        if loss - reached < _CLOSE:
            break
        best, loss = after, reached
    return float(best[0]), float(best[1])


def _loss(
    line: NDArray[np.float64],
    values: NDArray[np.float64],
    targets: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> float:
    odds = line[0] * values + line[1]
    return float((counts * (np.logaddexp(0, odds) - targets * odds)).sum())
