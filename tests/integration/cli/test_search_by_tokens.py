"""`fraudstream search` while tokens change their number: what is stored may have any of a customer's tokens."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from fraudstream.contract import TOKENS_ALIAS
from fraudstream_tools.cli.support.local.lambda_endpoint import lambda_endpoint
from tests.aws_harness import create_profiles_table
from tests.cli_harness import Command
from tests.console_harness import PROFILES
from tests.integration.cli.review_harness import NOW, System
from tests.integration.console.privacy_harness import ANN, NEWER, ask

PROCESSOR = "lambda-transaction-processor-test"


@pytest.fixture
def desk(fraudstream: Command, system: System, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """A stack whose keys have two numbers: its processor knows the tokens of both."""
    create_profiles_table(system.dynamodb, PROFILES)

    def answer(function: str, event: Mapping[str, Any]) -> object:
        assert function == f"{PROCESSOR}:{TOKENS_ALIAS}"
        return {"tokens": ask(**event)}

    with lambda_endpoint(answer) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        monkeypatch.setenv("FRAUDSTREAM_PROFILES_TABLE", PROFILES)
        monkeypatch.setenv("FRAUDSTREAM_PROCESSOR_FUNCTION", PROCESSOR)
        monkeypatch.setenv("FRAUDSTREAM_TOKEN_KEYS", "2")
        yield fraudstream


@pytest.mark.parametrize("asked", ["ann", ANN])
def test_what_any_token_of_a_customer_leads_to_is_found(desk: Command, system: System, asked: str) -> None:
    system.alert("older", customer=ANN, at=NOW)
    system.alert("newer", customer=NEWER, at=NOW + 1)
    ran = desk("search", asked, "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["token"] == NEWER
    assert [each["transactionId"] for each in found["alerts"]] == ["newer", "older"]
    assert {each["transactionId"] for each in found["transactions"]} == {"newer", "older"}


def test_no_more_transactions_are_shown_than_were_asked_for(desk: Command, system: System) -> None:
    for number, customer in enumerate((ANN, NEWER, ANN)):
        system.store(f"order-{number}", customer=customer)
    ran = desk("search", "ann", "--limit", "2", "--json")
    assert ran.code == 0, ran.err
    assert len(json.loads(ran.out)["transactions"]) == 2
