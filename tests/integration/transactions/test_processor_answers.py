"""What the transaction processor refuses, what it says when something fails, and what it logs and stores."""

import base64
import importlib
import json
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.settings import ProcessorSettings, environment
from fraudstream.transactions.api import routes
from tests.aws_harness import function_variables
from tests.integration.transactions.processor_harness import (
    CARD,
    DECISION,
    KEY,
    Processor,
    body_of,
    connect,
    make_processor,
    payment,
    request,
)

SAFE_HEADERS = {
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}


@pytest.mark.parametrize("transaction_id", ["unknown", "", "a/b", "x" * 300, CARD.replace(" ", ""), "%00"])
def test_an_unknown_id_is_not_found(processor: Processor, transaction_id: str) -> None:
    answer = processor.get(transaction_id)
    assert answer["statusCode"] == 404
    assert not transaction_id or transaction_id not in answer["body"]


@pytest.mark.parametrize("transaction_id", ["a/b", "x" * 300, CARD.replace(" ", "")])
def test_an_id_that_no_transaction_can_have_is_not_asked_for(processor: Processor, transaction_id: str) -> None:
    # What is asked of a table is in the trail of whoever keeps one: a card number must not come that far.
    assert processor.get(transaction_id)["statusCode"] == 404
    assert not processor.calls


def test_an_id_may_come_percent_encoded(processor: Processor) -> None:
    processor.post(payment(transactionId="shop:1"))
    assert processor.get("shop%3A1")["statusCode"] == 200


def test_a_body_may_come_as_base64(processor: Processor) -> None:
    body = base64.b64encode(json.dumps(payment()).encode()).decode()
    assert processor.post({}, body=body, isBase64Encoded=True)["statusCode"] == 201


def test_every_transaction_that_is_answered_has_the_headers_of_all_answers(processor: Processor) -> None:
    sent = payment()
    for answer in (processor.post(sent), processor.post(sent), processor.get(sent["transactionId"])):
        assert answer["statusCode"] in {200, 201}
        assert SAFE_HEADERS.items() <= answer["headers"].items()


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({"body": None}, 400),
        ({"body": "{"}, 400),
        ({"body": "\ud800"}, 400),
        ({"body": "%%%", "isBase64Encoded": True}, 400),
        ({"body": json.dumps(payment(metadata={"reference": CARD}))}, 400),
        ({"body": json.dumps(payment(amountMinor=1.5))}, 400),
        ({"body": "x" * 262_144}, 413),
        ({"body": " " * 16_385}, 413),
        ({"headers": None}, 415),
        ({"headers": {"content-type": "text/plain"}}, 415),
        ({"headers": {"content-type": "application/jsonp"}}, 415),
        ({"resource": "/other"}, 404),
    ],
)
def test_what_is_refused_is_neither_stored_nor_repeated(
    endpoint: str, table: str, capsys: pytest.CaptureFixture[str], event: dict[str, Any], status: int
) -> None:
    processor = make_processor(connect(endpoint), table)
    answer = processor.post(payment(), **event)
    assert answer["statusCode"] == status
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert body_of(answer)["status"] == status
    assert body_of(answer)["requestId"] == "11111111-aaaa"
    assert SAFE_HEADERS.items() <= answer["headers"].items()
    assert CARD not in answer["body"]
    assert processor.items() == []
    out = capsys.readouterr().out
    assert json.loads(out)["status"] == status
    assert CARD not in out


def test_the_largest_body_is_read(processor: Processor) -> None:
    assert processor.post({}, body=json.dumps(payment()).ljust(16_384))["statusCode"] == 201


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
@pytest.mark.parametrize("header", ["Content-Type", "content-type", "CONTENT-TYPE"])
def test_the_content_type_may_be_written_in_its_usual_ways(
    processor: Processor, header: str, content_type: str
) -> None:
    assert processor.post(payment(), headers={header: content_type})["statusCode"] == 201


