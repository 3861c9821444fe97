"""How late labels come: which share of the frauds that are ever labelled has its label at an age.

Of a new transaction only early labels can be there yet, so that the delays which a log holds are too short. They are
truncated: a delay is seen only if it is at most the transaction's age. The estimate is the product limit for truncated
times (Lynden-Bell 1971; Kalbfleisch and Lawless 1989, on delays of reports): from the longest delay down, each delay
takes the share that it has among the labels that were as quick and could have been as slow.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from fraudstream.durations import DAY

LEAST_LABELS: Final = 30
"""Labels of fraud that are needed at least; fewer do not show how late labels come: own choice."""
LATE_SHARE: Final = 0.9
"""A transaction's label counts as known at the age by which this share has come: own choice."""
USUAL_DELAY_DAYS: Final = 7.0
"""Where too few labels are there to tell."""
LONGEST_DELAY_DAYS: Final = 90.0
"""Longer ones would leave nothing to learn from: own choice."""
_SHARE_OF_TIME: Final = 4
"""The delay is at most this part of the time that frauds with labels span, so that a young log can be learnt from too:
own choice. What has not come by then is corrected for."""
_LEAST_AT_RISK: Final = 20
"""Labels that could have been as slow; the curve ends at the slowest delay that has so many."""


class FraudLabel(NamedTuple):
    """When a fraud happened and when somebody said so, epoch milliseconds."""

    source: str
    happened_at: int
    labeled_at: int


class ArrivalCurve(NamedTuple):
    """Which share of labels has come by an age, of those that come within the longest one."""

    days: tuple[float, ...]
    """Ages, ascending."""
    shares: tuple[float, ...]
    """At each age; the last is 1."""
    labels: int
    """From how many it was estimated."""

    def share(self, age_days: float) -> float:
        """Return the share that has come at an age."""
        place = bisect_right(self.days, age_days)
        return self.shares[place - 1] if place else 0.0

    def age_of(self, share: float) -> float:
        """Return the age at which a share has come, in days."""
        return self.days[bisect_left(self.shares, share)]


class LabelArrival(NamedTuple):
    """How late labels come, by all sources together and by each."""

    all: ArrivalCurve | None
    """None: there are too few labels to tell."""
    by_source: dict[str, ArrivalCurve]
    span_days: float = 0.0
    """Age of the oldest fraud with a label, in days."""

    def share(self, age_days: float, source: str) -> float:
        """Return the share of frauds of an age that has its label, of those that a source labels.

        Sources differ: a chargeback comes weeks after a customer's call. Where too few labels tell of a source, it is
        the share of all together, and 1 where there are too few of all.
        """
        curve = self.by_source.get(source, self.all)
        return 1.0 if curve is None else curve.share(age_days)

    @property
    def delay_days(self) -> float:
        """Return the age at which a transaction's label counts as known, in days."""
        if self.all is None:
            return USUAL_DELAY_DAYS
        most = min(self.span_days / _SHARE_OF_TIME, LONGEST_DELAY_DAYS)
        return max(round(min(self.all.age_of(LATE_SHARE), most), 1), 1.0)


NOTHING_KNOWN: Final = LabelArrival(None, {})


def label_arrival(labels: Iterable[FraudLabel], until: int) -> LabelArrival:
    """Estimate how late labels come.

    Args:
        labels: of frauds, the first that each one got.
        until: the time up to which labels are known, epoch milliseconds.
    """
    by_source: dict[str, list[tuple[float, float]]] = {}
    for label in labels:
        delay = max(label.labeled_at - label.happened_at, 0) / DAY
        by_source.setdefault(label.source, []).append((delay, max((until - label.happened_at) / DAY, delay)))
    curves = {source: curve for source, delays in sorted(by_source.items()) if (curve := _curve(delays)) is not None}
    every = [each for delays in by_source.values() for each in delays]
    return LabelArrival(_curve(every), curves, max((age for _, age in every), default=0.0))


def _curve(delays: Sequence[tuple[float, float]]) -> ArrivalCurve | None:
    """Return the curve of delays with the ages of their transactions; None if there are too few."""
    if len(delays) < LEAST_LABELS:
        return None
    waited, ages = sorted(delay for delay, _ in delays), sorted(age for _, age in delays)
    days: list[float] = []
    shares: list[float] = []
    share = 1.0
    for day in sorted(set(waited), reverse=True):
        same = bisect_right(waited, day) - bisect_left(waited, day)
        at_risk = bisect_right(waited, day) - bisect_left(ages, day)
        if not days and (at_risk < _LEAST_AT_RISK or same == at_risk):
            continue
        days.append(day)
        shares.append(share)
        share *= 1 - same / at_risk
    if not days:
        return None
    return ArrivalCurve(tuple(reversed(days)), tuple(reversed(shares)), len(delays))
