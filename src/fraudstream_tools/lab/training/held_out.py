"""How trees like those that are served score weeks that they have not seen.

The served trees have learnt from all transactions, so that their scores of these tell nothing. So the newest weeks are
cut into parts, and each is scored by trees that learnt from what was before it, as the served ones score what comes
after them. Trees that learnt from what came after a part too would know frauds of the same runs: a terminal that is
abused for weeks, before and after the part. In unseen weeks, of what they found least likely a third more was fraud
than they expected.

Labels are those known today, and not those that were known when a part began. Labels come late, and the fewer frauds
trees know, the nearer their scores are to each other: what puts those right made 633 expected frauds of 178.

Still the served trees know more than those before them, and find fewer honest transactions strange. At equal score
more is fraud among what they score, and at equal rank less is, since they rank better. What scores have equal rank is
seen on transactions that no trees have learnt from: those that are too new to have labels. Half of the way from equal
score to equal rank, both errors are small.

Where customers begin to behave otherwise, the first part that follows tells the wrong thing: its trees find much of it
strange, and the served ones know it. Such a part is left out. Its scores are spread unlike those of the week before.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream.contract import MODERATE_DRIFT
from fraudstream.detection.models.drift import LEAST_TRANSACTIONS
from fraudstream.durations import DAY
from fraudstream_tools.lab.training.boosting import Booster, Flags, Matrix, Parameters, Weights, weights_of
from fraudstream_tools.lab.training.measuring.distributions import WeightedValues, moved

DAYS = 28
"""The newest, at most half of the time there is: older ones tell less of what comes. Own choice."""
PARTS = 4
"""A week each, so that what scores it knows nearly as much as what is served. Own choice."""
_COMPARED_DAYS = 7
"""Before a part: a whole week, since days of a week differ."""
_KEPT_TOGETHER = 10
"""Transactions at either end whose scores move alike: fewer say nothing. Own choice."""


class Newer(NamedTuple):
    """Transactions that are too new to have labels, so that no trees have learnt from them."""

    vectors: Matrix
    """A row for each transaction, and a column for each feature that is used."""
    raw: NDArray[np.float64]
    """What the served trees find: log-odds."""


class HeldOut(NamedTuple):
    """Scores of transactions by trees that have not seen them."""

    rows: Flags
    """Which of all transactions were scored."""
    raw: NDArray[np.float64]
    """Log-odds of the trees for those, in their order, as the served ones would say it."""
    parts: NDArray[np.int64]
    """Number of the part that each of those is in, from 0 on. The same trees have scored all of one part."""


def held_out(
    vectors: Matrix,
    labels: Flags,
    timestamps: NDArray[np.int64],
    parameters: Parameters,
    stands_for: Weights = None,
    *,
    without: Flags | None = None,
    newer: Newer | None = None,
    least_frauds: int,
) -> HeldOut | None:
    """Score the newest weeks; None if trees could learn too little from what was before them.

    Parts that are unlike what was before are left out, unless too few frauds are left.

    Args:
        vectors: a row for each transaction, and a column for each feature that is used.
        labels: which of them are known to be fraud.
        timestamps: epoch milliseconds.
        parameters: how trees are grown.
        stands_for: for how many transactions each one stands.
        without: those that are not scored, though learnt from.
        newer: what neither the served trees nor any others have seen; None, or too few: scores stay as they are.
        least_frauds: with fewer, nothing is learnt.
    """
    first, last = int(timestamps.min()), int(timestamps.max())
    since = max(last - DAYS * DAY, first + (last - first) // 2)
    ends = np.linspace(since, last, PARTS + 1)
    scores, parts = np.zeros(len(timestamps)), np.full(len(timestamps), -1)
    unlike: list[int] = []
    for number, (begin, end) in enumerate(pairwise(ends.tolist())):
        part, before = (timestamps > begin) & (timestamps <= end), timestamps <= begin
        if int(labels[before].sum()) < least_frauds:
            return None
        if part.any():
            trees = Booster(vectors[before], labels[before], parameters, weights_of(stands_for, before))
            scores[part], parts[part] = trees.raw(vectors[part]), number
            week = before & (timestamps > begin - _COMPARED_DAYS * DAY)
            then = WeightedValues(trees.raw(vectors[week]), weights_of(stands_for, week))
            if _is_unlike(then, WeightedValues(scores[part], weights_of(stands_for, part))):
                unlike.append(number)
            if newer is not None and len(newer.raw) >= LEAST_TRANSACTIONS:
                at_ranks = _at_equal_ranks(scores[part], trees.raw(newer.vectors), newer.raw)
                scores[part] = (scores[part] + at_ranks) / 2
    rows = parts >= 0 if without is None else (parts >= 0) & ~without
    alike = rows & ~np.isin(parts, unlike)
    if int(labels[alike].sum()) >= least_frauds:
        rows = alike
    return HeldOut(rows, scores[rows], parts[rows])


def _is_unlike(then: WeightedValues, now: WeightedValues) -> bool:
    """Return whether scores have moved; of too few nobody can tell."""
    return min(len(then.values), len(now.values)) >= LEAST_TRANSACTIONS and moved(then, now) > MODERATE_DRIFT


def _at_equal_ranks(
    scores: NDArray[np.float64], found: NDArray[np.float64], served: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return which scores of the served trees have the ranks that some scores of other trees have.

    Args:
        scores: by the other trees.
        found: what the other trees find of transactions that show the ranks.
        served: what the served ones find of the same transactions.
    """
    ranks = _ranks(len(found))
    # Equal scores have several ranks: all of them lead to the first.
    theirs, first = np.unique(np.quantile(found, ranks), return_index=True)
    beyond = np.minimum(scores - theirs[0], 0) + np.maximum(scores - theirs[-1], 0)
    return np.interp(scores, theirs, np.quantile(served, ranks)[first]) + beyond


def _ranks(number: int) -> NDArray[np.float64]:
    """Return shares that lie closer to each other near both ends, where frauds are: the last ten stay together."""
    ends = 0.5 ** np.arange(1, math.log2(number / _KEPT_TOGETHER) + 0.5, 0.5)
    return np.concatenate([ends[::-1], 1 - ends[1:]])
