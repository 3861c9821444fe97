"""The one definition of every feature: analyzer, replay, backtest and training all compute them here.

A feature speaks of a transaction and of what its entities' profiles knew before it. Counts leave the transaction itself
out. Windows run on event time and are half-open: `(t - window, t]`. A count is exact up to what the ring holds beside
the transaction itself (`profiles.RING - 1`) and stays there beyond it. A feature that needs a field which the
transaction lacks is missing (None).

The vector is stored with the decision, and rounded to its stored form *before* it is judged, so that the log alone
reproduces every decision.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from fraudstream.detection.entities import EntityKind
from fraudstream.detection.events import (
    DECLINED,
    EVIDENCE,
    NO_AMOUNT,
    NO_PEER,
    NO_PLACE,
    SPEND,
    Event,
)
from fraudstream.detection.profiles import NOWHERE, Place, Profile
from fraudstream.transactions.transaction import Transaction

SECOND: Final = 1000
HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR

SPREAD_FLOOR: Final = 0.1
"""Least standard deviation of a customer's amounts, as a share of their mean: who always pays the same is no outlier
for a cent more. Own choice."""
EARTH_RADIUS_KM: Final = 6371.0088
"""Mean radius, IUGG."""

Vector: TypeAlias = tuple[float | None, ...]
"""The values of `FEATURES`, in their order."""


class FeatureError(ValueError):
    """A stored feature vector cannot be read."""


class Form(Enum):
    """How a value is stored: its code in `struct`'s language, and the greatest value that fits."""

    COUNT = ("B", 255.0)
    LARGE_COUNT = ("H", 65535.0)
    NUMBER = ("f", 3.0e38)


class Feature(NamedTuple):
    """A feature's name, as rules write it, its stored form and its meaning."""

    name: str
    form: Form
    description: str


FEATURES: Final = (
    Feature("amountBase", Form.NUMBER, "the amount in the base currency; missing without an exchange rate"),
    Feature("localHour", Form.COUNT, "hour of the day, 0 to 23, in the time zone of the settings"),
    Feature("arrivalDelaySeconds", Form.NUMBER, "seconds from the transaction's time to its receipt, at least 0"),
    Feature("accountAgeDays", Form.NUMBER, "days since the account was opened"),
    Feature("customerCount1h", Form.COUNT, "the customer's earlier spending transactions in 1 hour"),
    Feature("customerCount12h", Form.COUNT, "the customer's earlier spending transactions in 12 hours"),
    Feature("customerCount24h", Form.COUNT, "the customer's earlier spending transactions in 24 hours"),
    Feature("customerSum24h", Form.NUMBER, "what the customer spent in them, declined ones left out"),
    Feature("customerDeclines24h", Form.COUNT, "the customer's declines in 24 hours that are evidence, no outages"),
    Feature("customerAgeDays", Form.NUMBER, "days since the customer's first known transaction"),
    Feature("customerAmountCount", Form.LARGE_COUNT, "how many of the customer's amounts are known"),
    Feature("customerAmountMean", Form.NUMBER, "their mean; missing while there is none"),
    Feature("customerAmountDeviations", Form.NUMBER, "standard deviations of this amount above that mean"),
    Feature("customerDeviceAgeHours", Form.NUMBER, "hours since the customer first used this device; 0 for a new one"),
    Feature("travelKm", Form.NUMBER, "kilometres from the customer's last known place"),
    Feature("travelHours", Form.NUMBER, "hours since the customer was there"),
    Feature("travelKmPerHour", Form.NUMBER, "the speed that this takes, over at least one second"),
    Feature("cardCount1h", Form.COUNT, "the card's earlier spending transactions in 1 hour"),
    Feature("cardCount2h", Form.COUNT, "the card's earlier spending transactions in 2 hours"),
    Feature("cardCount24h", Form.COUNT, "the card's earlier spending transactions in 24 hours"),
    Feature("cardSum24h", Form.NUMBER, "what the card spent in them, declined ones left out"),
    Feature("cardDeclines24h", Form.COUNT, "the card's declines in 24 hours that are evidence, no outages"),
    Feature("deviceCount1h", Form.COUNT, "earlier transactions on the device in 1 hour"),
    Feature("deviceDeclinedCards1h", Form.COUNT, "distinct cards among them with a decline that is evidence"),
    Feature("deviceDeclineShare1h", Form.NUMBER, "share of such declines among them; missing while there are none"),
    Feature("ipCount1h", Form.COUNT, "earlier transactions from the address in 1 hour"),
    Feature("ipDeclinedCards1h", Form.COUNT, "distinct cards among them with a decline that is evidence"),
    Feature("ipDeclineShare1h", Form.NUMBER, "share of such declines among them; missing while there are none"),
)
NAMES: Final = tuple(feature.name for feature in FEATURES)
SCHEMA: Final = 1
"""Version of the list of features; the first byte of a packed vector."""

