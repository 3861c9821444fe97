"""What turns the scores of served trees, and the rules' points with them, into a score, a probability and a promise."""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from fraudstream.detection.models.model import Calibration, ProbabilityCurve, Promise
from fraudstream_tools.lab.training.boosting import Weights
from fraudstream_tools.lab.training.calibration import platt, probability_curve
from fraudstream_tools.lab.training.held_out import HeldOut
from fraudstream_tools.lab.training.measuring.promise import promise
from fraudstream_tools.lab.training.rules.rule_hits import RuleHits
from fraudstream_tools.lab.training.rules.rule_weighing import Combination, combine, unmeasured


class Serving(NamedTuple):
    """How a model's scores are used."""

    calibration: Calibration
    combination: Combination
    probability: ProbabilityCurve | msgspec.UnsetType = msgspec.UNSET
    promised: Promise | msgspec.UnsetType = msgspec.UNSET


def unmeasured_serving(prior: float, hits: RuleHits | None, stands_for: Weights) -> Serving:
    """Return what a model does of which nothing could be measured: its log-odds stay as they are."""
    return Serving(Calibration(slope=1.0, intercept=0.0), unmeasured(prior, hits, stands_for))


def measured_serving(
    told: HeldOut,
    frauds: NDArray[np.float64],
    timestamps: NDArray[np.int64],
    hits: RuleHits | None,
    *,
    stands_for: Weights,
    prior: float,
    stopped: int,
) -> Serving:
    """Return what the labels of held-out transactions say.

    Args:
        told: scores by trees that had not seen them.
        frauds: for how many frauds each of all transactions stands: see `frauds_told`.
        timestamps: of all, epoch milliseconds.
        hits: of the rules, in all; None: there were no rules.
        stands_for: for how many transactions each one stands.
        prior: log-odds of fraud among all.
        stopped: see `fit`.
    """
    rows = told.rows
    known = frauds[rows]
    counted = None if stands_for is None else stands_for[rows]
    calibration = platt(told.raw, known, counted)
    odds = calibration.slope * told.raw + calibration.intercept
    if hits is None:
        combination = unmeasured(prior, None)
        return Serving(calibration, combination, probability_curve(odds, known, counted))
    combination = combine(
        odds,
        known,
        hits.chosen(rows),
        prior=prior,
        learnt=hits,
        weights=counted,
        learnt_for=stands_for,
    )
    together = combination.log_odds(odds - prior, hits.chosen(rows))
    everything = float(len(frauds) if stands_for is None else stands_for.sum()) + stopped
    promised = promise(together, hits.chosen(rows), timestamps[rows], counted, stopped_share=stopped / everything)
    return Serving(calibration, combination, probability_curve(together, known, counted), promised)
