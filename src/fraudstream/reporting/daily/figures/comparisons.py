"""A day's figures beside those of the days before it."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from statistics import fmean, stdev
from typing import Final

from fraudstream.reporting.daily.schema.codes import ComparedFigure
from fraudstream.reporting.daily.schema.day_summary import DaySummary
from fraudstream.reporting.daily.schema.trends import Comparison
from fraudstream.statistics import population_stability_index

LEAST_DAYS: Final = 7
"""Fewer days with a figure, and nothing is called unusual: a week has its own shape."""
DEVIATIONS: Final = 3.0
LEAST_SHARE_OF_MEAN: Final = 0.05
"""A figure within that of its mean is never unusual."""
CURRENCIES: Final = 3
"""Currencies of which values are compared: those with the most transactions."""

Figure = Callable[[DaySummary], float | None]


def compare(summary: DaySummary, before: Mapping[date, DaySummary]) -> Iterator[Comparison]:
    """Compare a day with others.

    Args:
        summary: of the day.
        before: of the 28 days before it, those that there are.
    """
    day = date.fromisoformat(summary.date)

    def beside(
        name: ComparedFigure,
        kind: str,
        figure: Figure,
        *,
        chance: float,
        currency: str | None = None,
        judged: bool = True,
    ) -> Comparison | None:
        now = figure(summary)
        if now is None:
            return None
        known = {each: value for each, past in before.items() if (value := figure(past)) is not None}
        yesterday, week_ago = (known.get(day - timedelta(days=days)) for days in (1, 7))
        series = [known[each] for each in sorted(known)]
        return Comparison(
            figure=name,
            kind=kind,
            currency=currency,
            now=now,
            yesterday=yesterday,
            week_ago=week_ago,
            mean=round(fmean(series), 6) if series else None,
            days=len(series),
            unusual=judged and is_unusual(now, series, chance=chance),
        )

    total = summary.decisions.total
    comparisons = [
        beside(ComparedFigure.TRANSACTIONS, "count", _total, chance=math.sqrt(max(total, 1))),
        beside(ComparedFigure.REVIEWED, "share", _review_share, chance=_share_noise(_review_share(summary), total)),
        beside(ComparedFigure.DECLINED, "share", _decline_share, chance=_share_noise(_decline_share(summary), total)),
        # Earlier days have had longer for their labels to come in.
        beside(ComparedFigure.FRAUD_RATE, "share", _fraud_share, chance=0.0, judged=False),
    ]
    for money in summary.values[:CURRENCIES]:
        code = money.currency
        value = _value_of(code)
        comparisons.append(beside(ComparedFigure.VALUE, "value", value, chance=0.0, currency=code))
    yield from (each for each in comparisons if each)


def is_unusual(now: float, series: Sequence[float], *, chance: float) -> bool:
    """Return whether a figure is further from the mean of others than chance and habit explain.

    That is by more than three times the larger of two standard deviations, that of the other days and that of chance,
    and by more than a twentieth of the mean.

    Args:
        now: the figure.
        series: that of other days.
        chance: its standard deviation by chance alone.
    """
    if len(series) < LEAST_DAYS:
        return False
    mean = fmean(series)
    least = LEAST_SHARE_OF_MEAN * abs(mean)
    return abs(now - mean) > max(DEVIATIONS * max(stdev(series), chance), least)


def _share_noise(share: float | None, total: int) -> float:
    # One more and one less than there were: a share of none is not without chance.
    part = ((share or 0.0) * total + 1) / (total + 2)
    return math.sqrt(part * (1 - part) / max(total, 1))


def _total(day: DaySummary) -> float:
    return float(day.decisions.total)


def _review_share(day: DaySummary) -> float | None:
    return _share(day.decisions.review, day.decisions.total)


def _decline_share(day: DaySummary) -> float | None:
    return _share(day.decisions.decline, day.decisions.total)


def _fraud_share(day: DaySummary) -> float | None:
    return _share(day.fraud, day.decisions.total) if day.labelled else None


def _value_of(currency: str) -> Figure:
    def value(day: DaySummary) -> float:
        return float(next((each.value for each in day.values if each.currency == currency), 0))

    return value


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def score_psi(scores: Sequence[int], before: Sequence[Sequence[int]]) -> float | None:
    """Return the population stability index (PSI) of a day's scores against those of days before.

    None if either is empty. Each bin counts as if it had half a transaction more: an empty one would make it infinite.
    """
    others = [sum(column) for column in zip(*before, strict=True)]
    if not sum(scores) or not sum(others):
        return None
    now, then = ([(count + 0.5) / (sum(bins) + len(bins) / 2) for count in bins] for bins in (scores, others))
    return round(population_stability_index(now, then), 6)