_LAYOUT = struct.Struct("<BI" + "".join(feature.form.value[0] for feature in FEATURES))
_LIMITS = tuple(feature.form.value[1] for feature in FEATURES)
_COUNTED = tuple(feature.form is not Form.NUMBER for feature in FEATURES)


def compute(
    transaction: Transaction,
    profiles: Mapping[EntityKind, tuple[Profile, Event]],
    amount: float | None,
    time_zone: tzinfo = UTC,
) -> dict[str, float | None]:
    """Compute a transaction's features, not yet rounded.

    Args:
        transaction: the transaction to judge.
        profiles: for each entity that it touches, the profile, which has learnt it, and the event that it is to the
            entity.
        amount: its amount in the base currency; None without an exchange rate.
        time_zone: what hours of the day refer to.

    Returns:
        Values by feature name; a name that is not there is missing.
    """
    values: dict[str, float | None] = {
        "amountBase": amount,
        "localHour": datetime.fromtimestamp(transaction.timestamp / SECOND, time_zone).hour,
        "arrivalDelaySeconds": max(transaction.received_at - transaction.timestamp, 0) / SECOND,
    }
    if transaction.account_opened_at is not None:
        values["accountAgeDays"] = max(transaction.timestamp - transaction.account_opened_at, 0) / DAY
    for kind, (profile, event) in profiles.items():
        match kind:
            case EntityKind.CUSTOMER:
                _customer(values, transaction, profile, event)
            case EntityKind.CARD:
                _card(values, profile, event)
            case EntityKind.DEVICE | EntityKind.IP:
                _meeting_point(values, kind, profile, event)
    return values


def pack(values: Mapping[str, float | None]) -> bytes:
    """Give the stored form of computed features: a version, which ones are present, then the values."""
    present = 0
    stored: list[float | int] = []
    for position, name in enumerate(NAMES):
        value = values.get(name)
        if value is None:
            stored.append(0)
            continue
        present |= 1 << position
        limited = max(min(value, _LIMITS[position]), 0.0 if _COUNTED[position] else -_LIMITS[position])
        stored.append(int(limited) if _COUNTED[position] else limited)
    return _LAYOUT.pack(SCHEMA, present, *stored)


def unpack(packed: bytes) -> Vector:
    """Read the stored form: the vector as it was judged.

    Raises:
        FeatureError: another version of this code wrote it, or it is damaged.
    """
    if not packed or packed[0] != SCHEMA or len(packed) != _LAYOUT.size:
        raise FeatureError(f"not a feature vector of schema {SCHEMA}: read it with the version that wrote it")
    _, present, *values = _LAYOUT.unpack(packed)
    return tuple([float(value) if present >> position & 1 else None for position, value in enumerate(values)])


def _since(events: Sequence[Event], start: int) -> list[Event]:
    return [event for event in events if event.time > start]


def _spending(events: Sequence[Event], start: int) -> int:
    return sum(1 for event in events if event.time > start and event.flags & SPEND)


def _spent(events: Sequence[Event]) -> float:
    return sum(
        event.amount for event in events if event.flags & (SPEND | DECLINED) == SPEND and event.amount != NO_AMOUNT
    )


