import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft202012Validator

from fraudstream.transactions.api.answer import Problem, TransactionState
from fraudstream.transactions.api.openapi import openapi_document
from fraudstream.transactions.api.validation import RequestRefusedError, TimeBounds, read_request
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.decisions.inline import InlineDecision
from fraudstream.transactions.request import TransactionRequest

DOCUMENT = openapi_document()
REQUEST = DOCUMENT["components"]["schemas"]["TransactionRequest"]
EXAMPLE = DOCUMENT["paths"]["/transactions"]["post"]["requestBody"]["content"]["application/json"]["example"]
ALL_TIMES = TimeBounds(earliest=0, latest=4_102_444_800_000)


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        return {node["$ref"]} if "$ref" in node else set().union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


def test_the_published_document_is_in_step_with_the_schema() -> None:
    published = Path(__file__).parents[3] / "docs" / "openapi.json"
    assert json.loads(published.read_text(encoding="utf-8")) == DOCUMENT, "run `make openapi`"


def test_every_reference_leads_somewhere() -> None:
    names = {reference.removeprefix("#/components/schemas/") for reference in references(DOCUMENT)}
    assert names == set(DOCUMENT["components"]["schemas"])


def test_the_request_needs_nothing_outside_itself_and_draft_4_reads_it_too() -> None:
    assert references(REQUEST) == set()
    Draft4Validator.check_schema(REQUEST)
    Draft202012Validator.check_schema(REQUEST)


def test_the_request_names_every_field_and_no_other() -> None:
    assert set(REQUEST["properties"]) == {info.encode_name for info in msgspec.structs.fields(TransactionRequest)}
    assert REQUEST["additionalProperties"] is False
    assert all(schema["description"] for schema in REQUEST["properties"].values())


def test_the_example_is_valid() -> None:
    Draft202012Validator(REQUEST).validate(EXAMPLE)
    assert read_request(json.dumps(EXAMPLE).encode(), ALL_TIMES)


def test_currencies_and_countries_are_listed() -> None:
    assert {"EUR", "JPY", "KWD"} < set(REQUEST["properties"]["currency"]["enum"])
    for name in ("cardCountry", "merchantCountry", "billingCountry", "ipCountry"):
        assert {"DE", "XK"} < set(REQUEST["properties"][name]["enum"])


@pytest.mark.parametrize("name", [name for name, field in REQUEST["properties"].items() if field["type"] == "integer"])
def test_the_document_tells_how_a_fraction_of_an_integer_is_refused(name: str) -> None:
    """A JSON schema takes 204.0 as an integer, and this API does not."""
    body = EXAMPLE | {name: 204.0}
    Draft202012Validator(REQUEST).validate(body)
    with pytest.raises(RequestRefusedError) as refused:
        read_request(json.dumps(body).encode(), ALL_TIMES)
    description = DOCUMENT["paths"]["/transactions"]["post"]["responses"]["400"]["description"]
    (message,) = [error.message for error in refused.value.errors if error.field == name]
    assert any(message.startswith(said) for said in description.split("`")[1::2])


def test_every_answer_that_is_no_success_is_a_problem() -> None:
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            assert "504" in operation["responses"]
            failed = [answer for status, answer in operation["responses"].items() if status >= "400"]
            assert all(answer["content"].keys() == {"application/problem+json"} for answer in failed)


@pytest.mark.parametrize("answer", [TransactionState, Problem])
def test_answers_are_described_by_their_own_types(answer: type[msgspec.Struct]) -> None:
    properties = DOCUMENT["components"]["schemas"][answer.__name__]["properties"]
    assert set(properties) == {info.encode_name for info in msgspec.structs.fields(answer)}


def test_what_is_null_in_an_answer_may_be_null() -> None:
    """A decision by rules alone names no model."""
    decision = InlineDecision(decision=Verdict.APPROVE, score=2, ruleset_version="8f65c2c8a05e", decided_at=1)
    Draft202012Validator(DOCUMENT["components"]["schemas"]["InlineDecision"]).validate(
        json.loads(msgspec.json.encode(decision))
    )


VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just([])


@given(st.dictionaries(st.sampled_from([*REQUEST["properties"], "other"]), VALUES, max_size=3))
def test_what_the_document_refuses_is_refused(changes: dict[str, Any]) -> None:
    document = EXAMPLE | changes
    if Draft4Validator(REQUEST).is_valid(document):
        return
    with pytest.raises(RequestRefusedError):
        read_request(json.dumps(document).encode(), ALL_TIMES)
