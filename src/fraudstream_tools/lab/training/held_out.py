"""How trees like those that are served score the newest weeks, which they have not seen.

The served trees have learnt from all transactions, so that their scores of these tell nothing. Trees that were trained
before the newest weeks tell nothing either of what the served ones mean: they knew fewer frauds, since labels come
late, and the fewer frauds trees know, the nearer their scores are to each other. What puts their scores right made
633 expected frauds of 178 when it was taken for the served ones'. So the newest weeks are cut into parts, and each is
scored by trees that learnt from everything else.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream.durations import DAY
from fraudstream_tools.lab.training.boosting import Booster, Flags, Matrix, Parameters, Weights

DAYS = 28
"""The newest, at most half of the time there is: older ones tell less of what comes. Own choice."""
PARTS = 4
"""Each leaves a quarter of the weeks out. Own choice."""


class HeldOut(NamedTuple):
    """Scores of transactions by trees that have not seen them."""

    rows: Flags
    """Which of all transactions were scored."""
    raw: NDArray[np.float64]
    """Of those, in their order: the trees' log-odds."""


def held_out(
    vectors: Matrix,
    labels: Flags,
    timestamps: NDArray[np.int64],
    parameters: Parameters,
    stands_for: Weights = None,
    *,
    without: Flags | None = None,
    least_frauds: int,
) -> HeldOut | None:
    """Score the newest weeks; None if trees could learn too little without some of them.

    Args:
        vectors: a row for each transaction, and a column for each feature that is used.
        labels: which of them are known to be fraud.
        timestamps: epoch milliseconds.
        parameters: how trees are grown.
        stands_for: for how many transactions each one stands.
        without: those that are not scored, though learnt from.
        least_frauds: with fewer, nothing is learnt.
    """
    first, last = int(timestamps.min()), int(timestamps.max())
    since = max(last - DAYS * DAY, first + (last - first) // 2)
    rows = timestamps > since
    ends = np.linspace(since, last, PARTS + 1)
    scores = np.zeros(len(timestamps))
    for begin, end in pairwise(ends.tolist()):
        part = (timestamps > begin) & (timestamps <= end)
        others = ~part
        if int(labels[others].sum()) < least_frauds:
            return None
        if part.any():
            weights = None if stands_for is None else stands_for[others]
            scores[part] = Booster(vectors[others], labels[others], parameters, weights).raw(vectors[part])
    if without is not None:
        rows &= ~without
    return HeldOut(rows, scores[rows])
