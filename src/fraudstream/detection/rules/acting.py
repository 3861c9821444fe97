"""What is done at a probability of fraud: by thresholds of it, or by what mistakes cost.

Both take the place of the thresholds of scores wherever a decision has a probability, and nowhere else.
"""

from typing import Annotated

import msgspec

from fraudstream.transactions.decisions.decision import Verdict

Cost = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]


class ProbabilityThresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Probabilities from which on a transaction is reviewed or declined."""

    review: Annotated[float, msgspec.Meta(gt=0, le=1)]
    decline: Annotated[float, msgspec.Meta(gt=0, le=1)]
    """1: a probability alone never declines."""

    def verdict(self, probability: float, amount: float | None) -> Verdict:  # noqa: ARG002  (as that of costs)
        """Return what is done."""
        if probability >= self.decline:
            return Verdict.DECLINE
        return Verdict.REVIEW if probability >= self.review else Verdict.APPROVE


class Costs(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What each outcome costs, in the base currency. A review is taken to find out what is true."""

    review: Cost
    """Cost of a look at one transaction."""
    honest_decline: Cost
    """Cost of an honest transaction that is declined."""
    fraud: Cost = 0.0
    """Cost of a fraud that is approved, whatever its amount, such as the fee of a chargeback."""
    fraud_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    """Share of its amount that is lost."""

    def verdict(self, probability: float, amount: float | None) -> Verdict | None:
        """Return what costs least; None without an amount in the base currency."""
        if amount is None:
            return None
        approved = probability * (self.fraud + self.fraud_share * amount)
        declined = (1.0 - probability) * self.honest_decline
        if declined < min(approved, self.review):
            return Verdict.DECLINE
        return Verdict.REVIEW if self.review < approved else Verdict.APPROVE


Acting = ProbabilityThresholds | Costs
