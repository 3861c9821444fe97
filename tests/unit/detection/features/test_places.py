"""Where a customer or a card was, and how far that is from here."""

import math
from typing import Any

import pytest

from fraudstream.detection.features import travel
from fraudstream.transactions.transaction import Channel, EntryMode, TransactionType
from tests.unit.detection.features.feature_harness import HOUR, computed, transaction

ONLINE = {"channel": Channel.ECOMMERCE, "entry_mode": EntryMode.ECOMMERCE}


@pytest.mark.parametrize(
    ("fields", "was_there"),
    [
        ({}, True),
        ({"channel": Channel.MOBILE, "entry_mode": EntryMode.CONTACTLESS}, True),
        (ONLINE, False),
        ({"channel": Channel.MOTO}, False),
        ({"type": TransactionType.REFUND}, False),
        (ONLINE | {"card_country": "DE"}, False),
        (ONLINE | {"card_country": "VN"}, True),
        (ONLINE | {"ip_country": "VN"}, True),
    ],
)
def test_who_orders_abroad_was_not_there(fields: dict[str, Any], *, was_there: bool) -> None:
    history = [transaction(1, -5 * HOUR, merchant_country="VN", **fields)]
    later = [transaction(10 + number, -HOUR + number, ip_country="DE") for number in range(20)]
    for earlier in (history, [*history, *later]):
        values = computed(earlier, transaction(99, ip_country="VN"))
        assert values["customerCountryAgeHours"] == (pytest.approx(5, abs=1) if was_there else 0)
    assert "customerCountryAgeHours" not in computed([], transaction(99, merchant_country="VN", **ONLINE))


def test_the_distance_of_two_cities_is_right_within_a_kilometre() -> None:
    paris = transaction(1, -2 * HOUR, latitude=48.86, longitude=2.35)
    values = computed([paris], transaction(2, latitude=51.51, longitude=-0.13))
    assert values["travelKm"] == pytest.approx(343.9, abs=1)
    assert values["travelHours"] == 2
    assert values["travelKmPerHour"] == pytest.approx(172, abs=1)


def test_opposite_ends_of_the_earth_are_half_its_circumference_apart() -> None:
    start = transaction(1, -HOUR, latitude=0.0, longitude=0.0)
    values = computed([start], transaction(2, latitude=0.0, longitude=180.0))
    assert values["travelKm"] == pytest.approx(math.pi * travel.EARTH_RADIUS_KM)


def test_a_card_comes_from_where_it_was_and_not_from_where_another_was() -> None:
    hers, his = {"card_token": "hers", "latitude": 48.86, "longitude": 2.35}, {"card_token": "his"}
    london = {"latitude": 51.51, "longitude": -0.13}
    values = computed(
        [transaction(1, -2 * HOUR, **hers), transaction(2, -HOUR, **his, **london)], transaction(3, **hers)
    )
    assert values["cardTravelKmPerHour"] == 0
    assert values["travelKmPerHour"] == pytest.approx(343.9, abs=1)


def test_a_card_that_was_nowhere_yet_comes_from_nowhere() -> None:
    paris = transaction(1, -2 * HOUR, latitude=48.86, longitude=2.35)
    values = computed([paris], transaction(2, card_token="other", latitude=51.51, longitude=-0.13))
    assert "cardTravelKmPerHour" not in values
    assert values["travelKm"] == pytest.approx(343.9, abs=1)


def test_a_refund_says_nothing_of_where_the_customer_is() -> None:
    paris = transaction(1, -2 * HOUR, latitude=48.86, longitude=2.35)
    refund = transaction(2, -HOUR, type=TransactionType.REFUND, latitude=51.51, longitude=-0.13)
    assert computed([paris, refund], transaction(3, latitude=48.86, longitude=2.35))["travelKm"] == 0
    assert "travelKm" not in computed([paris], refund)


@pytest.mark.parametrize(
    "remote",
    [
        {"channel": Channel.ECOMMERCE},
        {"channel": Channel.MOBILE},
        {"channel": Channel.MOTO, "entry_mode": EntryMode.MANUAL},
        {"entry_mode": EntryMode.CREDENTIAL_ON_FILE},
    ],
)
def test_a_purchase_from_afar_is_compared_with_a_place_and_makes_none(remote: dict[str, Any]) -> None:
    paris: dict[str, Any] = {"latitude": 48.86, "longitude": 2.35}
    london: dict[str, Any] = {"latitude": 51.51, "longitude": -0.13}
    seen_there, bought = transaction(1, -2 * HOUR, **paris), transaction(2, -HOUR, **london, **remote)
    assert computed([seen_there], bought)["travelKm"] == pytest.approx(343.9, abs=1)
    back = computed([seen_there, bought], transaction(3, **paris))
    assert (back["travelKm"], back["travelHours"], back["cardTravelKmPerHour"]) == (0, 2, 0)


def test_a_telephone_held_to_a_till_was_there() -> None:
    tapped = transaction(
        1, -HOUR, channel=Channel.MOBILE, entry_mode=EntryMode.CONTACTLESS, latitude=0.0, longitude=0.0
    )
    assert computed([tapped], transaction(2, latitude=0.0, longitude=0.0))["travelHours"] == 1
