"""How often clients were advised to leave out strong customer authentication, and whether the fraud rate allows it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final

import msgspec

from fraudstream.reporting.daily.queries import DayQueries, named
from fraudstream.reporting.daily.schema.codes import BandName, MeterName
from fraudstream.reporting.daily.schema.day_summary import DaySummary
from fraudstream.reporting.daily.schema.inline import ExemptionFigures, ExemptionsUsed
from fraudstream.reporting.daily.schema.trends import Meter

_USED: Final = """
    SELECT split_part(other, ' ', 1) AS kind, key, split_part(other, ' ', 2)::INTEGER AS band, currency,
        sum(transactions), sum(amountMinor)
    FROM {table} WHERE dimension = 'exemption' AND kind <> '' GROUP BY ALL ORDER BY ALL
"""
_FRAUDS: Final = _USED.format(table="(FROM truths WHERE label = 'FRAUD')")
_METERS: Final[Mapping[str, MeterName]] = {
    "remoteCard": MeterName.PSD2_REMOTE_CARD,
    "remoteTransfer": MeterName.PSD2_REMOTE_TRANSFER,
}
_BANDS: Final[Mapping[int, BandName]] = {
    500: BandName.EXEMPTION_EUR_500,
    250: BandName.EXEMPTION_EUR_250,
    100: BandName.EXEMPTION_EUR_100,
}
_Key = tuple[str, str, int, str]


def exemptions(queries: DayQueries) -> tuple[ExemptionFigures, ...]:
    """Return what a day's clients were advised."""
    frauds = {row[:4]: row[4:] for row in queries.rows(_FRAUDS)}
    return tuple(
        ExemptionFigures(**named(ExemptionFigures, (*row, *frauds.get(row[:4], ()))))
        for row in queries.rows(_USED.format(table="tallies"))
    )


def exemptions_used(
    summary: DaySummary, before: Mapping[date, DaySummary], meters: Sequence[Meter]
) -> Iterator[ExemptionsUsed]:
    """Return what was advised in 90 days, beside the fraud rate that the exemptions rest on.

    Args:
        summary: of the day.
        before: of the 89 days before it, those that there are.
        meters: of the same days.
    """
    sums: dict[_Key, ExemptionFigures] = {}
    days: dict[_Key, int] = {}
    for each in (figures for day in (summary, *before.values()) for figures in day.exemptions):
        key = (each.kind, each.exemption, each.band, each.currency)
        known = sums.get(key)
        sums[key] = _sum(known, each) if known else each
        days[key] = days.get(key, 0) + 1
    for key, used in sorted(sums.items()):
        meter = next((each for each in meters if (each.name, each.currency) == (_METERS.get(key[0]), key[3])), None)
        limits = {band.name: band.limit for band in meter.bands} if meter else {}
        band = _BANDS.get(used.band)
        yield ExemptionsUsed(
            used=used,
            days=days[key],
            limit=limits.get(band) if band else None,
            ratio=meter.ratio if meter else None,
        )


def _sum(first: ExemptionFigures, second: ExemptionFigures) -> ExemptionFigures:
    return msgspec.structs.replace(
        first,
        count=first.count + second.count,
        value=first.value + second.value,
        fraud=first.fraud + second.fraud,
        fraud_value=first.fraud_value + second.fraud_value,
    )
