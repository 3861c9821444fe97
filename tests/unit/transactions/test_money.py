from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.transactions.values.countries import COUNTRIES
from fraudstream.transactions.values.money import (
    EXPONENTS,
    MAX_AMOUNT_MINOR,
    exponent,
    format_money,
    to_major,
    to_minor,
)

CURRENCIES = st.sampled_from(sorted(EXPONENTS))
AMOUNTS = st.integers(0, MAX_AMOUNT_MINOR)


@pytest.mark.parametrize(("currency", "digits"), [("JPY", 0), ("EUR", 2), ("USD", 2), ("BHD", 3), ("CLF", 4)])
def test_a_currency_knows_its_decimals(currency: str, digits: int) -> None:
    assert exponent(currency) == digits


@pytest.mark.parametrize("code", ["", "eur", "EURO", "XXX", "XAU", "ZZZ"])
def test_what_nobody_pays_in_is_no_currency(code: str) -> None:
    with pytest.raises(ValueError, match="not a currency") as refusal:
        exponent(code)
    assert not code or code not in str(refusal.value)


@given(AMOUNTS, CURRENCIES)
def test_minor_units_survive_the_way_to_major_units_and_back(amount_minor: int, currency: str) -> None:
    assert to_minor(to_major(amount_minor, currency), currency) == amount_minor


@given(AMOUNTS, AMOUNTS, CURRENCIES)
def test_major_units_add_up_as_minor_units_do(one: int, other: int, currency: str) -> None:
    assert to_major(one, currency) + to_major(other, currency) == to_major(one + other, currency)


@given(AMOUNTS, CURRENCIES)
def test_nothing_is_ever_rounded(amount_minor: int, currency: str) -> None:
    finer = to_major(amount_minor, currency) + Decimal("0.00001")
    with pytest.raises(ValueError, match="at most"):
        to_minor(finer, currency)


@pytest.mark.parametrize(
    "amount", ["12.3400000000000000000000000000000000000000000000000001", "NaN", "sNaN", "Infinity", "1e-400"]
)
def test_no_amount_is_too_strange_to_be_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="at most 2 decimals"):
        to_minor(Decimal(amount), "EUR")


@given(AMOUNTS, CURRENCIES)
def test_the_written_amount_has_exactly_the_currencys_decimals(amount_minor: int, currency: str) -> None:
    number, code = format_money(amount_minor, currency).split(" ")
    assert code == currency
    assert len(number.partition(".")[2]) == exponent(currency)
    assert Decimal(number.replace(",", "")) == to_major(amount_minor, currency)


def test_amounts_are_written_for_people() -> None:
    assert format_money(123_450, "EUR") == "1,234.50 EUR"
    assert format_money(1234, "JPY") == "1,234 JPY"


def test_the_tables_have_the_shape_of_their_standards() -> None:
    assert len(EXPONENTS) == 165
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in EXPONENTS)
    assert len(COUNTRIES) == 250
    assert all(len(code) == 2 and code.isascii() and code.isupper() for code in COUNTRIES)
