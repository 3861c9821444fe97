"""`search` and `erase` while tokens change their number: what is stored may have any of a customer's tokens."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from fraudstream.contract import TOKENS_ALIAS
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.cli.support.local.lambda_endpoint import lambda_endpoint
from tests.aws_harness import create_profiles_table
from tests.cli_harness import Command
from tests.console_harness import PROFILES
from tests.integration.cli.review_harness import NOW, TRANSACTIONS, System
from tests.integration.console.privacy_harness import ANN, BOB, NEWER, ask

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


@pytest.mark.parametrize("asked", ["ann", ANN, NEWER])
def test_who_is_to_be_erased_is_looked_for_by_all_tokens(desk: Command, system: System, asked: str) -> None:
    for name, customer in (("order-1", ANN), ("order-2", NEWER), ("order-3", BOB)):
        system.store(name, customer=customer)
    ran = desk("erase", "--customer", asked, "--dry-run", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["removed"]["transactions"] == 2


def test_a_legal_hold_by_an_earlier_token_keeps_a_person(desk: Command, system: System) -> None:
    system.store("order-1", customer=NEWER)
    hold = {"entity": f"hold#customer#{ANN}", "reason": "case 4711", "by": "arn:aws:iam::1:user/x", "since": NOW}
    system.dynamodb.put_item(TableName=PROFILES, Item=to_item(hold))
    ran = desk("erase", "--customer", NEWER, "--yes", "--json")
    assert (ran.code, "case 4711" in ran.err) == (1, True)
    # What it says to do when the hold has ended finds the hold.
    command = ran.err.partition("fraudstream ")[2].split()
    assert desk(*command).code == 0
    assert desk("erase", "--customer", NEWER, "--dry-run").code == 0


def test_nobody_is_erased_by_halves_where_the_processor_refuses(
    desk: Command, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, customer in (("order-1", ANN), ("order-2", NEWER)):
        system.store(name, customer=customer)
    monkeypatch.setenv("FRAUDSTREAM_PROCESSOR_FUNCTION", "lambda-of-somebody-else")
    ran = desk("erase", "--customer", NEWER, "--yes", "--json")
    assert (ran.code, "stored by earlier tokens" in ran.err) == (1, True)
    assert {item["transactionId"]["S"] for item in system.dynamodb.scan(TableName=TRANSACTIONS)["Items"]} == {
        "order-1",
        "order-2",
    }
