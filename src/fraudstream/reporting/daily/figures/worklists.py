"""Transactions that somebody should look at: frauds that were missed, and alerts that nobody has closed."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from fraudstream.reporting.daily.figures.base_currency import base_value
from fraudstream.reporting.daily.queries import DayQueries
from fraudstream.reporting.daily.schema.findings import CostlyAlert, MissedFraud, OpenAlert
from fraudstream.reporting.log.aggregates import STOPPED
from fraudstream.transactions.decisions.expected_loss import expected_loss, likelihood

if TYPE_CHECKING:
    from fraudstream.detection.rules.rates import Rates

MISSED: Final = 10
OPEN_ALERTS: Final = 10
COSTLIEST: Final = 10

# Which of two currencies' amounts is the greater one, only exchange rates tell.
_MISSED = f"""
    SELECT transactionId, receivedAt, score, currency, amountMinor, labelSource FROM (
        SELECT *, row_number() OVER (PARTITION BY currency ORDER BY amountMinor DESC, transactionId) AS place
        FROM labelled WHERE label = 'FRAUD' AND NOT ({STOPPED})
    ) WHERE place <= {MISSED}
"""
_OPEN = f"""
    SELECT key, min(largest) AS received, decision, other, currency, max(amountMinor)
    FROM tallies WHERE dimension = 'flagged' AND key NOT IN (SELECT transactionId FROM labelled)
    GROUP BY ALL ORDER BY received, key LIMIT {OPEN_ALERTS}
"""
# Of one currency, the order is that of `expected_loss`, or of `likelihood` without a rate; a busy day has too many
# alerts to compare each one outside.
_COSTLIEST = f"""
    SELECT key, received, decision, score::INTEGER, currency, value, probability FROM (
        SELECT *,
            row_number() OVER (PARTITION BY currency ORDER BY likelihood * sqrt(value) DESC, received, key) AS by_loss,
            row_number() OVER (PARTITION BY currency ORDER BY likelihood DESC, received, key) AS by_likelihood
        FROM (SELECT *, coalesce(probability::DOUBLE, score::DOUBLE / 100) AS likelihood FROM (
            SELECT key, min(largest) AS received, decision, currency, max(amountMinor) AS value,
                max(other) FILTER (dimension = 'flagged') AS score,
                max(other) FILTER (dimension = 'flaggedProbability') AS probability
            FROM tallies WHERE dimension IN ('flagged', 'flaggedProbability')
                AND key NOT IN (SELECT transactionId FROM labelled)
            GROUP BY key, decision, currency
        ))
    ) WHERE least(by_loss, by_likelihood) <= {COSTLIEST}
"""


def largest_missed(queries: DayQueries, rates: "Rates | None", at: int) -> tuple[MissedFraud, ...]:
    """Return the missed frauds of the greatest value; those without an exchange rate come last.

    Args:
        queries: queries of the day's tables.
        rates: exchange rates to the base currency, if any are known.
        at: whose rates to use, epoch milliseconds.
    """
    missed = [
        MissedFraud(
            transaction_id=transaction_id,
            received_at=received_at,
            score=score,
            currency=currency,
            value=value,
            base_value=base_value(rates, value, currency, at),
            label_source=source,
        )
        for transaction_id, received_at, score, currency, value, source in queries.rows(_MISSED)
    ]
    missed.sort(
        key=lambda each: (
            each.base_value is None,
            -(each.base_value or 0),
            each.currency,
            -each.value,
            each.transaction_id,
        )
    )
    return tuple(missed[:MISSED])


def oldest_open(queries: DayQueries) -> tuple[OpenAlert, ...]:
    """Return the flagged transactions that have waited longest for a label.

    Tallies of versions before there was the dimension `flagged` tell of none.
    """
    return tuple(
        OpenAlert(
            transaction_id=transaction_id,
            received_at=received_at,
            decision=decision,
            score=int(score),
            currency=currency,
            value=value,
        )
        for transaction_id, received_at, decision, score, currency, value in queries.rows(_OPEN)
    )


def costliest_open(queries: DayQueries, rates: "Rates | None", at: int) -> tuple[CostlyAlert, ...]:
    """Return the flagged transactions without a label of the highest expected loss, by what their decisions say.

    Args:
        queries: queries of the day's tables.
        rates: exchange rates to the base currency, if any are known.
        at: whose rates to use, epoch milliseconds.
    """
    alerts: list[CostlyAlert] = []
    for transaction_id, received_at, decision, score, currency, value, stored_probability in queries.rows(_COSTLIEST):
        probability = None if stored_probability is None else float(stored_probability)
        amount = rates.to_base(value, currency, at) if rates else None
        alerts.append(
            CostlyAlert(
                transaction_id=transaction_id,
                received_at=received_at,
                decision=decision,
                score=score,
                currency=currency,
                value=value,
                probability=probability,
                expected_loss=round(expected_loss(probability, score, amount), 2),
            )
        )
    return costliest_first(alerts)


def costliest_first(alerts: Iterable[CostlyAlert]) -> tuple[CostlyAlert, ...]:
    """Return the alerts of the highest expected loss; where no amounts can be compared, what is most likely fraud."""
    return tuple(
        sorted(
            alerts,
            key=lambda each: (
                -each.expected_loss,
                -likelihood(each.probability, each.score),
                each.received_at,
                each.transaction_id,
            ),
        )[:COSTLIEST]
    )
