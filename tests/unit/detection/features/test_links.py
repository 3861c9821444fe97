"""Who shares a card, device or address, and whose cards were declined at a merchant."""

import pytest

from fraudstream.transactions.transaction import AuthorizationResult, Transaction
from tests.unit.detection.features.feature_harness import DAY, HOUR, MINUTE, computed, transaction


def test_distinct_merchants_and_customers_include_this_one() -> None:
    shops = [transaction(n, -n * HOUR, merchant_id=f"shop-{n}", customer_id=f"ann-{n}") for n in (3, 2, 1)]
    values = computed(shops, transaction(9, merchant_id="shop-2", customer_id="ben"))
    assert (values["cardMerchants7d"], values["deviceCustomers24h"]) == (3, 4)


def test_customers_of_a_device_are_counted_over_a_week() -> None:
    history = [transaction(n, -n * DAY, customer_id=f"ann-{n}") for n in (8, 6, 2)]
    assert computed(history, transaction(99))["deviceCustomers7d"] == 3


@pytest.mark.parametrize("entity", ["card", "device", "ip"])
def test_customers_who_share_something_are_counted_over_a_day_and_a_week(entity: str) -> None:
    history = [transaction(n, -n * 12 * HOUR, customer_id=f"ann-{n % 5}") for n in range(20, 0, -1)]
    values = computed(history, transaction(99, customer_id="ben"))
    assert (values[f"{entity}Customers24h"], values[f"{entity}Customers7d"]) == (2, 6)


def test_a_customer_is_counted_once_for_one_card_of_many_tokens() -> None:
    history = [transaction(n, -n * HOUR, card_token=f"wallet-{n}") for n in (3, 2, 1)]
    assert computed(history, transaction(99))["cardCustomers7d"] == 1


def of_bin(number: int, at: int, card_bin: str, code: str | None = "05") -> Transaction:
    declined = AuthorizationResult.DECLINED if code else AuthorizationResult.APPROVED
    return transaction(
        number,
        at,
        merchant_id="shop",
        card_token=f"card-{number}",
        card_bin=card_bin,
        card_last4=f"{number:04}",
        authorization_result=declined,
        response_code=code,
    )


def test_declined_cards_of_one_bin_at_a_merchant_are_told_from_others() -> None:
    history = [
        of_bin(1, -2 * HOUR, "400000"),
        *(of_bin(number, -10 * number * MINUTE, "400000") for number in (5, 4)),
        of_bin(3, -9 * MINUTE, "510000"),
        of_bin(6, -8 * MINUTE, "400000", code=None),
        of_bin(7, -7 * MINUTE, "400000", code="91"),
        of_bin(4, -6 * MINUTE, "400000"),
    ]
    assert computed(history, of_bin(8, 0, "400000"))["merchantBinDeclinedCards1h"] == 3
    assert computed(history, of_bin(8, 0, "510000", code=None))["merchantBinDeclinedCards1h"] == 1
    assert "merchantBinDeclinedCards1h" not in computed(history, transaction(9, merchant_id="shop"))
    assert computed(history, transaction(9, merchant_id="shop"))["merchantDeclinedCards1h"] == 3


def test_declines_that_say_nothing_about_the_card_do_not_count() -> None:
    declines = [
        transaction(number, -MINUTE, authorization_result=AuthorizationResult.DECLINED, response_code=code)
        for number, code in enumerate(["91", "96", "1A", "65", "70", "05", None])
    ]
    assert computed(declines, transaction(9))["cardDeclines24h"] == 2
