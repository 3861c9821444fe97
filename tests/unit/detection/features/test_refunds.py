"""Refunds and reversals, beside what they take back."""

from typing import Any

import pytest

from fraudstream.transactions.transaction import AuthorizationResult, TransactionType
from tests.unit.detection.features.feature_harness import DAY, HOUR, MINUTE, computed, transaction


def test_a_reversal_has_no_payee() -> None:
    first = transaction(1, -DAY, type=TransactionType.TRANSFER, counterparty_token="ben")
    back = transaction(2, type=TransactionType.REVERSAL, original_transaction_id="t1", counterparty_token="ben")
    assert "customerPayeeAgeHours" not in computed([first], back)
    assert computed([first, back], transaction(3, counterparty_token="ben"))["customerPayeesKnown"] == 1


def test_refunds_are_counted_beyond_the_ring() -> None:
    history = [transaction(number, -number * HOUR, type=TransactionType.REFUND) for number in range(40, 0, -1)]
    values = computed(history, transaction(99))
    assert (values["customerRefunds7d"], values["customerRefundSum7d"]) == (40, 800)


def test_a_refund_is_compared_with_the_payment_that_it_takes_back() -> None:
    paid = transaction(1, -DAY, merchant_id="shop")
    back: dict[str, Any] = {"type": TransactionType.REFUND, "original_transaction_id": "t1", "merchant_id": "shop"}
    whole = computed([paid], transaction(9, **back))
    assert (whole["customerRefundRatio"], whole["merchantRefundOtherCard"]) == (1, 0)
    assert computed([paid], transaction(9, **back, amount_minor=5000))["customerRefundRatio"] == 2.5
    other = computed([paid], transaction(9, **back, customer_id="ben", card_token="other"))
    assert other["merchantRefundOtherCard"] == 1
    assert "customerRefundRatio" not in other
    assert "merchantRefundOtherCard" not in computed([], transaction(9, **back))
    assert "customerRefundRatio" not in computed([paid], transaction(9, merchant_id="shop"))


def test_a_payment_that_only_the_card_remembers_is_compared_with_its_refund() -> None:
    others = [transaction(number, -number * MINUTE, card_token="another") for number in range(40, 20, -1)]
    refund = transaction(9, type=TransactionType.REFUND, original_transaction_id="t1", amount_minor=6000)
    assert computed([transaction(1, -DAY), *others], refund)["customerRefundRatio"] == 3


def test_refunds_of_one_payment_add_up_unless_they_were_declined() -> None:
    paid = transaction(1, -DAY)
    back = {"type": TransactionType.REFUND, "original_transaction_id": "t1"}
    part = transaction(2, -HOUR, **back, amount_minor=1500)
    refused = transaction(3, -MINUTE, **back, authorization_result=AuthorizationResult.DECLINED)
    of_another = transaction(4, -MINUTE, type=TransactionType.REFUND, original_transaction_id="t0")
    assert computed([paid, part, refused, of_another], transaction(9, **back, amount_minor=1500))[
        "customerRefundRatio"
    ] == pytest.approx(1.5)


@pytest.mark.parametrize(
    "without_money", [{"type": TransactionType.REFUND}, {"authorization_result": AuthorizationResult.DECLINED}]
)
def test_what_gave_no_money_has_none_to_take_back(without_money: dict[str, Any]) -> None:
    first = transaction(1, -40 * DAY, merchant_id="shop")
    back = transaction(9, type=TransactionType.REFUND, original_transaction_id="t2", merchant_id="shop")
    values = computed([first, transaction(2, -DAY, merchant_id="shop", **without_money)], back)
    assert "customerRefundRatio" not in values
    assert values["refundSearchedDays"] == 40


def test_a_refund_has_no_payee() -> None:
    back = {"type": TransactionType.REFUND, "original_transaction_id": "t1", "counterparty_token": "shop"}
    values = computed([transaction(1, -DAY), transaction(2, -HOUR, **back)], transaction(9, **back))
    assert values["customerPayeesKnown"] == 0
    assert "customerPayeeAgeHours" not in values
