"""Questions for tokens that cannot be answered are refused in a sentence, without their values."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from fraudstream.contract import EntityKind
from fraudstream.transactions.pseudonyms.lookup import LookupRefusedError, find_tokens
from fraudstream.transactions.pseudonyms.tokens import Tokenizer, TokenRaiser

TOKENIZER = Tokenizer(base64.b64encode(bytes(32)).decode(), TokenRaiser(), 1)


def identifier(kind: str, value: object) -> Mapping[str, Any]:
    return {"identifiers": [{"kind": kind, "value": value}]}


def test_an_identifier_has_its_tokens() -> None:
    assert find_tokens(identifier("customer", "ann"), TOKENIZER, frozenset()) == [
        TOKENIZER.tokens(EntityKind.CUSTOMER, "ann")
    ]


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        (identifier("customer", "secret\ud800"), "an identifier holds what is no character"),
        (identifier("card", "\udfffsecret"), "an identifier holds what is no character"),
        (identifier("ip", "secret"), "an identifier of the kind ip is no address"),
        (identifier("ip", "secret\ud800"), "an identifier of the kind ip is no address"),
        (identifier("pet", "secret"), 'expected "identifiers"'),
        (identifier("customer", 1), 'expected "identifiers"'),
        ({"tokens": ["secret"]}, 'expected "identifiers"'),
        ({"tokens": ["tok9_" + "a" * 22]}, "a token has a number of which there is no key"),
    ],
)
def test_what_cannot_be_answered_is_refused(question: Mapping[str, Any], complaint: str) -> None:
    with pytest.raises(LookupRefusedError, match=complaint) as refused:
        find_tokens(question, TOKENIZER, frozenset())
    assert "secret" not in str(refused.value)
