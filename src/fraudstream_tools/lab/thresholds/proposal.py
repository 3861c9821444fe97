"""Thresholds of probabilities for as many reviews a day as somebody can do, from what a decision log holds.

Everything is expected by the probabilities themselves, which needs no label: as far as they are right, so is this. What
is labelled by now stands beside it. What issuers declined is looked at like the rest, so it takes its part of the
reviews; it loses no money, so it is left out of expected frauds and of precision.
"""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import msgspec

from fraudstream.detection.rules.language.sql import literal
from fraudstream.detection.rules.rule import Mode
from fraudstream.detection.rules.ruleset import Ruleset
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
    """With a probability."""
    other_reviews_a_day: float
    """Reviews of decisions without a probability: they take their part of the budget."""
    forced_reviews_a_day: float
    """Reviews that rules ask for below the threshold of reviews: they take their part of the budget too."""
    reviews_a_day: float
    """By the probability."""
    declines_a_day: float
    curve: Sequence[CurvePoint]
    """From the highest threshold down."""

    @property
    def unavoidable_reviews_a_day(self) -> float:
        """Reviews whatever the threshold of reviews is: rules ask for them, or there is no probability."""
        return round(self.forced_reviews_a_day + self.other_reviews_a_day, 2)


class _Level(NamedTuple):
    """The decisions of one probability."""

    probability: float
    all: int
    forced: int
    """Reviews that rules ask for whatever the probability is."""
    open: int
    """Not declined by the issuer."""
    amount: float
    """Amount of those that are open, in the base currency."""
    fraud: int
    """Number of those that are not declined by the issuer, and labelled as fraud by now."""


def forcing_rules(ruleset: Ruleset) -> list[str]:
    """Return the ids of the live rules whose hits are reviewed at least, by a floor or as they decide."""
    return [
        rule.id
        for rule in ruleset.rules
        if rule.mode is Mode.LIVE
        and (rule.decision is Verdict.REVIEW or ruleset.counting.floor([rule]) >= ruleset.thresholds.review)
    ]


def propose(
    log: DecisionLog, *, review_budget: float, decline_precision: float, forcing: Collection[str]
) -> ThresholdProposal:
    """Propose thresholds for reviews and declines, by the probabilities of the log's newest decisions.

    Args:
        log: with labels or without.
        review_budget: how many transactions a day can be looked at.
        decline_precision: the share of fraud that declined transactions must have, as expected.
        forcing: ids of the rules whose hits are reviewed whatever their probability is: see `forcing_rules`.

    Raises:
        NoProbabilityError: no decision of the newest weeks has a probability.
        DecisionLogError: the log cannot be read.
    """
    rows = log.decided_rows()
    ((first, last),) = log.ask(f"SELECT min(timestamp), max(timestamp) FROM {rows}")
    if last is None:
        raise NoProbabilityError("there is no decision in the decision log")
    since = max(first, last - DAYS * DAY)
    days = max((last - since) / DAY, 1.0)
    levels = _levels(log, rows, since, forcing)
    if not levels:
        raise NoProbabilityError(
            f"no decision of the log's newest {DAYS} days has a probability: they come with a live model that "
            "`fraudstream train` could measure"
        )
    ((others,),) = log.ask(
        f"SELECT count(*) FROM {rows} WHERE timestamp >= {since} AND probability IS NULL "
        f"AND decision = '{Verdict.REVIEW}'"
    )
    curve = _curve(levels, days)
    decline = next((point.threshold for point in reversed(curve) if point.precision >= decline_precision), NEVER)
    declined = max((point.a_day for point in curve if point.threshold >= decline), default=0.0)
    left = max(review_budget - others / days, 0.0)
    fits = [
        point
        for point in curve
        # Above the threshold of declines nothing is left to review, so that no such point fills the budget.
        if point.threshold <= decline and point.a_day - declined + _forced_below(levels, point.threshold) / days <= left
    ]
    review = min([decline, *(point.threshold for point in fits)])
    return ThresholdProposal(
        review=review,
        decline=decline,
        days=round(days, 2),
        decisions=sum(level.all for level in levels),
        other_reviews_a_day=round(others / days, 2),
        forced_reviews_a_day=round(_forced_below(levels, review) / days, 2),
        reviews_a_day=round(max((point.a_day for point in fits), default=declined) - declined, 2),
        declines_a_day=round(declined, 2),
        curve=_thinned(curve),
    )


def _levels(log: DecisionLog, rows: str, since: int, forcing: Collection[str]) -> list[_Level]:
    """Return the decisions since a time by their probabilities, from the highest down."""
    is_open = f"NOT ({DECLINED_BY_ISSUER})"
    known = f"count(*) FILTER ({is_open} AND label = '{Truth.FRAUD}')" if log.is_labelled else "0"
    asking = ", ".join(literal(rule) for rule in sorted(forcing))
    is_forced = f"decision = '{Verdict.REVIEW}' AND list_has_any(sources, [{asking}])" if forcing else "false"
    levels = log.ask(
        f"SELECT probability, count(*), count(*) FILTER ({is_forced}), count(*) FILTER ({is_open}), "
        f"coalesce(sum(amountBase) FILTER ({is_open}), 0), {known} FROM {rows} "
        f"WHERE timestamp >= {since} AND probability IS NOT NULL GROUP BY 1 ORDER BY 1 DESC"
    )
    return [
        _Level(float(probability), int(number), int(forced), int(still), float(amount), int(fraud))
        for probability, number, forced, still, amount, fraud in levels
    ]


def _forced_below(levels: Sequence[_Level], threshold: float) -> int:
    return sum(level.forced for level in levels if level.probability < threshold)


def _curve(levels: Sequence[_Level], days: float) -> list[CurvePoint]:
    """Return a point for each probability, from the highest down."""
    frauds = sum(level.probability * level.open for level in levels) or 1.0
    value = sum(level.probability * level.amount for level in levels) or 1.0
    many, still, expected, lost, labelled = 0, 0, 0.0, 0.0, 0
    curve: list[CurvePoint] = []
    for level in levels:
        many += level.all
        still += level.open
        expected += level.probability * level.open
        lost += level.probability * level.amount
        labelled += level.fraud
        curve.append(
            CurvePoint(
                threshold=level.probability,
                a_day=many / days,
                precision=expected / still if still else 0.0,
                frauds=expected / frauds,
                value=lost / value,
                labelled_fraud=labelled,
            )
        )
    return curve


def _thinned(curve: Sequence[CurvePoint]) -> list[CurvePoint]:
    step = max(len(curve) // _CURVE, 1)
    return [point for position, point in enumerate(curve) if position % step == 0 or position == len(curve) - 1]
