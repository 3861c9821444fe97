import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.contract import EntityKind
from fraudstream.transactions.pseudonyms.tokens import Tokenizer, TokenKeyError, TokenRaiser, coarse, number_of

KEY = base64.b64encode(bytes(range(32))).decode()


@given(st.text(max_size=64), st.sampled_from(EntityKind))
def test_a_token_is_always_the_same_and_tells_nothing(identifier: str, kind: EntityKind) -> None:
    token = Tokenizer(KEY).token(kind, identifier)
    assert token == Tokenizer(KEY).token(kind, identifier)
    assert token.startswith("tok_")
    assert len(token) == 26


def test_a_token_depends_on_the_kind_and_on_the_key() -> None:
    other_key = base64.b64encode(bytes(32)).decode()
    tokens = {Tokenizer(key).token(kind, "4711") for key in (KEY, other_key) for kind in EntityKind}
    # A counterparty may be a customer too, and has the same token then.
    assert len(tokens) == 2 * (len(EntityKind) - 1)


def test_a_token_is_what_it_always_was() -> None:
    # Blocked lists, profiles and the decision log hold tokens: another way of making them would orphan all of it.
    assert Tokenizer(KEY).token(EntityKind.CUSTOMER, "customer-81") == "tok_gX4wwmgX_cYWhX76FRHULQ"


SECOND, THIRD = (base64.b64encode(bytes([number]) * 32).decode() for number in (2, 3))


def test_a_later_token_is_made_of_the_one_before_and_the_next_key_alone() -> None:
    both = TokenRaiser(f"{SECOND},{THIRD}")
    first, second, third = Tokenizer(KEY, both, 1).tokens(EntityKind.CUSTOMER, "customer-81")
    assert [number_of(each) for each in (first, second, third)] == [1, 2, 3]
    assert first == Tokenizer(KEY).token(EntityKind.CUSTOMER, "customer-81")
    assert (
        second == Tokenizer(KEY, both, 2).token(EntityKind.CUSTOMER, "customer-81") == TokenRaiser(SECOND).raised(first)
    )
    assert third == both.raised(first) == both.raised(second) == both.raised(third)
    assert both.later(second) == [second, third]


def test_later_tokens_are_what_they_always_were() -> None:
    # As those of number 1: another way of making them would orphan everything.
    token = TokenRaiser(SECOND).raised("tok_gX4wwmgX_cYWhX76FRHULQ")
    assert token == "tok2_TiXITj6xGNuDtkVuXkNFYQ"


def test_a_number_without_a_key_is_refused() -> None:
    with pytest.raises(TokenKeyError, match="no token key of number 2"):
        Tokenizer(KEY, TokenRaiser(), 2)


@pytest.mark.parametrize("key", ["", "short", "%%%", base64.b64encode(bytes(31)).decode(), "ä"])
def test_a_bad_key_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(TokenKeyError) as refusal:
        Tokenizer(key)
    assert not key or key not in str(refusal.value)


@given(st.floats(-180, 180))
def test_a_place_is_known_to_about_a_kilometre(degrees: float) -> None:
    assert abs(coarse(degrees) - degrees) <= 0.005 + 1e-9
    assert coarse(coarse(degrees)) == coarse(degrees)
    assert str(coarse(degrees)) != "-0.0"
