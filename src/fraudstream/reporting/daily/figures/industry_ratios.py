"""Ratios that the payment industry watches, from what the log tells.

They are near what the authorities and schemes count, and not the same: the log knows of no settlement, and of fraud
what labels say.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from fraudstream.reporting.daily.schema.codes import BandName, MeterName, MeterVerdict, NotMeasurable
from fraudstream.reporting.daily.schema.day_summary import DaySummary
from fraudstream.reporting.daily.schema.findings import PaymentFigures
from fraudstream.reporting.daily.schema.trends import Band, Meter

FRAUD_RATE_DAYS: Final = 90
"""Article 19(1) of Regulation (EU) 2018/389."""
CURRENCIES: Final = 3
"""Currencies of which there is a fraud rate: those with the most payments."""


class _Kind(NamedTuple):
    """A meter, whatever it measures."""

    name: MeterName
    bands: tuple[Band, ...]


def _fraud_rate(name: MeterName, *limits: float) -> _Kind:
    bands = (BandName.EXEMPTION_EUR_500, BandName.EXEMPTION_EUR_250, BandName.EXEMPTION_EUR_100)
    return _Kind(name, tuple(Band(name=band, limit=limit) for band, limit in zip(bands, limits, strict=True)))


_FRAUD_RATES: Final[Mapping[str, _Kind]] = {
    "remoteCard": _fraud_rate(MeterName.PSD2_REMOTE_CARD, 0.0001, 0.0006, 0.0013),
    "remoteTransfer": _fraud_rate(MeterName.PSD2_REMOTE_TRANSFER, 0.00005, 0.0001, 0.00015),
}
_DISPUTES: Final = _Kind(
    MeterName.VAMP_RATIO,
    (Band(name=BandName.ABOVE_STANDARD, limit=0.005), Band(name=BandName.EXCESSIVE, limit=0.007)),
)
_ENUMERATION: Final = _Kind(MeterName.VAMP_ENUMERATION, (Band(name=BandName.EXCESSIVE, limit=0.2),))
VAMP_ENUMERATED: Final = 300_000
"""Enumerated transactions a month below which Visa does not act."""
VAMP_DISPUTED: Final = 1_500
"""Frauds and disputes a month below which Visa does not act."""
_NOT_PRESENT: Final = ("remoteCard", "orderCard")
_Verdict = tuple[MeterVerdict, BandName | None]


def meters(summary: DaySummary, before: Mapping[date, DaySummary]) -> Iterator[Meter]:
    """Return the meters of a day.

    Args:
        summary: of the day.
        before: of the 89 days before it, those that there are.
    """
    day = date.fromisoformat(summary.date)
    days = {day: summary, **before}
    for kind in _FRAUD_RATES:
        yield from _fraud_rates(kind, day - timedelta(days=FRAUD_RATE_DAYS - 1), days)
    month = {each: figures for each, figures in days.items() if each >= day.replace(day=1)}
    payments = [each for each in _payments(month.values()) if each.kind in _NOT_PRESENT]
    yield _disputes(day.replace(day=1), len(month), payments)
    yield _enumeration(day.replace(day=1), len(month), payments)


def _fraud_rates(kind: str, first: date, days: Mapping[date, DaySummary]) -> Iterator[Meter]:
    payments = [each for each in _payments(days.values()) if each.kind == kind]
    counts: dict[str, int] = {}
    for each in payments:
        counts[each.currency] = counts.get(each.currency, 0) + each.count
    currencies = sorted(counts, key=lambda currency: (-counts[currency], currency))[:CURRENCIES]
    for currency in currencies or [None]:
        own = [each for each in payments if each.currency == currency]
        yield _meter(
            _FRAUD_RATES[kind],
            (first, len(days)),
            (sum(each.fraud_value for each in own), sum(each.value for each in own)),
            currency=currency,
            labelled=sum(each.labelled for each in own),
            verdict=_exemption,
        )


def _disputes(first: date, days: int, payments: Sequence[PaymentFigures]) -> Meter:
    part = sum(each.fraud + each.chargebacks for each in payments)
    return _meter(
        _DISPUTES,
        (first, days),
        (part, sum(each.count for each in payments)),
        labelled=sum(each.labelled for each in payments),
        verdict=lambda ratio, bands: _reached(ratio, bands, least=(part, VAMP_DISPUTED)),
    )


def _enumeration(first: date, days: int, payments: Sequence[PaymentFigures]) -> Meter:
    part = sum(each.enumerated for each in payments)
    return _meter(
        _ENUMERATION,
        (first, days),
        (part, sum(each.count for each in payments)),
        verdict=lambda ratio, bands: _reached(ratio, bands, least=(part, VAMP_ENUMERATED)),
    )


def _meter(
    kind: _Kind,
    over: tuple[date, int],
    share: tuple[int, int],
    *,
    verdict: Callable[[float, Sequence[Band]], _Verdict],
    currency: str | None = None,
    labelled: int | None = None,
) -> Meter:
    """Return a meter: over the days since one of which so many are known; a part of a whole.

    Args:
        kind: what is measured.
        over: the first day, and how many days have a report.
        share: part and whole.
        verdict: says what a ratio amounts to.
        currency: of values.
        labelled: payments that have a label; None if the ratio needs none.
    """
    part, whole = share
    why_not = _why_not(whole, labelled)
    band_verdict, band = (None, None) if why_not else verdict(part / whole, kind.bands)
    return Meter(
        name=kind.name,
        first_day=over[0].isoformat(),
        days=over[1],
        currency=currency,
        part=part,
        whole=whole,
        ratio=None if why_not else round(part / whole, 9),
        why_not=why_not,
        bands=kind.bands,
        verdict=band_verdict,
        band=band,
    )


def _payments(days: Iterable[DaySummary]) -> list[PaymentFigures]:
    return [each for day in days for each in day.payments]


def _why_not(whole: int, labelled: int | None) -> NotMeasurable | None:
    if not whole:
        return NotMeasurable.NO_PAYMENT
    return NotMeasurable.NO_LABEL if labelled == 0 else None


def _exemption(ratio: float, bands: Sequence[Band]) -> _Verdict:
    for band in bands:
        if ratio <= band.limit:
            return MeterVerdict.WITHIN_EXEMPTION, band.name
    return MeterVerdict.ABOVE_EXEMPTIONS, None


def _reached(ratio: float, bands: Sequence[Band], *, least: tuple[int, int]) -> _Verdict:
    reached = [band.name for band in bands if ratio >= band.limit]
    if not reached:
        return MeterVerdict.BELOW_LIMITS, None
    count, needed = least
    return (MeterVerdict.LIMIT_REACHED if count >= needed else MeterVerdict.TOO_FEW), reached[-1]
