"""How many frauds that nobody reports a fraud stands for that was found by chance.

What was approved is labelled if somebody reports it, or if it was drawn by chance and looked at. The drawn frauds, each
divided by its probability, tell how many frauds were approved. Those that are reported are labelled one by one, and
each stands for itself. The rest is what nobody tells of, and the drawn frauds share it: one that was drawn with
probability p stands for (1 / p - 1) others, of which the reported ones are taken out again. Which of the drawn frauds
would have been reported nobody knows, so they share it alike.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST_LOOKED_AT: Final = 0.8
"""Share of what was drawn; with fewer labels somebody may have picked, and labels are no sample: own choice."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Approvals that were drawn by chance and are old enough to have a label."""

    drawn: int = 0
    labelled: int = 0
    first: int = 0
    """Time of the first one, epoch milliseconds: before it nothing was drawn."""
    last: int = 0

    @property
    def is_sample(self) -> bool:
        """Whether so many were looked at that their labels tell of all approvals."""
        return 0 < self.drawn * LEAST_LOOKED_AT <= self.labelled

    def spans(self, timestamps: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return what happened while approvals were drawn."""
        return (timestamps >= self.first) & (timestamps <= self.last)


@dataclass(frozen=True, kw_only=True)
class Explored:
    """What was drawn, and what it tells."""

    drawing: Drawing
    frauds: int
    """Number of frauds among the drawn."""
    reported: float | None
    """Share of approved frauds that were not drawn and that somebody reports; None where the drawn ones do not say."""


def looked_at(probabilities: NDArray[np.float64], drawing: Drawing) -> NDArray[np.float64]:
    """Return with which probability approvals were drawn and labelled.

    Args:
        probabilities: with which each was drawn.
        drawing: what was drawn in all, at least one of them labelled.
    """
    return np.minimum(probabilities * drawing.labelled / drawing.drawn, 1.0)


def unseen_frauds(
    probabilities: NDArray[np.float64], reported: NDArray[np.float64], drawing: Drawing
) -> tuple[NDArray[np.float64], Explored]:
    """Return for how many frauds each one stands that nobody reports, beside itself; 0 for those that were not drawn.

    Args:
        probabilities: of known frauds, with which each was drawn; NaN for those that were not.
        reported: of the same, for how many reported ones of approvals each stands, since labels come late; 0 for
            those that were drawn, and for what was not approved. Only those count that happened while approvals were
            drawn.
        drawing: what was drawn in all.
    """
    is_drawn = ~np.isnan(probabilities)
    frauds = int(is_drawn.sum())
    if not frauds or not drawing.is_sample:
        return np.zeros(len(probabilities)), Explored(drawing=drawing, frauds=frauds, reported=None)
    others = np.where(is_drawn, 1 / looked_at(probabilities, drawing) - 1, 0.0)
    expected = float(others.sum())
    share = min(float(reported.sum()) / expected, 1.0) if expected else 1.0
    return others * (1 - share), Explored(drawing=drawing, frauds=frauds, reported=share)
