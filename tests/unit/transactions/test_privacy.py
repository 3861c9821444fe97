import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.transactions.pseudonyms.tokens import EntityKind, Tokenizer, TokenKeyError, coarse

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
    assert len(tokens) == 2 * len(EntityKind)


def test_a_token_is_what_it_always_was() -> None:
    # Blocked lists, profiles and the decision log hold tokens: another way of making them would orphan all of it.
    assert Tokenizer(KEY).token(EntityKind.CUSTOMER, "customer-81") == "tok_gX4wwmgX_cYWhX76FRHULQ"


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
