"""The figures of one row of the table: how well scores and decisions tell fraud from the rest."""

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from fraudstream.durations import DAY
from fraudstream_tools.lab.training.fit import MIN_FRAUDS
from fraudstream_tools.lab.training.measuring.metrics import average_precision, recall_at_false_positives

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fraudstream_tools.lab.training.boosting import Flags


def why_unmeasured(frauds: "Flags") -> str | None:
    """Return why nothing can be measured on what is tested; None if it can.

    Args:
        frauds: which of the tested transactions are fraud.
    """
    if frauds.sum() < MIN_FRAUDS:
        return f"fewer than {MIN_FRAUDS} frauds are tested"
    if (~frauds).sum() < MIN_FRAUDS:
        return f"fewer than {MIN_FRAUDS} legitimate transactions are tested"
    return None


class EvaluationRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A row of the table; None is what cannot be measured."""

    name: str
    why: str | None = None
    """Why nothing was measured."""
    average_precision: float | None = None
    recall_at_false_positives: float | None = None
    """At one false positive in 1,000 legitimate transactions."""
    value_at_budget: float | None = None
    """Share of the frauds' value among the transactions that are looked at: so many a day, the highest scores."""
    alerts_a_day: float | None = None
    """Reviews and declines."""
    alert_precision: float | None = None
    alert_recall: float | None = None
    declines_a_day: float | None = None
    false_declines_per_1000: float | None = None
    """Declines of legitimate transactions, for 1,000 legitimate ones."""
    unvalued_frauds: int | None = None
    """Frauds without an exchange rate, which `value_at_budget` leaves out."""


class EvaluatedDays(msgspec.Struct, frozen=True, kw_only=True):
    """What was tested, as columns in the order of receipt."""

    frauds: "Flags"
    amounts: "NDArray[np.float64]"
    """In the base currency; NaN without an exchange rate."""
    times: "NDArray[np.int64]"
    reviews_a_day: int

    def ranking(self, scores: "NDArray[np.float64]") -> dict[str, float | None]:
        """Return the figures of an order of transactions, the most suspicious first."""
        return {
            "average_precision": round(average_precision(scores, self.frauds), 4),
            "recall_at_false_positives": round(recall_at_false_positives(scores, self.frauds)[0], 4),
            "value_at_budget": self._value_at_budget(scores),
            "unvalued_frauds": int(np.isnan(self.amounts[self.frauds]).sum()),
        }

    def decisions(self, alerted: "Flags", declined: "Flags") -> dict[str, float | None]:
        """Return the figures of what was decided."""
        days = max((int(self.times.max()) - int(self.times.min())) / DAY, 1.0)
        frauds_alerted = int((alerted & self.frauds).sum())
        alerts = int(alerted.sum())
        return {
            "alerts_a_day": round(alerts / days, 2),
            "alert_precision": round(frauds_alerted / alerts, 4) if alerts else None,
            "alert_recall": round(frauds_alerted / int(self.frauds.sum()), 4),
            "declines_a_day": round(int(declined.sum()) / days, 2),
            "false_declines_per_1000": round(
                1000 * int((declined & ~self.frauds).sum()) / int((~self.frauds).sum()), 3
            ),
        }

    def _value_at_budget(self, scores: "NDArray[np.float64]") -> float | None:
        of_frauds = np.where(self.frauds, np.nan_to_num(self.amounts), 0.0)
        if not of_frauds.sum():
            return None
        # Days of the test, which may begin at any hour: each has one budget.
        caught, days = 0.0, (self.times - self.times.min()) // DAY
        for day in np.unique(days):
            today = np.flatnonzero(days == day)
            highest = today[np.argsort(-scores[today], kind="stable")[: self.reviews_a_day]]
            caught += float(of_frauds[highest].sum())
        return round(caught / float(of_frauds.sum()), 4)


def row(name: str, tested: EvaluatedDays, scores: "NDArray[np.float64]", **decided: Any) -> EvaluationRow:  # noqa: ANN401  (columns of `EvaluatedDays.decisions`)
    """Build a row from scores, and from what was decided if anything was."""
    figures: dict[str, Any] = tested.ranking(scores) | (tested.decisions(**decided) if decided else {})
    return EvaluationRow(name=name, **figures)
