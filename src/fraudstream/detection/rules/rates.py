"""Exchange rates to the base currency, dated, read from a file beside the ruleset."""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Final

import msgspec

from fraudstream.detection.rules import strict_yaml
from fraudstream.transactions.values.money import EXPONENTS

Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]
PerBase = Annotated[float, msgspec.Meta(ge=1e-9, le=1e9)]


class _Day(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    valid_from: date
    per_base: dict[Currency, PerBase]
    """Units of a currency for one unit of the base currency."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    base_currency: Currency
    rates: Annotated[tuple[_Day, ...], msgspec.Meta(min_length=1)]
    reporting_threshold: Annotated[float, msgspec.Meta(gt=0, le=1e12)] = 10_000
    """Amount in the base currency from which on payments have to be reported: 10,000 US dollars in 31 CFR 1010.311."""


_KEYS: Final = tuple(field.encode_name for kind in (_File, _Day) for field in msgspec.structs.fields(kind))


class Rates:
    """Amounts in the base currency."""

    def __init__(self, base: str, days: Mapping[date, Mapping[str, float]], reporting_threshold: float) -> None:
        """Store the rates.

        Args:
            base: the base currency's code.
            reporting_threshold: amount in the base currency from which on payments have to be reported.
            days: by first day of validity, the units of each currency for one of the base currency.

        Raises:
            ValueError: a currency that ISO 4217 does not know.
        """
        codes = {base}.union(*days.values())
        if unknown := sorted(codes - EXPONENTS.keys()):
            raise ValueError(f"no currency of ISO 4217: {', '.join(unknown)}")
        self.base = base
        self.reporting_threshold = reporting_threshold
        self.days = days
        """By first day of validity, the units of each currency for one of the base currency."""
        self._from = sorted(days)
        self._divisors = [
            {code: rate * 10 ** EXPONENTS[code] for code, rate in {**days[day], base: 1.0}.items()}
            for day in self._from
        ]
        self._starts = [datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000 for day in self._from]

    def to_base(self, amount_minor: int, currency: str, timestamp: int) -> float | None:
        """Convert an amount to major units of the base currency, rounded to a hundredth.

        The rates of the newest day that is not after the transaction's are used; before the first day, the first ones.

        Args:
            amount_minor: minor units of the currency.
            currency: ISO 4217 code.
            timestamp: the transaction's, epoch milliseconds.

        Returns:
            None where no rate is known.
        """
        divisor = self._at(timestamp).get(currency)
        return None if divisor is None else round(amount_minor / divisor, 2)

    def to_minor(self, amount_minor: int, currency: str, timestamp: int, other: str) -> float | None:
        """Convert an amount to minor units of another currency, not rounded, by the same rates; None without a rate."""
        if currency == other:
            return amount_minor
        known = self._at(timestamp)
        return amount_minor / known[currency] * known[other] if {currency, other} <= known.keys() else None

    def _at(self, timestamp: int) -> Mapping[str, float]:
        return self._divisors[max(bisect_right(self._starts, timestamp) - 1, 0)]


def load_rates(content: object) -> Rates:
    """Read decoded rates.

    Raises:
        ValueError: what is wrong and where.
    """
    file = strict_yaml.convert(content, _File, _KEYS)
    days = [day.valid_from for day in file.rates]
    twice = sorted(day for day in set(days) if days.count(day) > 1)
    if twice:
        raise strict_yaml.DocumentError(f"rates: two entries are valid from {twice[0]}")
    return Rates(file.base_currency, {day.valid_from: day.per_base for day in file.rates}, file.reporting_threshold)
