"""Features: one definition, rounded to the stored form before they are judged."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.detection import features
from fraudstream.detection.entities import EntityKind
from fraudstream.detection.events import event_of
from fraudstream.detection.profiles import Profile
from fraudstream.transactions.transaction import AuthorizationResult, Transaction, TransactionType

NOW = 1_780_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

numbers = st.one_of(st.none(), st.floats(allow_nan=False), st.integers(-(2**40), 2**40))


def transaction(number: int, at: int = 0, **fields: object) -> Transaction:
    known = {
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


def computed(history: list[Transaction], last: Transaction) -> dict[str, float | None]:
    profiles = {kind: Profile(kind) for kind in EntityKind}
    for each in history:
        for kind, profile in profiles.items():
            profiles[kind] = profile.after(event_of(each, kind, each.amount_minor / 100))
    amount = last.amount_minor / 100
    now = {kind: (profile, event_of(last, kind, amount)) for kind, profile in profiles.items()}
    return features.compute(last, now, amount)


@given(st.dictionaries(st.sampled_from(features.NAMES), numbers))
def test_a_vector_is_judged_as_it_is_stored(values: dict[str, float | None]) -> None:
    judged = features.unpack(features.pack(values))
    again = features.pack(dict(zip(features.NAMES, judged, strict=True)))
    assert features.unpack(again) == judged
    assert all(value is None or math.isfinite(value) for value in judged)


@given(st.dictionaries(st.sampled_from(features.NAMES), numbers))
def test_a_missing_feature_stays_missing_and_a_zero_stays_a_zero(values: dict[str, float | None]) -> None:
    judged = dict(zip(features.NAMES, features.unpack(features.pack(values)), strict=True))
    assert {name for name, value in judged.items() if value is None} == {
        name for name in features.NAMES if values.get(name) is None
    }


def test_a_vector_takes_at_most_100_bytes() -> None:
    assert len(features.pack({})) <= 100


@pytest.mark.parametrize("packed", [b"", b"\x01", b"\x09" + bytes(75)])
def test_a_vector_of_another_schema_is_refused(packed: bytes) -> None:
    with pytest.raises(features.FeatureError, match="schema 1"):
        features.unpack(packed)


def test_every_feature_is_computed_where_nothing_is_missing() -> None:
    place = {"latitude": 52.5, "longitude": 13.4, "account_opened_at": NOW - DAY}
    history = [transaction(number, -number * MINUTE, **place) for number in (1, 2, 3)]
    assert computed(history, transaction(9, **place)).keys() == set(features.NAMES)


def test_windows_are_half_open_and_leave_the_transaction_out() -> None:
    values = computed([transaction(1, -HOUR), transaction(2, -HOUR + 1), transaction(3)], transaction(9))
    assert values["customerCount1h"] == 2
    assert values["cardCount2h"] == 3
    assert values["ipCount1h"] == 2


def test_counts_equal_those_of_exact_windows_while_the_ring_holds_them() -> None:
    chance = random.Random(20260101)
    history = [transaction(number, -chance.randrange(30 * HOUR)) for number in range(24)]
    values = computed(history, transaction(99))
    for name, hours in (("customerCount1h", 1), ("customerCount12h", 12), ("customerCount24h", 24)):
        assert values[name] == sum(1 for each in history if each.timestamp > NOW - hours * HOUR)


def test_sums_leave_out_what_was_declined_and_what_is_no_spending() -> None:
    declined = transaction(1, -MINUTE, authorization_result=AuthorizationResult.DECLINED)
    refund = transaction(2, -MINUTE, type=TransactionType.REFUND)
    values = computed([declined, refund, transaction(3, -MINUTE)], transaction(9))
    assert values["cardSum24h"] == 20.0
    assert values["cardCount1h"] == 2


def test_declines_that_say_nothing_about_the_card_do_not_count() -> None:
    declines = [
        transaction(number, -MINUTE, authorization_result=AuthorizationResult.DECLINED, response_code=code)
        for number, code in enumerate(["91", "96", "05", None])
    ]
    assert computed(declines, transaction(9))["cardDeclines24h"] == 2


def test_the_distance_of_two_cities_is_right_within_a_kilometre() -> None:
    paris = transaction(1, -2 * HOUR, latitude=48.86, longitude=2.35)
    values = computed([paris], transaction(2, latitude=51.51, longitude=-0.13))
    assert values["travelKm"] == pytest.approx(343.9, abs=1)
    assert values["travelHours"] == 2
    assert values["travelKmPerHour"] == pytest.approx(172, abs=1)


def test_opposite_ends_of_the_earth_are_half_its_circumference_apart() -> None:
    start = transaction(1, -HOUR, latitude=0.0, longitude=0.0)
    values = computed([start], transaction(2, latitude=0.0, longitude=180.0))
    assert values["travelKm"] == pytest.approx(math.pi * features.EARTH_RADIUS_KM)


def test_a_device_is_new_at_its_first_use_and_ages_from_there() -> None:
    assert computed([transaction(1, -HOUR, device_id="other")], transaction(9))["customerDeviceAgeHours"] == 0
    assert computed([transaction(1, -3 * HOUR)], transaction(9))["customerDeviceAgeHours"] == 3


def test_a_customer_without_a_history_has_no_mean_but_an_age() -> None:
    values = computed([], transaction(1))
    assert values["customerAgeDays"] == 0
    assert "customerAmountMean" not in values


def test_what_a_transaction_lacks_is_missing() -> None:
    bare = transaction(1, card_token=None, device_id=None, ip_address=None)
    profile = Profile(EntityKind.CUSTOMER)
    values = features.compute(bare, {EntityKind.CUSTOMER: (profile, event_of(bare, EntityKind.CUSTOMER, None))}, None)
    assert values["amountBase"] is None
    assert not {"cardCount1h", "customerDeviceAgeHours", "travelKm", "ipCount1h", "accountAgeDays"} & values.keys()
