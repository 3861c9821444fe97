"""What is new to a customer, how long it has been known, and what is missing of who has no past."""

import pytest

from tests.unit.detection.features.feature_harness import DAY, HOUR, computed, seen, transaction


def test_what_was_known_before_is_counted_so_that_new_is_told_from_unknown() -> None:
    history = [transaction(n, -n * DAY, device_id=f"phone-{n}", counterparty_token=f"payee-{n}") for n in (20, 3, 2, 1)]
    values = computed(history, transaction(99, device_id="phone-99", counterparty_token="payee-99"))
    assert (values["customerDevicesKnown"], values["customerPayeesKnown"]) == (4, 4)
    nothing = computed([], transaction(99))
    assert (nothing["customerDevicesKnown"], nothing["customerPayeesKnown"]) == (0, 0)


def test_the_customers_own_hours_are_those_around_this_hour_of_the_day() -> None:
    history = [transaction(number, -number * 24 * HOUR) for number in range(30, 0, -1)]
    history += [transaction(99, -12 * HOUR)]
    assert computed(history, transaction(100))["customerHourShare"] == pytest.approx(30 / 31)


def test_a_new_country_and_a_new_payee_age_like_a_device() -> None:
    history = [transaction(1, -5 * HOUR, ip_country="DE", counterparty_token="ben")]
    same = computed(history, transaction(9, ip_country="DE", counterparty_token="ben"))
    assert (same["customerCountryAgeHours"], same["customerPayeeAgeHours"]) == (5, 5)
    new = computed(history, transaction(9, ip_country="FR", counterparty_token="cem"))
    assert (new["customerCountryAgeHours"], new["customerPayeeAgeHours"]) == (0, 0)


def test_what_was_familiar_before_the_ring_keeps_its_age_to_the_hour() -> None:
    history = [transaction(1, -50 * HOUR, device_id="old"), *(transaction(n, -n * HOUR) for n in range(30, 10, -1))]
    age = computed(history, transaction(99, device_id="old"))["customerDeviceAgeHours"]
    assert age is not None
    assert 50 <= age < 51


def test_a_device_is_new_at_its_first_use_and_ages_from_there() -> None:
    assert computed([transaction(1, -HOUR, device_id="other")], transaction(9))["customerDeviceAgeHours"] == 0
    assert computed([transaction(1, -3 * HOUR)], transaction(9))["customerDeviceAgeHours"] == 3


def test_a_customer_without_a_history_has_no_mean_but_an_age() -> None:
    values = computed([], transaction(1))
    assert values["customerAgeDays"] == 0
    assert "customerAmountMean" not in values


def test_what_a_transaction_lacks_is_missing() -> None:
    bare = transaction(1, card_token=None, device_id=None, ip_address=None)
    values = seen(bare, {}, None)
    assert values["amountBase"] is None
    assert not {"cardCount1h", "customerDeviceAgeHours", "travelKm", "ipCount1h", "accountAgeDays"} & values.keys()
