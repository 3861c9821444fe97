"""A day's values in the base currency of the ruleset, by its exchange rates."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fraudstream.contract import RATES_FILE
from fraudstream.detection.rules.rates import Rates, load_rates
from fraudstream.detection.rules.ruleset import MAX_BYTES, MAX_VALUES
from fraudstream.detection.rules.strict_yaml import read
from fraudstream.reporting.daily.schema.report import BaseTotal, CurrencyFigures

if TYPE_CHECKING:
    from fraudstream.reporting.storage.object_store import Store


def read_rates(store: "Store", prefix: str) -> Rates | None:
    """Return the exchange rates of the active ruleset, or None if there are none.

    Args:
        store: where the ruleset is stored.
        prefix: what its keys begin with.

    Raises:
        ValueError: the file cannot be used.
    """
    content = store.read(prefix + RATES_FILE)
    if content is None:
        return None
    return load_rates(read(content, most_bytes=MAX_BYTES, most_values=MAX_VALUES).value)


def base_value(rates: Rates | None, value: int, currency: str, at: int) -> int | None:
    """Return a value in minor units of the base currency; None without an exchange rate.

    Args:
        rates: the exchange rates, if any are known.
        value: minor units of the currency.
        currency: ISO 4217 code.
        at: whose rates to use, epoch milliseconds.
    """
    minor_units = rates and rates.to_minor(value, currency, at, rates.base)
    return None if minor_units is None else round(minor_units)


def total_of(currencies: Sequence[CurrencyFigures], rates: Rates | None, at: int) -> BaseTotal | None:
    """Return the values of all currencies together; None without exchange rates.

    Args:
        currencies: the figures of each currency.
        rates: the exchange rates, if any are known.
        at: whose rates to use, epoch milliseconds.
    """
    if rates is None:
        return None
    known = [each for each in currencies if base_value(rates, 0, each.currency, at) is not None]

    def together(value: str) -> int:
        return sum(base_value(rates, getattr(each, value), each.currency, at) or 0 for each in known)

    caught = together("caught_value")
    return BaseTotal(
        currency=rates.base,
        value=together("value"),
        flagged_value=together("review_value") + together("decline_value"),
        caught_value=caught,
        missed_value=together("fraud_value") - caught,
        open_value=together("open_value"),
        without_rate=tuple(each.currency for each in currencies if each not in known),
    )
