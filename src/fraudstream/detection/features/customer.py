"""Features of a transaction's customer."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Final

from fraudstream.detection.profiles.events import (
    DECLINED,
    IN,
    NO_AMOUNT,
    NO_COUNTRY,
    NO_PEER,
    OUT,
    is_evidence,
    is_near_threshold,
    is_refund,
    is_spending,
    moved,
    payee,
    refunded,
    spent,
    takes_back,
)
from fraudstream.detection.profiles.known_values import KnownValue, most_of_level
from fraudstream.detection.profiles.layout import Personal
from fraudstream.detection.profiles.profile import HOURS_A_DAY
from fraudstream.detection.profiles.view import FeatureValues, ProfileView
from fraudstream.durations import DAY, HOUR

WEEK: Final = 7 * DAY
MONTH: Final = 30 * DAY
FORTNIGHT: Final = 14 * DAY

PAYEE_AGE: Final = "customerPayeeAgeHours"
PAYEE_PEAK: Final = "customerPayeePeak"

SPREAD_FLOOR: Final = 0.1
"""Least standard deviation of a customer's amounts, as a share of their mean: who always pays the same is no outlier
for a cent more. Own choice."""


def add(values: FeatureValues, view: ProfileView) -> None:
    """Add the customer's features."""
    _counts(values, view)
    _sums(values, view)
    _history(values, view)
    _amounts(values, view)
    _familiarity(values, view)


def spending_counts(values: FeatureValues, view: ProfileView, names: Sequence[tuple[str, int]]) -> None:
    """Add counts of earlier spending transactions: for each name a window, in milliseconds."""
    profile, time = view.profile, view.time
    times = [event.time for event in view.known if is_spending(event)]
    for name, window in names:
        if window < DAY or profile.reaches(time - window):
            values[name] = len(times) - bisect_right(times, time - window)
        else:
            values[name] = view.in_days(Personal.COUNT, window, is_spending)


_WINDOWS: Final = (
    ("customerCount1h", HOUR),
    ("customerCount12h", 12 * HOUR),
    ("customerCount24h", DAY),
    ("customerCount7d", WEEK),
    ("customerCount30d", MONTH),
)


def _counts(values: FeatureValues, view: ProfileView) -> None:
    spending_counts(values, view, _WINDOWS)
    values["customerDeclines24h"] = view.total(Personal.DECLINES, DAY, is_evidence)
    values["customerRefunds7d"] = view.total(Personal.REFUNDS, WEEK, is_refund)
    near = view.total(Personal.NEAR_THRESHOLD, WEEK, is_near_threshold)
    values["customerNearThreshold7d"] = max(near - _near_taken_back(view), 0) if near else 0
    values["customerFrauds30d"] = view.frauds(Personal.FRAUDS)


def _near_taken_back(view: ProfileView) -> int:
    """Count the amounts near the reporting threshold of which more than half was taken back."""
    back = Counter[int]()
    for each in view.known:
        if takes_back(each):
            back[each.other_peer] += moved(each)
    return sum([is_near_threshold(each) for each in view.since(WEEK) if 2 * back[each.identity] > each.amount])


def _sums(values: FeatureValues, view: ProfileView) -> None:
    values["customerSum24h"] = view.total(Personal.SUM, DAY, spent) / 100
    values["customerSum7d"] = view.total(Personal.SUM, WEEK, spent) / 100
    values["customerSum30d"] = view.total(Personal.SUM, MONTH, spent) / 100
    values["customerRefundSum7d"] = view.total(Personal.REFUND_SUM, WEEK, refunded) / 100
    accepted = [event for event in view.since(DAY) if not event.flags & DECLINED and event.amount != NO_AMOUNT]
    values["customerIn24h"] = sum([event.amount for event in accepted if event.flags & IN]) / 100
    values["customerOut24h"] = sum([event.amount for event in accepted if event.flags & OUT]) / 100


def _history(values: FeatureValues, view: ProfileView) -> None:
    profile, time = view.profile, view.time
    values["customerAgeDays"] = max(time - profile.first_seen, 0) / DAY if profile.ring else 0.0
    if view.known:
        values["customerIdleDays"] = (time - view.known[-1].time) / DAY
    hour, daytimes = time // HOUR % HOURS_A_DAY, profile.daytimes
    excluded = [event.time // HOUR % HOURS_A_DAY for event in view.excluded]
    all_day = sum(daytimes) - len(excluded)
    if all_day > 0:
        around = (hour - 1) % HOURS_A_DAY, hour, (hour + 1) % HOURS_A_DAY
        near = sum([daytimes[each] for each in around]) - sum([1 for each in excluded if each in around])
        values["customerHourShare"] = near / all_day


def _amounts(values: FeatureValues, view: ProfileView) -> None:
    amounts, event = view.profile.past.amounts.plus(view.known), view.event
    values["customerAmountCount"] = amounts.number
    if not amounts.number:
        return
    values["customerAmountMean"] = amounts.mean / 100
    if amounts.mean <= 0:
        return
    if event.amount != NO_AMOUNT:
        values["customerAmountRatio"] = event.amount / amounts.mean
        if amounts.number > 1:
            spread = max(math.sqrt(amounts.squares / (amounts.number - 1)), SPREAD_FLOOR * amounts.mean)
            values["customerAmountDeviations"] = (event.amount - amounts.mean) / spread
    start = view.time - FORTNIGHT
    peak = max([spent(each) for each in view.known if each.time > start], default=0)
    values["customerPeakRatio14d"] = peak / amounts.mean


def _familiarity(values: FeatureValues, view: ProfileView) -> None:
    event, past, known = view.event, view.profile.past, view.known
    devices = {each.hash for each in past.devices} | {each.peer for each in known} - {NO_PEER}
    payees = {each.hash for each in past.payees} | {payee(each) for each in known} - {NO_PEER}
    values["customerDevicesKnown"] = len(devices)
    values["customerPayeesKnown"] = len(payees)
    if event.peer != NO_PEER:
        met = [each.time for each in known if each.peer == event.peer]
        values["customerDeviceAgeHours"] = _age(past.devices, event.peer, met, event.time)
        values["customerDevices7d"] = len({each.peer for each in view.since(WEEK)} - {NO_PEER} | {event.peer})
    if event.country != NO_COUNTRY:
        met = [each.time for each in known if each.country == event.country]
        values["customerCountryAgeHours"] = _age(past.countries, event.country, met, event.time)
    if (paid := payee(event)) != NO_PEER:
        dealt = [each for each in known if payee(each) == paid]
        values[PAYEE_AGE] = _age(past.payees, paid, [each.time for each in dealt], event.time)
        earlier = [most_of_level(each.level) for each in past.payees if each.hash == paid]
        values[PAYEE_PEAK] = largest([*earlier, *map(moved, dealt)])


def largest(amounts: Sequence[int]) -> float | None:
    """Return the largest of some amounts in the base currency: 0 of none, None where any is not known.

    Args:
        amounts: hundredths of the base currency, or `NO_AMOUNT`.
    """
    most = max(amounts, default=0)
    return None if most == NO_AMOUNT else most / 100


def _age(familiar: Sequence[KnownValue], hashed: int, met: Sequence[int], time: int) -> float:
    remembered = [each.first_seen * HOUR for each in familiar if each.hash == hashed]
    first_seen = remembered[0] if remembered else met[0] if met else time
    return max(time - first_seen, 0) / HOUR
