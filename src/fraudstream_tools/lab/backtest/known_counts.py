"""Transactions by what is known of them, and what the known frauds among them stand for."""

from collections import Counter
from functools import cached_property
from math import ceil, floor

from fraudstream.statistics import wilson_interval
from fraudstream_tools.lab.backtest.estimates import FraudWeights, WeightedSum, estimated_share, total_interval
from fraudstream_tools.lab.backtest.intervals import Share, share_of
from fraudstream_tools.lab.backtest.run import Known, Standing, Sum


class KnownCounts:
    """Transactions by what is known of them."""

    def __init__(self, weights: FraudWeights) -> None:
        """Begin with nothing.

        Args:
            weights: for how many frauds a known one stands.
        """
        self.weights = weights
        self.number = dict.fromkeys(Standing, 0)
        self.unvalued = dict.fromkeys(Standing, 0)
        self.frauds_by: Counter[int] = Counter()
        """By the probability with which they were drawn; 0 of those that were not."""
        self.unseen = 0
        """Number of those without a label that were approved: frauds that nobody reports are among them."""
        self._fraud_amount = 0

    def add(self, known: Known, each: Sum) -> None:
        """Add some of which the same is known."""
        standing, propensity, is_unseen = known
        self.number[standing] += each.number
        self.unvalued[standing] += each.unvalued
        if is_unseen:
            self.unseen += each.number
        if standing is Standing.FRAUD:
            self.frauds_by[propensity] += each.number
            self._fraud_amount += each.amount

    @property
    def all(self) -> int:
        """How many there are."""
        return sum(self.number.values())

    @property
    def known(self) -> int:
        """How many there are of which it is known whether they are fraud."""
        return self.all - self.number[Standing.UNKNOWN]

    @property
    def frauds(self) -> int:
        """How many are known to be fraud."""
        return self.number[Standing.FRAUD]

    @property
    def expected_frauds(self) -> int:
        """How many frauds the known ones stand for."""
        return round(self.weighted.total)

    @property
    def fraud_amount(self) -> float:
        """Amount of the known frauds, in the base currency: a single large one would decide what all stand for."""
        return self._fraud_amount / 100

    @cached_property
    def weighted(self) -> WeightedSum:
        """The frauds, each for as many as it stands for; once all are added."""
        return self.weights.frauds(self.frauds_by, unseen=self.unseen)

    @property
    def precision(self) -> Share | None:
        """The share of fraud among what is known; None where nothing is.

        Where nobody may have looked at some, Wilson's interval is taken at both ends of what drawn frauds stand for.
        """
        if not self.unseen or not self.weights.is_weighed:
            return share_of(self.frauds, self.known)
        alone = self.frauds_by[0]
        low, high = total_interval(self.weights.frauds(self.frauds_by - Counter({0: alone}), unseen=self.unseen))
        fewest, most = alone + max(floor(low), self.frauds - alone), min(alone + ceil(high), self.frauds + self.unseen)
        ends = wilson_interval(fewest, self.known)[0], wilson_interval(most, self.known)[1]
        return Share(self.weighted.total / self.known, *ends, self.known)

    def recall(self, everything: "KnownCounts") -> Share | None:
        """Return the share of all frauds that are among these; None where none is known.

        Args:
            everything: these and all others.
        """
        if not everything.frauds or not self.weights.is_weighed:
            return share_of(self.frauds, everything.frauds)
        return estimated_share(self.weighted, everything.without(self), everything.frauds)

    def without(self, part: "KnownCounts") -> WeightedSum:
        """Return for how many frauds those stand that are not in a part of these."""
        others = self.frauds_by - part.frauds_by
        return self.weights.frauds(others, unseen=self.unseen - part.unseen)