def test_a_failing_table_is_answered_with_503_and_nothing_from_inside(
    endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    processor = make_processor(connect(endpoint, retries={"total_max_attempts": 1}), "no-such-table")
    for answer in (processor.post(payment()), processor.get("order-1")):
        assert answer["statusCode"] == 503
        assert answer["headers"]["Retry-After"] == "1"
        assert "no-such-table" not in answer["body"]
        assert "ResourceNotFound" not in answer["body"]
    for line in map(json.loads, capsys.readouterr().out.splitlines()):
        assert line["error"] == "ResourceNotFoundException"
        assert line["where"].startswith("store.py:")


def test_a_table_that_never_answers_is_given_up_at_the_deadline() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        attempts, read_timeout = 50, 1
        retries = {"mode": "standard", "total_max_attempts": attempts}
        client = connect(endpoint, read_timeout=read_timeout, retries=retries)
        processor = make_processor(client, "table")
        started = time.monotonic()
        assert processor.post(payment())["statusCode"] == 503
        # Without the deadline it would wait for every attempt; a pause before the last one may still run out.
        assert time.monotonic() - started < attempts * read_timeout


def test_whoever_comes_to_the_end_of_the_time_may_ask_again(
    processor: Processor, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = payment()
    monkeypatch.setattr(routes, "DEADLINE_SECONDS", 0.0)
    for answer in (processor.post(sent), processor.get(sent["transactionId"])):
        assert answer["statusCode"] == 503
        assert answer["headers"]["Retry-After"] == "1"


def test_an_unforeseen_error_tells_nothing(endpoint: str, table: str, capsys: pytest.CaptureFixture[str]) -> None:
    processor = make_processor(connect(endpoint), table)
    broken = replace(processor, api=replace(processor.api, clock=lambda: int(CARD)))
    answer = broken.post(payment())
    assert answer["statusCode"] == 500
    out = capsys.readouterr().out
    assert "ValueError" in out
    for text in (answer["body"], out):
        assert CARD not in text
        assert "invalid literal" not in text


def test_logs_name_a_transaction_by_its_id_only(endpoint: str, table: str, capsys: pytest.CaptureFixture[str]) -> None:
    processor = make_processor(connect(endpoint), table)
    sent = payment(customerId="someone@example.com", ipAddress="192.0.2.17", metadata={"campaign": "autumn-26"})
    processor.post(sent)
    processor.get(sent["transactionId"])
    out = capsys.readouterr().out
    (line,) = [json.loads(line) for line in out.splitlines()]
    assert line["transaction_id"] == sent["transactionId"]
    assert line["request_id"] == "11111111-aaaa"
    for value in ("someone@example.com", "192.0.2.17", "autumn-26", "4999", "tok_"):
        assert value not in out


def size_of(attribute: Mapping[str, Any]) -> int:
    """An attribute's size as DynamoDB bills it, by its documentation on item sizes."""
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return (len(value.lstrip("-").replace(".", "")) + 1) // 2 + 1 + value.startswith("-")
        case "B":
            return len(value)
        case "L":
            return 3 + sum(1 + size_of(element) for element in value)
        case "M":
            return 3 + sum(1 + len(name.encode()) + size_of(element) for name, element in value.items())
        case _:
            return 1


def test_a_typical_transaction_with_its_decision_takes_one_write_unit(processor: Processor) -> None:
    processor.post(
        payment(
            timestamp=processor.time[0],
            cardToken="card-5521",
            cardCountry="DE",
            billingCountry="DE",
            ipCountry="DE",
            merchantId="shop-17",
            merchantCategoryCode="5732",
            merchantCountry="NL",
            deviceId="device-9",
            ipAddress="192.0.2.17",
            channel="ECOMMERCE",
            entryMode="CREDENTIAL_ON_FILE",
            authorizationResult="APPROVED",
        )
    )
    (item,) = [item for item in processor.client.scan(TableName=processor.table)["Items"] if item["kind"]["S"] == "TXN"]
    item |= DECISION.to_item()
    assert sum(len(name.encode()) + size_of(attribute) for name, attribute in item.items()) <= 1024


def test_the_handler_serves_from_its_environment(
    aws: MinistackServer, table: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = environment(
        ProcessorSettings, environment_suffix="test", transactions_table=table, token_key=KEY, placeholders="unknown"
    )
    for name, value in function_variables(aws, settings).items():
        monkeypatch.setenv(name, value)
    handler: Callable[..., dict[str, Any]] = importlib.import_module(
        "fraudstream.functions.transaction_processor"
    ).handler
    arn = "arn:aws:lambda:us-east-2:000000000000:function:lambda-transaction-processor-test"

    def context(invoked: str) -> object:
        return type("Context", (), {"aws_request_id": "22222222-bbbb", "invoked_function_arn": invoked})()

    event = request("POST", "/transactions", body=json.dumps(payment(customerId=" zoë ")))
    answers = [handler(event, context(arn)), handler(event, context(arn))]
    question = {"identifiers": [{"kind": "customer", "value": "zoe\u0308"}, {"kind": "customer", "value": "unknown"}]}
    found = handler(question, context(f"{arn}:tokens"))
    # Each name of the function takes its own events, and none of the other's.
    not_found = handler(question, context(arn))
    with pytest.raises(ValueError, match="expected") as refusal:
        handler(event, context(f"{arn}:tokens"))
    del sys.modules["fraudstream.functions.transaction_processor"]
    assert [answer["statusCode"] for answer in answers] == [201, 200]
    assert found == {"tokens": [[json.loads(answers[0]["body"])["customerId"]], []]}
    assert not_found["statusCode"] == 404
    assert "zo" not in str(refusal.value)
    out = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    # Lines of metrics say what came of a request, and have the id by which the access log has it.
    assert {line["function_request_id"] for line in out if "_aws" not in line} == {"22222222-bbbb"}
    assert {line["request_id"] for line in out if "_aws" in line} == {"11111111-aaaa"}
    assert [line["TransactionsStored"] for line in out if "TransactionsStored" in line] == [[1]]
    assert [line["TransactionsRepeated"] for line in out if "TransactionsRepeated" in line] == [[1]]


@pytest.mark.parametrize(
    "addition",
    [
        {"label": {"S": "MAYBE"}, "labelSource": {"S": "analyst"}, "labeledAt": {"N": "1795400002000"}},
        {"label": {"S": "FRAUD"}, "labelSource": {"S": "analyst"}, "labeledAt": {"N": "1" + "0" * 30}},
        {"label": {"SS": ["FRAUD"]}},
        {"actionTaken": {"N": "5"}},
        {"actionTaken": {"S": "BLOCKED"}, "actionAt": {"N": "-1"}},
        {"inline": {"M": {"decision": {"S": "MAYBE"}}}},
    ],
)
def test_a_damaged_addition_keeps_nobody_from_the_decision(processor: Processor, addition: dict[str, Any]) -> None:
    sent = payment()
    processor.post(sent)
    processor.add(sent["transactionId"], DECISION.to_item() | addition)
    for answer in (processor.get(sent["transactionId"]), processor.post(sent)):
        assert answer["statusCode"] == 200
        said = body_of(answer)
        assert (said["decision"], said["score"]) == ("REVIEW", 71)
        assert {"label", "labeledAt", "actionTaken", "inlineDecision"}.isdisjoint(said)
