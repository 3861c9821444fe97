"""For how many frauds the known ones of a backtest stand, and how sure that is.

Where approvals were drawn by chance, each drawn fraud stands for some that nobody reports
(`fraudstream_tools.lab.training.samples.explored`). So few are drawn that chance decides how many: a weighted sum of
counts is taken for a gamma distribution with its mean and variance, where the upper end has one more of the greatest
weight (M. Fay and E. Feuer, Confidence intervals for directly standardized rates, Statistics in Medicine, 1997). The
share of one such sum in two follows from a beta distribution; where all weights are 1, it is the interval of Clopper
and Pearson.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, cast

import msgspec
import numpy as np
from scipy import special

from fraudstream_tools.lab.backtest.intervals import Share
from fraudstream_tools.lab.backtest.run import PROPENSITY_UNIT, BacktestTally, Standing
from fraudstream_tools.lab.training.samples.explored import looked_at, unseen_frauds

_LOW: Final = 0.025
_HIGH: Final = 0.975


class WeightedSum(NamedTuple):
    """Frauds, or others, that stand for more than themselves."""

    total: float
    squares: float
    """Sum of the squared weights: the variance of the total."""
    most: float
    """Weight that one more could have."""

    @property
    def with_one_more(self) -> "WeightedSum":
        """The sum with one more of the greatest weight."""
        return self._replace(total=self.total + self.most, squares=self.squares + self.most**2)


class UnseenEstimate(msgspec.Struct, frozen=True):
    """Frauds that nobody reported, as the drawn ones tell, with the 95 % interval."""

    value: float
    low: float
    high: float


class ExploredFigures(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Approvals that were put into the review queue by chance, and are old enough for their label."""

    drawn: int
    labelled: int
    frauds: int
    """Of the labelled ones."""
    first: int
    """Epoch milliseconds of the first drawn one: before it, nothing tells of frauds that nobody reported."""
    last: int
    unseen: UnseenEstimate | None
    """None where too few are labelled to be a sample: then each counts as any other."""


@dataclass(frozen=True, kw_only=True)
class FraudWeights:
    """For how many frauds one stands, by the probability with which it was drawn; 0 if it was not."""

    stands_for: Mapping[int, float] = field(default_factory=dict[int, float])
    drawn_from: Mapping[int, float] = field(default_factory=dict[int, float])
    """From how many it was drawn: those too that are reported, since chance decides on all of them."""
    explored: ExploredFigures | None = None

    @property
    def is_weighed(self) -> bool:
        """Whether drawn frauds stand for others."""
        return bool(self.drawn_from)

    def total(self, of: Mapping[int, int]) -> float:
        """Return for how many frauds known ones stand, given their numbers by the probability."""
        # In one order, since sums of floats depend on it.
        return sum(number * self.stands_for.get(propensity, 1.0) for propensity, number in sorted(of.items()))

    def frauds(self, known: Mapping[int, int], *, unseen: int) -> WeightedSum:
        """Return for how many frauds known ones stand.

        Args:
            known: their numbers by the probability.
            unseen: how many others there are that nobody may have looked at: no more can be fraud.
        """
        squares = sum(number * self.drawn_from.get(each, 1.0) ** 2 for each, number in sorted(known.items()))
        most = min(max(self.drawn_from.values(), default=1.0), unseen)
        return WeightedSum(min(self.total(known), sum(known.values()) + unseen), squares, max(most, 1.0))


def weights_of(tally: BacktestTally) -> FraudWeights:
    """Return what drawn frauds stand for; each for itself where too few of the drawn have a label to be a sample."""
    if (exploration := tally.exploration) is None:
        return FraudWeights()
    drawn: Counter[int] = Counter()
    for (known, _), each in tally.sums.items():
        if known.propensity:
            drawn[known.propensity] += each.number if known.standing is Standing.FRAUD else 0
    propensities, drawing = sorted(drawn), exploration.drawing
    frauds = np.repeat(propensities, [drawn[each] for each in propensities]) / PROPENSITY_UNIT
    # All that was reported stands in one place, which was not drawn.
    reported = np.append(np.zeros(len(frauds)), exploration.reported)
    unseen, _ = unseen_frauds(np.append(frauds, np.nan), reported, drawing)
    told = ExploredFigures(
        drawn=drawing.drawn,
        labelled=drawing.labelled,
        frauds=len(frauds),
        first=drawing.first,
        last=drawing.last,
        unseen=None,
    )
    if not drawing.is_sample or not propensities:
        return FraudWeights(explored=told)
    chances: list[float] = looked_at(np.array(propensities) / PROPENSITY_UNIT, drawing).tolist()
    others = 1 / looked_at(frauds, drawing) - 1
    expected = WeightedSum(float(others.sum()), float((others**2).sum()), 1 / min(chances) - 1)
    low, high = (max(end - exploration.reported, 0.0) for end in total_interval(expected))
    value = float(unseen.sum())
    share = value / expected.total if expected.total else 0.0
    return FraudWeights(
        stands_for={each: 1 + (1 / chance - 1) * share for each, chance in zip(propensities, chances, strict=True)},
        drawn_from={each: 1 / chance for each, chance in zip(propensities, chances, strict=True)},
        explored=msgspec.structs.replace(told, unseen=UnseenEstimate(value, low, high)),
    )


def total_interval(found: WeightedSum) -> tuple[float, float]:
    """Return the 95 % interval of a weighted sum of counts."""
    low = _gamma_quantile(_LOW, found) if found.total else 0.0
    return low, _gamma_quantile(_HIGH, found.with_one_more) if found.most else found.total


def estimated_share(these: WeightedSum, others: WeightedSum, known: int) -> Share:
    """Return the share of these in all, with its 95 % interval.

    Args:
        these: at least one, or others.
        others: what else there is.
        known: labels that it is told by.
    """
    value = these.total / (these.total + others.total)
    low = _share_quantile(_LOW, these, others.with_one_more) if these.total else 0.0
    high = _share_quantile(_HIGH, these.with_one_more, others) if others.total else 1.0
    return Share(value, min(low, value), max(high, value), known)


def _gamma_quantile(quantile: float, found: WeightedSum) -> float:
    shape = found.total**2 / found.squares
    return float(cast("Any", special).gammaincinv(shape, quantile)) * found.squares / found.total


def _share_quantile(quantile: float, these: WeightedSum, others: WeightedSum) -> float:
    shapes = (each.total**2 / each.squares for each in (these, others))
    share = float(cast("Any", special).betaincinv(*shapes, quantile))
    found = share * these.squares / these.total
    return found / (found + (1 - share) * others.squares / others.total)
