"""The one definition of every feature's value: analyzer, replay, backtest and training all compute them here.

Windows run on event time and are half-open: `(t - window, t]`; the transaction itself is left out. Where the ring of
the newest events reaches back over a window, its counts and sums are exact. Where it does not, they come from buckets:
never too small, except for what comes days late and for figures that are full, and at most what a window longer by one
bucket would hold (a day; for windows of merchants, terminals, devices and addresses up to 24 hours one hour). Windows
of a customer or card under a day have no buckets: a count stays at what the ring holds. Distinct numbers, and a
customer's deposits and transfers, speak of the ring alone.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType
from typing import Final, NamedTuple

from fraudstream.contract import EntityKind
from fraudstream.detection.features import card, counterparty, customer, refund, shared_entities, travel
from fraudstream.detection.profiles.view import FeatureValues, ProfileView
from fraudstream.durations import DAY, SECOND
from fraudstream.transactions.transaction import Transaction
from fraudstream.transactions.values.money import EXPONENTS

_MOST_ZEROS: Final = 9

_OF_KIND: Mapping[EntityKind, Callable[[FeatureValues, ProfileView], None]] = MappingProxyType(
    {
        EntityKind.CUSTOMER: customer.add,
        EntityKind.CARD: card.add,
        EntityKind.MERCHANT: shared_entities.add_merchant,
        EntityKind.TERMINAL: shared_entities.add_terminal,
        EntityKind.DEVICE: shared_entities.add_device,
        EntityKind.IP: shared_entities.add_address,
        EntityKind.COUNTERPARTY: counterparty.add,
    }
)


class Calendar(NamedTuple):
    """What features need to know of the place where they are computed."""

    time_zone: tzinfo = UTC
    """What hours and days of the week refer to."""
    label_delay_days: int = 7
    """Days after which most labels are known: shares of fraud speak of transactions that are older."""


def time_zone(name: str) -> tzinfo:
    """Return a time zone by its IANA name."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415  (most need no other, and start without it)

    return ZoneInfo(name)


def compute(
    transaction: Transaction, views: Mapping[EntityKind, ProfileView], amount: float | None, calendar: Calendar
) -> FeatureValues:
    """Compute a transaction's features, not yet rounded.

    Args:
        transaction: the transaction to judge.
        views: what the profiles of its entities know.
        amount: its amount in the base currency; None without an exchange rate.
        calendar: time zone and delay of labels.

    Returns:
        Values by feature name; a name that is not there is missing.
    """
    local = datetime.fromtimestamp(transaction.timestamp / SECOND, calendar.time_zone)
    values: FeatureValues = {
        "amountBase": amount,
        "amountTrailingZeros": _trailing_zeros(transaction),
        "localHour": local.hour,
        "localWeekday": local.weekday(),
        "arrivalDelaySeconds": max(transaction.received_at - transaction.timestamp, 0) / SECOND,
    }
    if transaction.account_opened_at is not None:
        values["accountAgeDays"] = max(transaction.timestamp - transaction.account_opened_at, 0) / DAY
    for kind, view in views.items():
        _OF_KIND[kind](values, view)
    counterparty.add_payee(values, views)
    travel.add(values, transaction, views)
    refund.add(values, transaction, views)
    return values


def _trailing_zeros(transaction: Transaction) -> int:
    major, fraction = divmod(transaction.amount_minor, 10 ** EXPONENTS[transaction.currency])
    if fraction or not major:
        return 0
    digits = str(major)
    return min(len(digits) - len(digits.rstrip("0")), _MOST_ZEROS)
