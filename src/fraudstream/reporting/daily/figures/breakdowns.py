"""Where, by whom and when things happened on a day."""

import math
from typing import Final

from fraudstream.reporting.daily.figures.rules import ONLY_RULES
from fraudstream.reporting.daily.queries import COUNTS, DayQueries, counts, named
from fraudstream.reporting.daily.schema.findings import (
    Burst,
    CutFigures,
    EntityFigures,
    FraudFigures,
    PaymentFigures,
)
from fraudstream.reporting.log.aggregates import DECLINED_BY_ISSUER, ENTITIES, PAYMENT_KIND, STOPPED

CUT_ROWS: Final = 50
"""Rows of each cut, at most."""
TOP_ENTITIES: Final = 20
"""Entities of each kind that the report names."""
BURSTS: Final = 20
BURST_MINUTES: Final = 10
"""The day is looked at in steps of that."""
BURST_LEAST: Final = 5
"""Transactions of a burst's step, at least."""
BURST_DEVIATIONS: Final = 5.0
"""A step is part of a burst if it has so many standard deviations more than the day's mean, were hits independent of
each other (Poisson)."""

_TOP_ENTITIES = f"""
    SELECT key, coalesce(sum(transactions) FILTER (decision = 'REVIEW'), 0) AS reviewed,
        coalesce(sum(transactions) FILTER (decision = 'DECLINE'), 0) AS declined
    FROM tallies WHERE dimension = $kind GROUP BY key
    ORDER BY reviewed + declined DESC, declined DESC, key LIMIT {TOP_ENTITIES}
"""
_MINUTES = f"""
    SELECT key, left(other, 2)::INTEGER * 60 + right(other, 2)::INTEGER AS minute, sum(transactions)
    FROM tallies WHERE dimension = 'ruleMinute' AND {ONLY_RULES} GROUP BY ALL ORDER BY ALL
"""
_CUT = f"""
    SELECT key, coalesce(other, ''), {COUNTS} FROM tallies
    WHERE dimension = $dimension AND coalesce($currency, currency) = currency GROUP BY ALL
"""
_PAYMENTS = """
    SELECT key, currency, coalesce(sum(transactions) FILTER (NOT starts_with(other, 'declined')), 0),
        coalesce(sum(amountMinor) FILTER (NOT starts_with(other, 'declined')), 0),
        coalesce(sum(transactions) FILTER (ends_with(other, 'Enumerated')), 0)
    FROM tallies WHERE dimension = 'payment' GROUP BY ALL ORDER BY key, 3 DESC, currency
"""
_PAYMENT_TRUTHS = f"""
    SELECT {PAYMENT_KIND} AS kind, currency, count(*), count(*) FILTER (label = 'FRAUD'),
        coalesce(sum(amountMinor) FILTER (label = 'FRAUD'), 0), count(*) FILTER (labelSource = 'chargeback')
    FROM labelled WHERE kind IS NOT NULL AND NOT ({DECLINED_BY_ISSUER}) GROUP BY ALL
"""


_FRAUDS = f"""
    SELECT coalesce(fraudType, ''), coalesce(actionTaken, ''), currency, count(*), count(*) FILTER ({STOPPED}),
        sum(amountMinor), coalesce(sum(amountMinor) FILTER ({STOPPED}), 0)
    FROM labelled WHERE label = 'FRAUD' GROUP BY ALL ORDER BY 6 DESC, 1, 2, 3
"""


def frauds(queries: DayQueries) -> tuple[FraudFigures, ...]:
    """Return what is known of a day's frauds; nothing where nobody named a kind, or told what was done."""
    figures = tuple(FraudFigures(**named(FraudFigures, row)) for row in queries.rows(_FRAUDS))
    return figures if any(each.kind or each.action for each in figures) else ()


def cuts(queries: DayQueries, currency: str | None) -> tuple[CutFigures, ...]:
    """Return the cuts of a day.

    Args:
        queries: queries of the day's tables.
        currency: that of the amount bands: the most frequent one.
    """
    return tuple(
        row
        for dimension in ("channel", "corridor", "merchantCategoryCode", "amountBand")
        for row in _cut(queries, dimension, currency if dimension == "amountBand" else None)
    )


def _cut(queries: DayQueries, dimension: str, currency: str | None) -> list[CutFigures]:
    known = queries.known(dimension, currency)
    rows: list[CutFigures] = []
    for key, other, *decision_counts in queries.rows(_CUT, {"dimension": dimension, "currency": currency}):
        fraud, legitimate = known.get((key, other), (0, 0))
        rows.append(
            CutFigures(
                dimension=dimension,
                key=key,
                other=currency or other,
                decisions=counts(tuple(decision_counts)),
                labelled=fraud + legitimate,
                fraud=fraud,
            )
        )
    if dimension == "amountBand":
        return sorted(rows, key=lambda row: int(row.key))
    rows.sort(key=lambda row: (-row.decisions.stopped, -row.decisions.total, row.key, row.other))
    return rows[:CUT_ROWS]


def top_entities(queries: DayQueries) -> tuple[EntityFigures, ...]:
    """Return the entities of each kind with the most reviewed or declined transactions."""
    return tuple(
        EntityFigures(kind=kind, token=token, reviewed=reviewed, declined=declined)
        for kind in ENTITIES
        for token, reviewed, declined in queries.rows(_TOP_ENTITIES, {"kind": kind})
    )


def bursts(queries: DayQueries) -> tuple[Burst, ...]:
    """Return the largest bursts of a day, in the order in which they began."""
    minutes: dict[str, list[int]] = {}
    for source, minute, count in queries.rows(_MINUTES):
        minutes.setdefault(source, [0] * (1440 // BURST_MINUTES))[minute // BURST_MINUTES] += count
    all_bursts = [burst for source, steps in minutes.items() for burst in _bursts_of(source, steps)]
    largest = sorted(all_bursts, key=lambda burst: (-burst.transactions, burst.start, burst.source))[:BURSTS]
    return tuple(sorted(largest, key=lambda burst: (burst.start, burst.source)))


def _bursts_of(source: str, steps: list[int]) -> list[Burst]:
    mean = sum(steps) / len(steps)
    least = max(BURST_LEAST, mean + BURST_DEVIATIONS * math.sqrt(mean))
    bursts_so_far: list[Burst] = []
    for step, count in enumerate(steps):
        if count < least:
            continue
        start = step * BURST_MINUTES
        if bursts_so_far and bursts_so_far[-1].end == start:
            before = bursts_so_far.pop()
            start, count = before.start, count + before.transactions  # noqa: PLW2901  (a burst that goes on)
        bursts_so_far.append(Burst(source=source, start=start, end=(step + 1) * BURST_MINUTES, transactions=count))
    return bursts_so_far


def payments(queries: DayQueries) -> tuple[PaymentFigures, ...]:
    """Return the payments that the meters of the payment industry count."""
    known = {(kind, currency): truths for kind, currency, *truths in queries.rows(_PAYMENT_TRUTHS)}
    figures: list[PaymentFigures] = []
    for kind, currency, count, value, enumerated in queries.rows(_PAYMENTS):
        labelled, fraud, fraud_value, chargebacks = known.get((kind, currency), (0, 0, 0, 0))
        figures.append(
            PaymentFigures(
                kind=kind,
                currency=currency,
                count=count,
                value=value,
                enumerated=enumerated,
                labelled=labelled,
                fraud=fraud,
                fraud_value=fraud_value,
                chargebacks=chargebacks,
            )
        )
    return tuple(figures)
