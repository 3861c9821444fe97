"""Amounts: what is spent, near a threshold, or round."""

from typing import Any

import pytest

from fraudstream.transactions.transaction import AuthorizationResult, TransactionType
from tests.unit.detection.features.feature_harness import DAY, HOUR, MINUTE, computed, transaction


def test_refunds_deposits_and_amounts_near_the_threshold_are_counted_apart() -> None:
    history = [
        transaction(1, -HOUR, type=TransactionType.REFUND),
        transaction(2, -HOUR, type=TransactionType.DEPOSIT, amount_minor=950_000),
        transaction(3, -HOUR, type=TransactionType.TRANSFER, amount_minor=900_000),
        transaction(4, -HOUR, type=TransactionType.PAYMENT, amount_minor=1_000_000),
        transaction(5, -25 * HOUR, type=TransactionType.WITHDRAWAL),
    ]
    values = computed(history, transaction(9))
    assert (values["customerRefunds7d"], values["customerRefundSum7d"]) == (1, 20)
    assert (values["customerIn24h"], values["customerOut24h"]) == (9500, 9000)
    assert values["customerNearThreshold7d"] == 2


@pytest.mark.parametrize("code", ["91", "51", "61", None])
def test_what_was_declined_or_takes_back_is_not_near_the_threshold(code: str | None) -> None:
    declined = {"authorization_result": AuthorizationResult.DECLINED, "response_code": code}
    history = [
        transaction(1, -5 * HOUR, type=TransactionType.WITHDRAWAL, amount_minor=950_000, **declined),
        transaction(2, -4 * HOUR, type=TransactionType.DEPOSIT, amount_minor=950_000),
        transaction(3, -3 * HOUR, type=TransactionType.REVERSAL, amount_minor=950_000),
        transaction(4, -2 * HOUR, type=TransactionType.REFUND, amount_minor=950_000),
    ]
    later = [transaction(10 + number, -HOUR + number) for number in range(20)]
    assert computed(history, transaction(99))["customerNearThreshold7d"] == 1
    assert computed([*history, *later], transaction(99))["customerNearThreshold7d"] == 1, "by days as by the ring"


@pytest.mark.parametrize("older", [0, 12])
@pytest.mark.parametrize("kind", [TransactionType.REVERSAL, TransactionType.REFUND])
def test_an_amount_of_which_most_was_taken_back_does_not_stand(kind: TransactionType, older: int) -> None:
    near: dict[str, Any] = {"type": TransactionType.DEPOSIT, "amount_minor": 950_000}
    history = [transaction(20, -3 * DAY, **near), *(transaction(30 + n, -2 * DAY + n) for n in range(older))]
    history += [transaction(1, -4 * HOUR, **near)]
    back: dict[str, Any] = {"type": kind, "original_transaction_id": "t1"}
    declined = {"authorization_result": AuthorizationResult.DECLINED}
    told = {
        1: [transaction(2, -HOUR, **back, amount_minor=950_000)],
        2: [transaction(2, -HOUR, **back, amount_minor=950_000, **declined)],
    }
    parts = [transaction(2 + number, -HOUR + number, **back, amount_minor=240_000) for number in range(2)]
    for expected, then in (*told.items(), (1, parts), (2, parts[:1])):
        assert computed([*history, *then], transaction(99))["customerNearThreshold7d"] == expected


def test_the_same_amount_at_the_same_merchant_is_told_from_others() -> None:
    first = transaction(1, -2 * MINUTE, merchant_id="shop")
    assert computed([first], transaction(9, merchant_id="shop"))["cardRepeatSeconds"] == 120
    assert "cardRepeatSeconds" not in computed([first], transaction(9, merchant_id="other"))
    assert "cardRepeatSeconds" not in computed([first], transaction(9, merchant_id="shop", amount_minor=2001))


@pytest.mark.parametrize(
    ("amount_minor", "currency", "zeros"), [(100_000, "EUR", 3), (100_001, "EUR", 0), (0, "EUR", 0), (5000, "JPY", 3)]
)
def test_round_amounts_are_counted_in_the_transactions_own_currency(
    amount_minor: int, currency: str, zeros: int
) -> None:
    assert computed([], transaction(1, amount_minor=amount_minor, currency=currency))["amountTrailingZeros"] == zeros


def test_sums_leave_out_what_was_declined_and_what_is_no_spending() -> None:
    declined = transaction(1, -MINUTE, authorization_result=AuthorizationResult.DECLINED)
    refund = transaction(2, -MINUTE, type=TransactionType.REFUND)
    values = computed([declined, refund, transaction(3, -MINUTE)], transaction(9))
    assert values["cardSum24h"] == 20.0
    assert values["cardCount1h"] == 2
