"""Transactions, and the features that they have after others."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fraudstream.detection.features.compute import Calendar, compute
from fraudstream.detection.profiles.entities import entities
from fraudstream.detection.profiles.events import events_of
from fraudstream.detection.profiles.profile import Profile
from fraudstream.detection.profiles.view import FeatureValues, ProfileView
from fraudstream.transactions.transaction import Transaction, TransactionType

if TYPE_CHECKING:
    from fraudstream.contract import EntityKind

NOW = 1_780_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def transaction(number: int, at: int = 0, **fields: Any) -> Transaction:
    known: dict[str, Any] = {
        "transaction_id": f"t{number}",
        "timestamp": NOW + at,
        "received_at": NOW,
        "amount_minor": 2000,
        "currency": "EUR",
        "type": TransactionType.PAYMENT,
        "customer_id": "ann",
        "card_token": "card",
        "device_id": "phone",
        "ip_address": "address",
    }
    return Transaction(**(known | fields))


def learnt(history: list[Transaction], before: Mapping[str, Profile] = MappingProxyType({})) -> dict[str, Profile]:
    """The profiles after a history, by key."""
    profiles = dict(before)
    for each in history:
        keys = entities(each)
        for kind, event in events_of(each, keys, each.amount_minor / 100, 10_000).items():
            profiles[keys[kind]] = profiles.get(keys[kind], Profile.new(kind)).after(event, late=True)
    return profiles


def seen(last: Transaction, profiles: dict[str, Profile], amount: float | None, delay: int = 7) -> FeatureValues:
    keys = entities(last)
    sights: dict[EntityKind, ProfileView] = {}
    for kind, event in events_of(last, keys, amount, 10_000).items():
        after = profiles.get(keys[kind], Profile.new(kind)).after(event, late=True)
        sights[kind] = ProfileView(after, event, counted=True, label_delay_days=delay)
    return compute(last, sights, amount, Calendar(label_delay_days=delay))


def computed(history: list[Transaction], last: Transaction) -> dict[str, float | None]:
    return seen(last, learnt(history), last.amount_minor / 100)
