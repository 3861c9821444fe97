"""Ids of rules in their stored form."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.transactions.decisions.decision import Decision, Verdict, plain_values
from fraudstream.transactions.decisions.rule_ids import pack, unpack

IDS = st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,40}", fullmatch=True), min_size=1, max_size=200).map(tuple)


def decision(unevaluable: tuple[str, ...]) -> Decision:
    return Decision(decision=Verdict.APPROVE, score=1, ruleset_version="1", decided_at=1, unevaluable_rules=unevaluable)


@given(IDS)
def test_ids_come_back_as_they_were(ids: tuple[str, ...]) -> None:
    assert unpack(pack(ids)) == ids


def test_ids_made_of_usual_words_take_few_bytes() -> None:
    ids = ("card-testing-address", "new-payee-large-amount", "foreign-cash-night")
    assert len(pack(ids)) < len("\n".join(ids)) / 2


def test_ids_of_a_newer_form_are_not_known() -> None:
    assert unpack(b"\x02anything") == ()


@pytest.mark.parametrize("packed", [b"", b"\0", b"\x01", pack(("card-velocity",))[:-2], b"\x01" + b"\xff" * 9])
def test_damaged_ids_are_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        unpack(packed)


def test_more_ids_than_any_ruleset_has_are_refused() -> None:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    with pytest.raises(ValueError, match="damaged"):
        unpack(b"\x01" + deflate.compress(b"a" * 1_000_000) + deflate.flush())


@pytest.mark.parametrize("ids", [(), ("card-velocity",), ("mine-1", "mine-2")])
def test_a_decision_lists_them_as_before(ids: tuple[str, ...]) -> None:
    item = decision(ids).to_item()
    assert "unevaluableRules" not in item
    assert Decision.from_item(item) == decision(ids)
    assert plain_values(item).get("unevaluableRules", ()) == ids


def test_a_decision_of_0_1_0_lists_them_in_plain_words() -> None:
    item = decision(()).to_item() | {"unevaluableRules": {"L": [{"S": "card-velocity"}, {"S": "mine"}]}}
    assert Decision.from_item(item) == decision(("card-velocity", "mine"))