def _evidence(events: Sequence[Event]) -> int:
    return sum(1 for event in events if event.flags & EVIDENCE)


def _customer(values: dict[str, float | None], transaction: Transaction, profile: Profile, event: Event) -> None:
    known, time = profile.before(event), event.time
    day = _since(known, time - DAY)
    first_seen = profile.past.first_seen or (known[0].time if known else time)
    values["customerCount1h"] = _spending(day, time - HOUR)
    values["customerCount12h"] = _spending(day, time - 12 * HOUR)
    values["customerCount24h"] = _spending(day, time - DAY)
    values["customerSum24h"] = _spent(day)
    values["customerDeclines24h"] = _evidence(day)
    values["customerAgeDays"] = max(time - first_seen, 0) / DAY
    _amounts(values, profile, known, event)
    if transaction.device_id is not None:
        values["customerDeviceAgeHours"] = _peer_age(profile, known, event) / HOUR
    if event.latitude != NO_PLACE:
        _travel(values, profile, known, event)


def _amounts(values: dict[str, float | None], profile: Profile, known: Sequence[Event], event: Event) -> None:
    amounts = profile.past.amounts
    for earlier in known:
        amounts = amounts.plus(earlier)
    values["customerAmountCount"] = amounts.number
    if not amounts.number:
        return
    values["customerAmountMean"] = amounts.mean
    if amounts.number > 1 and amounts.mean > 0 and event.amount != NO_AMOUNT:
        spread = max(math.sqrt(amounts.squares / (amounts.number - 1)), SPREAD_FLOOR * amounts.mean)
        values["customerAmountDeviations"] = (event.amount - amounts.mean) / spread


def _peer_age(profile: Profile, known: Sequence[Event], event: Event) -> int:
    remembered = [peer.first_seen for peer in profile.past.peers if peer.hash == event.peer]
    in_ring = (earlier.time for earlier in known if earlier.peer == event.peer)
    first_seen = remembered[0] if remembered else next(in_ring, event.time)
    return max(event.time - first_seen, 0)


def _travel(values: dict[str, float | None], profile: Profile, known: Sequence[Event], event: Event) -> None:
    placed = (earlier for earlier in reversed(known) if earlier.latitude != NO_PLACE)
    last = next((Place(earlier.time, earlier.latitude, earlier.longitude) for earlier in placed), profile.past.place)
    if last == NOWHERE or last.time > event.time:
        return
    elapsed = event.time - last.time
    distance = _kilometres(last, event)
    values["travelKm"] = distance
    values["travelHours"] = elapsed / HOUR
    values["travelKmPerHour"] = distance / (max(elapsed, SECOND) / HOUR)


def _kilometres(start: Place, end: Event) -> float:
    # The haversine formula: exact enough on a sphere, and stable for small distances.
    latitude, other = math.radians(start.latitude / 100), math.radians(end.latitude / 100)
    half_longitude = math.radians((end.longitude - start.longitude) / 100) / 2
    chord = math.sin((other - latitude) / 2) ** 2
    chord += math.cos(latitude) * math.cos(other) * math.sin(half_longitude) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(chord, 1.0)))


def _card(values: dict[str, float | None], profile: Profile, event: Event) -> None:
    time = event.time
    day = _since(profile.before(event), time - DAY)
    values["cardCount1h"] = _spending(day, time - HOUR)
    values["cardCount2h"] = _spending(day, time - 2 * HOUR)
    values["cardCount24h"] = _spending(day, time - DAY)
    values["cardSum24h"] = _spent(day)
    values["cardDeclines24h"] = _evidence(day)


def _meeting_point(values: dict[str, float | None], kind: EntityKind, profile: Profile, event: Event) -> None:
    hour = _since(profile.before(event), event.time - HOUR)
    declines = [earlier.peer for earlier in hour if earlier.flags & EVIDENCE]
    values[f"{kind}Count1h"] = len(hour)
    values[f"{kind}DeclinedCards1h"] = len({peer for peer in declines if peer != NO_PEER})
    if hour:
        values[f"{kind}DeclineShare1h"] = len(declines) / len(hour)
