"""Thresholds of probabilities for as many reviews a day as somebody can do, from what a decision log holds.

Everything is expected by the probabilities themselves, which needs no label: as far as they are right, so is this. What
is labelled by now stands beside it.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from fraudstream.durations import DAY
from fraudstream.reporting.log.aggregates import DECLINED_BY_ISSUER
from fraudstream.reporting.log.reader.decision_log import DecisionLog
from fraudstream.transactions.decisions.decision import Truth, Verdict

DAYS: Final = 28
"""The newest of the log; own choice: older ones tell less of what comes."""
NEVER: Final = 1.0
"""A threshold that no probability reaches."""
_CURVE: Final = 200
"""Points of the curve, at most."""


class NoProbabilityError(ValueError):
    """The log holds no decision with a probability."""


class CurvePoint(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is at least as likely as a threshold."""

    threshold: float
    a_day: float
    """How many transactions a day."""
    precision: float
    """Share of fraud among them, as expected."""
    frauds: float
    """Share of all expected frauds."""
    value: float
    """Share of the expected frauds' amounts, in the base currency."""
    labelled_fraud: int
    """By now."""


class ThresholdProposal(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is proposed, and why."""

    review: float
    decline: float
    days: float
    decisions: int
    """With a probability, and not declined by the issuer."""
    other_reviews_a_day: float
    """Reviews of decisions without a probability: they take their part of the budget."""
    reviews_a_day: float
    declines_a_day: float
    curve: Sequence[CurvePoint]
    """From the highest threshold down."""


def propose(log: DecisionLog, *, review_budget: float, decline_precision: float) -> ThresholdProposal:
    """Propose thresholds for reviews and declines, by the probabilities of the log's newest decisions.

    Args:
        log: with labels or without.
        review_budget: how many transactions a day can be looked at.
        decline_precision: the share of fraud that declined transactions must have, as expected.

    Raises:
        NoProbabilityError: no decision of the newest weeks has a probability.
        DecisionLogError: the log cannot be read.
    """
    rows = f"(SELECT * FROM {log.decided_rows()} WHERE NOT ({DECLINED_BY_ISSUER})) AS open"
    ((first, last),) = log.ask(f"SELECT min(timestamp), max(timestamp) FROM {rows}")
    if last is None:
        raise NoProbabilityError("there is no decision in the decision log")
    since = max(first, last - DAYS * DAY)
    days = max((last - since) / DAY, 1.0)
    known = f"count(*) FILTER (label = '{Truth.FRAUD}')" if log.is_labelled else "0"
    found = list(
        log.ask(
            f"SELECT probability, count(*), coalesce(sum(amountBase), 0), {known} FROM {rows} "
            f"WHERE timestamp >= {since} AND probability IS NOT NULL GROUP BY 1 ORDER BY 1 DESC"
        )
    )
    if not found:
        raise NoProbabilityError(
            f"no decision of the log's newest {DAYS} days has a probability: they come with a live model that "
            "`fraudstream train` could measure"
        )
    ((others,),) = log.ask(
        f"SELECT count(*) FROM {rows} WHERE timestamp >= {since} AND probability IS NULL "
        f"AND decision = '{Verdict.REVIEW}'"
    )
    curve = _curve([(float(p), int(n), float(amount), int(fraud)) for p, n, amount, fraud in found], days)
    decline = next((point.threshold for point in reversed(curve) if point.precision >= decline_precision), NEVER)
    declined = max((point.a_day for point in curve if point.threshold >= decline), default=0.0)
    left = max(review_budget - others / days, 0.0)
    fits = [point for point in curve if point.a_day - declined <= left]
    review = min((point.threshold for point in fits), default=decline)
    return ThresholdProposal(
        review=min(review, decline),
        decline=decline,
        days=round(days, 2),
        decisions=sum(int(number) for _, number, _, _ in found),
        other_reviews_a_day=round(others / days, 2),
        reviews_a_day=round(max((point.a_day for point in fits), default=declined) - declined, 2),
        declines_a_day=round(declined, 2),
        curve=_thinned(curve),
    )


def _curve(found: Sequence[tuple[float, int, float, int]], days: float) -> list[CurvePoint]:
    """Return a point for each probability, from the highest down."""
    frauds = sum(probability * number for probability, number, _, _ in found)
    value = sum(probability * amount for probability, _, amount, _ in found) or 1.0
    many, expected, lost, labelled = 0, 0.0, 0.0, 0
    curve: list[CurvePoint] = []
    for probability, number, amount, known in found:
        many += number
        expected += probability * number
        lost += probability * amount
        labelled += known
        curve.append(
            CurvePoint(
                threshold=probability,
                a_day=many / days,
                precision=expected / many,
                frauds=expected / frauds,
                value=lost / value,
                labelled_fraud=labelled,
            )
        )
    return curve


def _thinned(curve: Sequence[CurvePoint]) -> list[CurvePoint]:
    step = max(len(curve) // _CURVE, 1)
    return [point for place, point in enumerate(curve) if place % step == 0 or place == len(curve) - 1]
