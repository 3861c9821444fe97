"""What share of decisions a model alone flags, as its training has it: the breaker holds it to that."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fraudstream.detection.models.model import Promise
from fraudstream.durations import DAY, HOUR
from fraudstream_tools.lab.training.boosting import Weights
from fraudstream_tools.lab.training.calibration import log_odds
from fraudstream_tools.lab.training.measuring.verdicts import approved_by_rules
from fraudstream_tools.lab.training.rules.rule_hits import RuleHits

_HOURS: Final = 24
_DEVIATIONS: Final = 2.0
"""Standard deviations of a day's Poisson count: only what is above them makes a day unlike the others. Own choice."""
_DIGITS: Final = 8


def promise(
    odds: NDArray[np.float64],
    hits: RuleHits,
    timestamps: NDArray[np.int64],
    stands_for: Weights = None,
    *,
    stopped_share: float = 0.0,
) -> Promise:
    """Return the promise of a model.

    Args:
        odds: what model and rules come to, of transactions that the trees have not seen.
        hits: of the rules among them.
        timestamps: epoch milliseconds.
        stands_for: for how many transactions each one stands.
        stopped_share: of all decisions, those that were declines and of which nothing is known: each may have been the
            model's, though training does not see it.
    """
    cut = log_odds((hits.ruleset.thresholds.review - 0.5) / 100)
    counts = np.ones(len(odds)) if stands_for is None else stands_for
    flagged = counts * ((odds >= cut) & approved_by_rules(hits))
    usual = float(flagged.sum() / counts.sum())
    hours = timestamps % DAY // HOUR
    of_hours, seen = (np.bincount(hours, weights=each, minlength=_HOURS) for each in (flagged, counts))
    # Each hour leaves the day's mean halfway: one alone has few.
    pull = counts.sum() / _HOURS
    shares: list[float] = ((of_hours + usual * pull) / (seen + pull) + stopped_share).tolist()
    _, days = np.unique(timestamps // DAY, return_inverse=True)
    flagged_of_day, expected = np.bincount(days, weights=flagged), usual * np.bincount(days, weights=counts)
    unlike = (flagged_of_day - _DEVIATIONS * np.sqrt(flagged_of_day)) / np.maximum(expected, 1e-12)
    return Promise(
        log_odds=round(cut, _DIGITS),
        shares=tuple([min(round(share, _DIGITS), 1.0) for share in shares]),
        spread=round(max(1.0, float(unlike.max())), 3),
    )
