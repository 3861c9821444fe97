"""From an ensemble's raw score to the log-odds of fraud."""

import math
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]  (no types)

from fraudstream.detection.models.model import Calibration, ProbabilityCurve
from fraudstream_tools.lab.training.boosting import Flags, Weights

_STEPS: Final = 100
_CLOSE: Final = 1e-10
_LEAST_SLOPE: Final = 0.01
_RIDGE: Final = 1e-9
_ROUNDS: Final = 50
_SETTLED: Final = 1e-4
_MOST_SLOPE: Final = 10.0


def log_odds(probability: float) -> float:
    """Return a probability's log-odds."""
    return math.log(probability / (1 - probability))


def likely_frauds(
    labels: Flags,
    odds: NDArray[np.float64],
    arrived: NDArray[np.float64] | None,
    unseen: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return how much fraud each transaction is, once what is known of it is taken into account.

    It is a probability, but for a known fraud that stands for others: that is all of them. What it stands for is then
    among the unlabelled ones of similar scores, so that together they are right.

    Args:
        labels: which of them are known to be fraud.
        odds: log-odds of fraud by a model.
        arrived: the share of the frauds of its age that has a label; None: all have.
        unseen: for how many frauds that nobody reports each known one stands; None: for none.
    """
    told = labels.astype(np.float64) if unseen is None else np.where(labels, 1.0 + unseen, 0.0)
    if arrived is None:
        return told
    fraud = 1 / (1 + np.exp(-odds))
    return np.where(labels, told, fraud * (1 - arrived) / (1 - fraud * arrived))


def platt(
    raw: NDArray[np.float64],
    labels: Flags,
    stands_for: Weights = None,
    arrived: NDArray[np.float64] | None = None,
    unseen: NDArray[np.float64] | None = None,
) -> Calibration:
    """Fit slope and intercept to the truth: Newton's method on Platt's smoothed targets (Platt 1999; Lin et al. 2007).

    A line keeps the order of scores, which an isotonic fit's steps do not.

    Args:
        raw: raw scores of transactions that the trees have not seen, in log-odds.
        labels: which of them are fraud.
        stands_for: for how many transactions each one stands.
        arrived: the share of the frauds of its age that has a label: what has none yet may be fraud all the same, by
            the probability that the line says (expectation and maximisation in turn); None: all have.
        unseen: for how many frauds that nobody reports each known one stands; None: for none.
    """
    slope, intercept = _line(raw, likely_frauds(labels, raw, None, unseen), stands_for)
    for _ in range(_ROUNDS if arrived is not None else 0):
        before = intercept
        slope, intercept = _line(raw, likely_frauds(labels, slope * raw + intercept, arrived, unseen), stands_for)
        if abs(intercept - before) < _SETTLED:
            break
    # Trees whose scores do not tell fraud from the rest on newer weeks are flattened, never turned around.
    return Calibration(slope=max(slope, _LEAST_SLOPE), intercept=intercept)


def beta(
    odds: NDArray[np.float64],
    labels: Flags,
    stands_for: Weights = None,
    arrived: NDArray[np.float64] | None = None,
    unseen: NDArray[np.float64] | None = None,
) -> ProbabilityCurve:
    """Fit beta calibration to the truth; the parameters are as those of `platt`, of log-odds that are nearly right."""
    counts = np.ones(len(odds)) if stands_for is None else stands_for
    low, high = -np.logaddexp(0, -odds), np.logaddexp(0, odds)
    found = np.array([1.0, 1.0, 0.0])
    for _ in range(_ROUNDS if arrived is not None and (arrived < 1).any() else 1):
        before = found
        likely = likely_frauds(labels, found[0] * low + found[1] * high + found[2], arrived, unseen)

        def loss(values: NDArray[np.float64], likely: NDArray[np.float64] = likely) -> tuple[float, list[float]]:
            told = values[0] * low + values[1] * high + values[2]
            error = counts * (1 / (1 + np.exp(-told)) - likely)
            apart = values[:2] - 1
            lost = float((counts * (np.logaddexp(0, told) - likely * told)).sum()) + float(apart @ apart) / 2
            return lost, [float(error @ low + apart[0]), float(error @ high + apart[1]), float(error.sum())]

        bounds = [(0.0, _MOST_SLOPE), (0.0, _MOST_SLOPE), (None, None)]
        found = np.asarray(cast("Any", minimize)(loss, found, jac=True, method="L-BFGS-B", bounds=bounds).x)
        if np.abs(found - before).max() < _SETTLED:
            break
    return ProbabilityCurve(low=float(found[0]), high=float(found[1]), intercept=float(found[2]))


def _line(values: NDArray[np.float64], likely: NDArray[np.float64], stands_for: Weights) -> tuple[float, float]:
    """Fit slope and intercept of a logistic regression on smoothed targets."""
    counts = np.ones(len(values)) if stands_for is None else stands_for
    frauds, others = float((counts * likely).sum()), float((counts * (1 - likely)).sum())
    targets = likely * (frauds + 1) / (frauds + 2) + (1 - likely) / (others + 2)
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
