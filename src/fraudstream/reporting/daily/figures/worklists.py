"""Transactions that somebody should look at: frauds that were missed, and alerts that nobody has closed."""

from typing import TYPE_CHECKING, Final

from fraudstream.reporting.daily.figures.base_currency import base_value
from fraudstream.reporting.daily.queries import STOPPED, DayQueries
from fraudstream.reporting.daily.schema.findings import MissedFraud, OpenAlert

if TYPE_CHECKING:
    from fraudstream.detection.rules.rates import Rates

MISSED: Final = 10
OPEN_ALERTS: Final = 10

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


def largest_missed(queries: DayQueries, rates: "Rates | None", at: int) -> tuple[MissedFraud, ...]:
    """Return the missed frauds of the greatest value; those without an exchange rate come last.

    Args:
        queries: queries of the day's tables.
        rates: exchange rates to the base currency, if any are known.
        at: whose rates to use, epoch milliseconds.
    """
    found = [
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
    found.sort(
        key=lambda each: (
            each.base_value is None,
            -(each.base_value or 0),
            each.currency,
            -each.value,
            each.transaction_id,
        )
    )
    return tuple(found[:MISSED])


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
