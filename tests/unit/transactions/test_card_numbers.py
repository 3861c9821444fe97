import string
import sys
import unicodedata
from random import Random
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.privacy.embeddings import EMBEDDINGS
from benchmarks.privacy.measure import embedding_shares, ordinary_shares
from benchmarks.privacy.numbers import SCHEMES, card_number, is_bare_number
from benchmarks.privacy.ordinary import ORDINARY
from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream.transactions.card_numbers.iban import holds_iban

# The schemes' and payment providers' published test numbers.
TEST_CARDS = (
    "4111111111111111",
    "4012888888881881",
    "5555555555554444",
    "5105105105105100",
    "2223003122003222",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "3530111333300000",
    "30569309025904",
    "38520000023237",
    "6200000000000005",
    "6759649826438453",
    "2200000000000004",
)


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_a_card_number_is_refused_in_whatever_it_is_written(name: str) -> None:
    (share,) = embedding_shares({name: EMBEDDINGS[name]}, numbers=20)
    assert share.worst == 1, share.worst_scheme


@pytest.mark.parametrize("share", list(ordinary_shares(texts=200)), ids=lambda share: share.name)
def test_ordinary_ids_pass(share: Any) -> None:
    # One of 200 by chance; `make bench-privacy` counts in 50,000.
    assert share.refused <= 1 / 200


@pytest.mark.parametrize("kind", ["phone number with +", "phone number with +, in groups", "phone number without +"])
def test_phone_numbers_pass_all(kind: str) -> None:
    chance = Random(kind)
    assert not any(holds_card_number(ORDINARY[kind](chance)) for _ in range(3000))


def test_what_is_a_card_number_by_itself_is_refused_whatever_it_meant() -> None:
    chance = Random(3)
    orders = [ORDINARY["order YYMMDDhhmmss####"](chance) for _ in range(500)]
    assert [order for order in orders if holds_card_number(order)] == [o for o in orders if is_bare_number(o)]
    assert any(map(is_bare_number, orders))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_is_known_with_each_of_its_lengths(scheme: str) -> None:
    chance = Random(scheme)
    numbers = [card_number(chance, scheme) for _ in range(300)]
    assert {len(number) for number in numbers} == set(SCHEMES[scheme][1])
    assert all(map(holds_card_number, numbers))


@given(st.sampled_from(TEST_CARDS), st.integers(1, 9))
def test_a_wrong_check_digit_is_no_card_number(number: str, shift: int) -> None:
    assert not holds_card_number(f"{number[:-1]}{(int(number[-1]) + shift) % 10}")


@given(
    st.sampled_from(TEST_CARDS), st.text(st.characters(exclude_categories=["N"], exclude_characters="%"), max_size=9)
)
def test_a_card_number_is_found_in_the_middle_of_a_text(number: str, around: str) -> None:
    assert holds_card_number(f"{around}{number}{around}")
    assert holds_card_number(f"card {number} 12/27")


@given(
    st.sampled_from(TEST_CARDS), st.lists(st.text(string.punctuation.replace("%", "") + " ", max_size=4), min_size=18)
)
def test_any_marks_may_lie_between_any_digits(number: str, marks: list[str]) -> None:
    text = "".join(digit + mark for digit, mark in zip(number, marks, strict=False))
    assert holds_card_number(text)


def test_digits_of_every_script_are_digits() -> None:
    zeros = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.decimal(chr(code), None) == 0]
    assert len(zeros) > 60
    for zero in zeros:
        assert holds_card_number("".join(chr(ord(zero) + int(digit)) for digit in TEST_CARDS[0])), zero


@pytest.mark.parametrize(
    "text",
    [
        "",
        "customer-81",
        "GB82WEST12345698765432",
        "DE89370400440532013000",
        "4006381333931",  # an article number (EAN-13)
        "4915123456783",  # a phone number of Germany with the check digit of a Visa number of 13 digits
        "2026-11-23T10:11:12.123456Z",
        "2026-11-30 05:11:12.123456",
        "+44 20 7946 0958",
        "192.168.100.200",
        "62.123.123.123:54321",
        "304-1234567-1234567",
        "1234567890123456",
        "0000000000000000",
        "100%41",
    ],
)
def test_ordinary_texts_pass(text: str) -> None:
    assert not holds_card_number(text)


def test_an_order_number_passes_as_the_api_page_advises() -> None:
    chance = Random(5)
    orders = [ORDINARY["order YYMMDDhhmmss####"](chance) for _ in range(2000)]
    refused = [order for order in orders if holds_card_number(order)]
    assert refused
    assert not any(holds_card_number(f"{order[:6]}-order-{order[6:]}") for order in refused)
    assert not any(holds_card_number(hex(int(order))) for order in refused)


def test_an_account_number_with_wrong_check_digits_protects_no_card_number() -> None:
    assert holds_card_number(f"GB00A{TEST_CARDS[0]}")


@pytest.mark.parametrize(
    "text",
    [
        "DE89370400440532013000",
        "de89 3704 0044 0532 0130 00",
        "to:GB82-WEST-1234-5698-7654-32",
        "DE89370400440532013000-20261129-1",
        "DE89 3704 0044 0532 0130 00 rent",
        "AB12-DE89370400440532013000",
        "IBANDE89370400440532013000:1",
        "NO9386011117947EUR",
        "DE89--3704--0044--0532--0130--00",
        "DE89:/_-3704:/_-0044:/_-0532:/_-0130:/_-00",
    ],
)
def test_an_account_number_is_known(text: str) -> None:
    assert holds_iban(text)


@pytest.mark.parametrize(
    "text", ["DE88370400440532013000", "DE8937040044053201300", "XX89370400440532013000", "order-1"]
)
def test_what_is_no_account_number_is_not_taken_for_one(text: str) -> None:
    assert not holds_iban(text)


@pytest.mark.parametrize("kind", sorted(kind for kind in ORDINARY if not kind.startswith("IBAN")))
def test_an_ordinary_id_is_seldom_taken_for_an_account_number(kind: str) -> None:
    chance = Random(kind)
    assert sum(holds_iban(ORDINARY[kind](chance)) for _ in range(3000)) <= 3


def _lines(text: str) -> int:
    """Count the lines of Python that a scan runs through."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        holds_card_number(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "unit",
    ["4 ", "4", "4a", "4-", "42", "5A08", "4d15", "2026-11-23", "a4", "%34", "41111111-1111-1111-1111-111111111111 "],
)
def test_the_cost_of_a_scan_grows_with_the_text_and_no_faster(unit: str) -> None:
    some, twice, fourfold = (_lines((unit * 800)[:length]) for length in (200, 400, 800))
    # By differences: what is left at a text's end is too short for a number, and costs nothing.
    assert fourfold - twice <= 2.2 * (twice - some) + 200
    assert fourfold <= 800 * 150


@given(st.text("0123456789abcdefABCDEF -._:=%TZ", min_size=100, max_size=128))
@settings(deadline=None)  # tracing slows it
def test_no_text_of_a_fields_length_is_slow_to_scan(text: str) -> None:
    assert _lines(text) <= 128 * 150
