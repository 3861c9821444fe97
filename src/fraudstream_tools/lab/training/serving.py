"""What turns the scores of served trees, and the rules' points with them, into a score, a probability and a promise."""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from fraudstream.detection.models.model import Calibration, ProbabilityCurve, Promise
from fraudstream_tools.lab.training.boosting import Flags, Weights, weights_of
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


class _Fitted(NamedTuple):
    """How trees' raw scores and rules come to log-odds of fraud."""

    calibration: Calibration
    combination: Combination


class _Measured(NamedTuple):
    """Held-out transactions, and what is known of them."""

    raw: NDArray[np.float64]
    """The trees' log-odds."""
    frauds: NDArray[np.float64]
    """For how many frauds each one stands."""
    stands_for: Weights
    """For how many transactions each one stands."""
    hits: RuleHits | None
    """Hits of the rules; None: there were no rules."""
    prior: float
    """Log-odds of fraud among all that the model learns from."""

    def chosen(self, those: Flags) -> "_Measured":
        """Return some of them."""
        return self._replace(
            raw=self.raw[those],
            frauds=self.frauds[those],
            stands_for=weights_of(self.stands_for, those),
            hits=None if self.hits is None else self.hits.chosen(those),
        )

    def fit(self, learnt: RuleHits | None, learnt_for: Weights) -> _Fitted:
        """Fit a line, and weights of rules.

        Args:
            learnt: hits in all that the model learns from; None: there were no rules.
            learnt_for: for how many transactions each of these stands.
        """
        calibration = platt(self.raw, self.frauds, self.stands_for)
        if self.hits is None or learnt is None:
            return _Fitted(calibration, unmeasured(self.prior, None))
        combination = combine(
            calibration.slope * self.raw + calibration.intercept,
            self.frauds,
            self.hits,
            prior=self.prior,
            learnt=learnt,
            weights=self.stands_for,
            learnt_for=learnt_for,
        )
        return _Fitted(calibration, combination)

    def odds(self, fitted: _Fitted) -> NDArray[np.float64]:
        """Return the log-odds of fraud by trees and rules together."""
        odds = fitted.calibration.slope * self.raw + fitted.calibration.intercept
        return odds if self.hits is None else fitted.combination.log_odds(odds - self.prior, self.hits)


def measured_serving(
    held: HeldOut,
    frauds: NDArray[np.float64],
    timestamps: NDArray[np.int64],
    hits: RuleHits | None,
    *,
    stands_for: Weights,
    prior: float,
    stopped: int,
    least_frauds: int,
) -> Serving:
    """Return what the labels of held-out transactions say.

    The curve of probabilities is fitted to log-odds by lines and weights that do not know the frauds of the same part:
    those of the frauds that they were fitted to are farther apart than those of what comes (cross-fitting).

    Args:
        held: scores by trees that had not seen them.
        frauds: for how many frauds each of all transactions stands: see `frauds_told`.
        timestamps: of all, epoch milliseconds.
        hits: of the rules, in all; None: there were no rules.
        stands_for: for how many transactions each one stands.
        prior: log-odds of fraud among all.
        stopped: see `fit`.
        least_frauds: where the other parts hold fewer, all parts are fitted to.
    """
    rows = held.rows
    counted = weights_of(stands_for, rows)
    measured = _Measured(held.raw, frauds[rows], counted, None if hits is None else hits.chosen(rows), prior)
    fitted = measured.fit(hits, stands_for)
    together, unseen = measured.odds(fitted), np.zeros(len(held.raw))
    for number in np.unique(held.parts):
        part = held.parts == number
        others = measured.chosen(~part)
        is_told = np.count_nonzero(others.frauds) >= least_frauds
        unseen[part] = measured.chosen(part).odds(others.fit(hits, stands_for) if is_told else fitted)
    curve = probability_curve(unseen, measured.frauds, counted)
    if measured.hits is None:
        return Serving(*fitted, curve)
    everything = float(len(frauds) if stands_for is None else stands_for.sum()) + stopped
    promised = promise(together, measured.hits, timestamps[rows], counted, stopped_share=stopped / everything)
    return Serving(*fitted, curve, promised)
