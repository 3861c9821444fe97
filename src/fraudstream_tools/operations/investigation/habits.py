"""How a transaction differs from its customer's habit, in words, by the features that it was judged by."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from fraudstream.counts import counted

Features = Mapping[str, float | None]

MANY_TIMES: Final = 3.0
"""Own choice: an amount that is so many times the mean is said to be unusual, once there are as many to compare."""
RARE_HOUR: Final = 0.05
"""Share of a customer's transactions at an hour; own choice."""
BUSY: Final = 3.0
"""Times the daily mean of 30 days; own choice."""
FEW: Final = 5
FAR_KM: Final = 50.0
"""Own choice: what is nearer is daily life, unless it was impossibly fast."""
AIRLINER_KM_PER_HOUR: Final = 900.0
"""Cruising speed."""
_HOURS_A_DAY: Final = 24
_DAYS_A_MONTH: Final = 30


@dataclass(frozen=True, kw_only=True)
class Habit:
    """One thing in which a transaction may differ from what its customer does."""

    text: str
    is_unusual: bool = False


def habits_of(features: Features, base: str | None) -> list[Habit]:
    """Return what is known of the customer's habit, and how the transaction compares with it.

    Args:
        features: by name, as they were judged; what is missing is left out.
        base: the code of the base currency, if it is known.
    """
    known = {name: value for name, value in features.items() if value is not None}
    return [habit for each in _ASPECTS for habit in each(known, base)]


def _acquaintance(known: Mapping[str, float], _: str | None) -> Iterator[Habit]:
    age, idle = known.get("customerAgeDays"), known.get("customerIdleDays")
    if age is None or idle is None:
        yield Habit(text="Nothing is known of this customer from before.", is_unusual=True)
        return
    before = f"the transaction before was {_span(idle * _HOURS_A_DAY)} earlier"
    yield Habit(text=f"The customer has been known for {_span(age * _HOURS_A_DAY)}; {before}.")


def _amount(known: Mapping[str, float], base: str | None) -> Iterator[Habit]:
    mean, ratio, count = (known.get(f"customerAmount{name}") for name in ("Mean", "Ratio", "Count"))
    if mean is None or ratio is None or not count:
        return
    of = f"of {count:.0f} earlier amounts" if count > 1 else "by the one earlier amount"
    compared = f"this is {ratio:.1f} times that" if ratio >= 2 else f"this is {100 * ratio:.0f} % of that"  # noqa: PLR2004  (below, a share says more)
    yield Habit(
        text=f"They usually spend {mean:,.2f}{f' {base}' if base else ''} ({of}); {compared}.",
        is_unusual=ratio >= MANY_TIMES and count >= MANY_TIMES,
    )


def _pace(known: Mapping[str, float], _: str | None) -> Iterator[Habit]:
    hour, day, month = (known.get(f"customerCount{span}") for span in ("1h", "24h", "30d"))
    if hour is None or day is None or month is None:
        return
    usual = month / _DAYS_A_MONTH
    before = f"{_some(hour, 'time')} in 1 hour, {day:,.0f} in 24 hours, {month:,.0f} in 30 days"
    yield Habit(text=f"Before this one they spent {before}.", is_unusual=day >= FEW and day > BUSY * usual)


def _hour(known: Mapping[str, float], _: str | None) -> Iterator[Habit]:
    share, hour = known.get("customerHourShare"), known.get("localHour")
    if share is None or hour is None:
        return
    yield Habit(
        text=f"{100 * share:.0f} % of their transactions are made within an hour of {hour:02.0f} o'clock.",
        is_unusual=share < RARE_HOUR and known.get("customerAmountCount", 0) >= FEW,
    )


def _news(known: Mapping[str, float], _: str | None) -> Iterator[Habit]:
    for name, noun, does in _NEWS:
        hours = known.get(f"customer{name}AgeHours")
        if hours is None:
            continue
        # For whom nothing is known, everything is new.
        is_new = hours == 0 and known.get("customerAgeDays", 0) > 0
        # What is familiar is remembered by the hour: it may seem older than the customer.
        span = _span(min(hours, known.get("customerAgeDays", inf) * _HOURS_A_DAY))
        text = f"The {noun} is new for them." if hours == 0 else f"They have {does} this {noun} for {span}."
        yield Habit(text=text, is_unusual=is_new)


def _travel(known: Mapping[str, float], _: str | None) -> Iterator[Habit]:
    distance, hours, speed = (known.get(name) for name in ("travelKm", "travelHours", "travelKmPerHour"))
    if distance is None or hours is None or speed is None:
        return
    if distance < FAR_KM and speed <= AIRLINER_KM_PER_HOUR:
        return
    yield Habit(
        text=f"It is {distance:,.0f} km from where they were {_span(hours)} earlier: {speed:,.0f} km an hour.",
        is_unusual=speed > AIRLINER_KM_PER_HOUR,
    )


def _card(known: Mapping[str, float], _: str | None) -> Iterator[Habit]:
    day, declines = known.get("cardCount24h"), known.get("cardDeclines24h") or 0
    if day is None:
        return
    merchants = known.get("cardMerchants7d")
    at = f", at {_some(merchants, 'merchant')} in 7 days" if merchants else ""
    refused = f", and {_some(declines, 'decline')} in 24 hours" if declines else ""
    yield Habit(
        text=f"The card was used {_some(day, 'time')} in the 24 hours before{at}{refused}.",
        is_unusual=declines > 1,
    )


def _frauds(known: Mapping[str, float], _: str | None) -> Iterator[Habit]:
    for name, whose in _WHOSE.items():
        if count := known.get(f"{name}Frauds30d"):
            text = f"Of {whose} transactions in 30 days, {counted(round(count), 'is', 'are')} known to be fraud."
            yield Habit(text=text, is_unusual=True)


_NEWS: Final = (("Device", "device", "used"), ("Country", "country", "been in"), ("Payee", "payee", "paid"))
_WHOSE: Final = {"customer": "the customer's", "card": "the card's", "device": "the device's", "ip": "the address's"}
_ASPECTS: Final = (_acquaintance, _amount, _pace, _hour, _news, _travel, _card, _frauds)
_SPANS: Final[tuple[tuple[float, str, Callable[[float], float]], ...]] = (
    (1, "minute", lambda hours: hours * 60),
    (2 * _HOURS_A_DAY, "hour", lambda hours: hours),
    (float("inf"), "day", lambda hours: hours / _HOURS_A_DAY),
)


def _span(hours: float) -> str:
    unit, value = next((unit, convert(hours)) for below, unit, convert in _SPANS if hours < below)
    return "less than a minute" if unit == "minute" and value < 1 else _some(value, unit)


def _some(count: float, noun: str) -> str:
    return counted(round(count), noun)
