"""What a look at a transaction is worth."""

import pytest

from fraudstream.transactions.decisions.expected_loss import expected_loss, likelihood


def test_a_probability_counts_and_a_score_stands_in_where_there_is_none() -> None:
    assert likelihood(0.04, 95) == 0.04
    assert likelihood(None, 95) == 0.95
    assert expected_loss(0.04, 95, 400.0) == pytest.approx(0.8)
    assert expected_loss(None, 95, 400.0) == pytest.approx(19.0)


def test_a_probability_of_nothing_is_no_missing_one() -> None:
    assert expected_loss(0.0, 95, 400.0) == 0


def test_one_large_unlikely_amount_does_not_outrank_a_likely_fraud() -> None:
    assert expected_loss(0.9, 0, 400.0) > expected_loss(0.02, 0, 90_000.0)


@pytest.mark.parametrize("amount", [None, 0.0, -5.0])
def test_what_has_no_amount_to_compare_is_worth_nothing(amount: float | None) -> None:
    assert expected_loss(0.9, 90, amount) == 0
