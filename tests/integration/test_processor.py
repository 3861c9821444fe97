"""The transaction processor on a real DynamoDB interface: what clients are promised, crash or no crash."""

import base64
import importlib
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from fraudstream.observe import Log, Meter
from fraudstream.settings import ProcessorSettings
from fraudstream.transactions.api import TransactionApi
from fraudstream.transactions.attributes import from_item, to_item
from fraudstream.transactions.deadline import Deadline
from fraudstream.transactions.decision import Decision, Label, Reason, Truth, Verdict
from fraudstream.transactions.privacy import EntityKind, Tokenizer
from fraudstream.transactions.store import TransactionStore
from tests.aws_world import create_table

KEY = base64.b64encode(bytes(range(32))).decode()
CARD = "4111 1111 1111 1111"
DAY = 86_400_000
DECISION = Decision(
    decision=Verdict.REVIEW,
    score=71,
    reasons=(
        Reason(code="CARD_VELOCITY", source="card-velocity", points=25.5),
        Reason(code="COUNTRY_MISMATCH", source="country-mismatch", points=12.25),
    ),
    features=bytes(100),
    ruleset_version="0123456789ab",
    model_version="0123456789ab",
    decided_at=1_795_400_001_000,
)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("ministack")
    quiet = {"SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0", "LOG_LEVEL": "WARNING", "SERVICES": "dynamodb"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("ministack")],
            env={**os.environ, **quiet, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "TMPDIR": str(folder)},
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        try:
            wait_for_port(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=10)


def wait_for_port(port: int) -> None:
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("ministack did not start")


def connect(endpoint: str, **config: Any) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-2",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(**config),
    )


@dataclass(frozen=True)
class Processor:
    """The API on a table of its own, with a clock that tests move."""

    api: TransactionApi
    client: Any
    table: str
    time: list[int]
    calls: Counter[str]

    def post(self, transaction: Mapping[str, Any], **event: Any) -> dict[str, Any]:
        body = json.dumps(transaction)
        return self.api.answer(request("POST", "/transactions", body=body) | event)

    def get(self, transaction_id: str) -> dict[str, Any]:
        path = {"pathParameters": {"id": transaction_id}}
        return self.api.answer(request("GET", "/transactions/{id}") | path)

    def items(self) -> list[dict[str, Any]]:
        return [from_item(item) for item in self.client.scan(TableName=self.table)["Items"]]

    def transactions(self) -> list[dict[str, Any]]:
        return [item for item in self.items() if item["kind"] == "TXN"]

    def add(self, transaction_id: str, attributes: Mapping[str, Any]) -> None:
        """Add attributes to the stored transaction, as the analyzer does."""
        (stored,) = [item for item in self.transactions() if item["transactionId"] == transaction_id]
        key = to_item({"transactionId": transaction_id, "timestamp": stored["timestamp"]})
        (item,) = [item for item in self.client.scan(TableName=self.table)["Items"] if item.items() >= key.items()]
        self.client.put_item(TableName=self.table, Item=item | attributes)

    def remove_transaction(self, transaction_id: str) -> None:
        """Leave the claim alone, as a crash between the two writes does."""
        for item in self.transactions():
            if item["transactionId"] == transaction_id:
                key = to_item({"transactionId": transaction_id, "timestamp": item["timestamp"]})
                self.client.delete_item(TableName=self.table, Key=key)


def request(method: str, resource: str, body: str | None = None) -> dict[str, Any]:
    return {
        "httpMethod": method,
        "resource": resource,
        "headers": {"Content-Type": "application/json"} if body is not None else None,
        "pathParameters": None,
        "requestContext": {"requestId": "11111111-aaaa", "path": f"/v1{resource}"},
        "body": body,
        "isBase64Encoded": False,
    }


def payment(**changes: Any) -> dict[str, Any]:
    return {
        "transactionId": f"order-{uuid.uuid4()}",
        "amountMinor": 4999,
        "currency": "EUR",
        "type": "PAYMENT",
        "customerId": "customer-81",
    } | changes


def body_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(answer["body"])


def make_processor(client: Any, table: str) -> Processor:
    """Make a processor; tests that read its log make it themselves, since it logs to the output of its making."""
    now = [1_795_400_000_000]
    settings = ProcessorSettings(environment_suffix="test", transactions_table=table, token_key=KEY)
    calls: Counter[str] = Counter()
    client.meta.events.register("before-call.dynamodb", lambda model, **_: calls.update([model.name]))
    store = TransactionStore(client=client, table=table, tokenizer=Tokenizer(KEY), retention_days=400)
    api = TransactionApi(
        store=store,
        settings=settings,
        deadline=Deadline(client),
        log=Log(f"test-{uuid.uuid4()}", settings),
        meter=Meter(settings),
        clock=lambda: now[0],
    )
    return Processor(api=api, client=client, table=table, time=now, calls=calls)


@pytest.fixture
def table(endpoint: str) -> str:
    name = f"table-transactions-{uuid.uuid4()}"
    create_table(connect(endpoint), name)
    return name


@pytest.fixture
def processor(endpoint: str, table: str) -> Processor:
    return make_processor(connect(endpoint), table)


def test_a_new_transaction_is_stored_and_shown_as_pending(processor: Processor) -> None:
    sent = payment(timestamp=processor.time[0] - 5)
    answer = processor.post(sent)
    assert answer["statusCode"] == 201
    assert answer["headers"]["Location"] == f"/v1/transactions/{sent['transactionId']}"
    assert answer["headers"]["Content-Type"] == "application/json"
    state = body_of(answer)
    assert (state["status"], state["decision"], state["reasons"]) == ("PENDING", None, [])
    assert state["timestamp"] == sent["timestamp"]
    assert state["receivedAt"] == processor.time[0]
    assert body_of(processor.get(sent["transactionId"])) == state


@pytest.mark.parametrize(
    ("called", "base"),
    [
        ("/v1/transactions", "/v1/transactions"),
        ("/payments/transactions/", "/payments/transactions"),  # a custom domain's base path
        ("/transactions", "/transactions"),  # a custom domain without one
    ],
)
def test_the_location_lies_below_the_path_that_the_client_called(processor: Processor, called: str, base: str) -> None:
    sent = payment()
    answer = processor.post(sent, requestContext={"requestId": "11111111-aaaa", "path": called}, path="/transactions")
    assert answer["headers"]["Location"] == f"{base}/{sent['transactionId']}"


def test_identifiers_are_stored_as_tokens_and_places_coarse(processor: Processor) -> None:
    raw = {
        "customerId": "customer-81",
        "counterpartyToken": "customer-81",
        "cardToken": "card-5521",
        "merchantId": "shop-17",
        "terminalId": "terminal-3",
        "deviceId": "device-9",
        "ipAddress": "::ffff:192.0.2.17",
    }
    answer = processor.post(payment(**raw, latitude=52.52437, longitude=13.41053))
    (stored,) = processor.transactions()
    assert (stored["latitude"], stored["longitude"]) == (52.52, 13.41)
    assert (
        stored["customerId"] == stored["counterpartyToken"] == Tokenizer(KEY).token(EntityKind.CUSTOMER, "customer-81")
    )
    assert stored["ipAddress"] == Tokenizer(KEY).token(EntityKind.IP, "192.0.2.17")
    for value in raw.values():
        assert value not in str(processor.items())
        assert value not in answer["body"]


def test_a_repeated_post_is_answered_with_the_present_state(processor: Processor) -> None:
    sent = payment()
    first = processor.post(sent)
    processor.time[0] += 60_000
    again = processor.post(dict(reversed(sent.items())))
    assert again["statusCode"] == 200
    assert "Location" not in again["headers"]
    assert body_of(again) == body_of(first)
    assert len(processor.transactions()) == 1


def test_a_repeated_post_costs_no_read(processor: Processor) -> None:
    sent = payment()
    processor.post(sent)
    processor.post(sent)
    assert set(processor.calls) == {"PutItem"}


def test_another_transaction_under_the_same_id_is_a_conflict(processor: Processor) -> None:
    sent = payment()
    processor.post(sent)
    before = processor.items()
    for change in ({"amountMinor": 5000}, {"timestamp": processor.time[0]}, {"deviceId": "device-9"}):
        answer = processor.post(sent | change)
        assert answer["statusCode"] == 409
        assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert processor.items() == before


def test_a_crash_between_the_two_writes_is_repaired_by_the_retry(processor: Processor) -> None:
    sent = payment()
    first = processor.time[0]
    processor.post(sent)
    (before,) = processor.transactions()
    processor.remove_transaction(sent["transactionId"])
    assert processor.get(sent["transactionId"])["statusCode"] == 404

    processor.time[0] += DAY
    answer = processor.post(sent)
    assert answer["statusCode"] == 201
    assert body_of(answer)["timestamp"] == first, "the claim's time stands"
    (after,) = processor.transactions()
    assert after["expiresAt"] == before["expiresAt"]


def test_a_claim_lives_as_long_as_its_transaction(processor: Processor) -> None:
    processor.post(payment())
    claim, stored = sorted(processor.items(), key=lambda item: item["timestamp"])
    assert claim["kind"] == "CLAIM"
    assert claim["timestamp"] == 0
    assert claim["expiresAt"] == stored["expiresAt"] == (processor.time[0] + 400 * DAY) // 1000


def test_a_decided_transaction_is_never_overwritten(processor: Processor) -> None:
    sent = payment()
    processor.post(sent)
    processor.add(sent["transactionId"], DECISION.to_item())
    before = processor.items()
    answer = processor.post(sent)
    assert answer["statusCode"] == 200
    assert body_of(answer)["decision"] == "REVIEW"
    assert processor.items() == before


def test_a_decision_and_a_label_are_shown(processor: Processor) -> None:
    sent = payment()
    processor.post(sent)
    label = Label(label=Truth.FRAUD, label_source="analyst", labeled_at=1)
    processor.add(sent["transactionId"], DECISION.to_item() | label.to_item())
    state = body_of(processor.get(sent["transactionId"]))
    assert (state["status"], state["score"], state["label"]) == ("DECIDED", 71, "FRAUD")
    assert [reason["code"] for reason in state["reasons"]] == ["CARD_VELOCITY", "COUNTRY_MISMATCH"]
    assert all(reason["message"].endswith(".") for reason in state["reasons"])


def test_a_transaction_without_a_decision_after_all_retries_has_failed(processor: Processor) -> None:
    sent = payment()
    processor.post(sent)
    processor.time[0] += 3_600_001
    assert body_of(processor.get(sent["transactionId"]))["status"] == "FAILED"


def test_of_many_equal_posts_at_once_exactly_one_is_new(endpoint: str, table: str) -> None:
    sent = payment()
    processors = [make_processor(connect(endpoint), table) for _ in range(8)]
    with ThreadPoolExecutor(len(processors)) as pool:
        answers = list(pool.map(lambda processor: processor.post(sent), processors))
    assert sorted(answer["statusCode"] for answer in answers) == [200] * 7 + [201]
    assert len(processors[0].transactions()) == 1


@pytest.mark.parametrize("transaction_id", ["unknown", "", "a/b", "x" * 300, CARD.replace(" ", ""), "%00"])
def test_an_unknown_id_is_not_found(processor: Processor, transaction_id: str) -> None:
    answer = processor.get(transaction_id)
    assert answer["statusCode"] == 404
    assert not transaction_id or transaction_id not in answer["body"]


def test_an_id_may_come_percent_encoded(processor: Processor) -> None:
    processor.post(payment(transactionId="shop:1"))
    assert processor.get("shop%3A1")["statusCode"] == 200


def test_a_body_may_come_as_base64(processor: Processor) -> None:
    body = base64.b64encode(json.dumps(payment()).encode()).decode()
    assert processor.post({}, body=body, isBase64Encoded=True)["statusCode"] == 201


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
    assert CARD not in answer["body"]
    assert processor.items() == []
    out = capsys.readouterr().out
    assert json.loads(out)["status"] == status
    assert CARD not in out


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
    endpoint: str, table: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "ENVIRONMENT_SUFFIX": "test",
        "TRANSACTIONS_TABLE": table,
        "TOKEN_KEY": KEY,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "us-east-2",
        "AWS_DEFAULT_REGION": "us-east-2",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    handler: Callable[..., dict[str, Any]] = importlib.import_module(
        "fraudstream.functions.transaction_processor"
    ).handler
    context = type("Context", (), {"aws_request_id": "22222222-bbbb"})()
    event = request("POST", "/transactions", body=json.dumps(payment()))
    answers = [handler(event, context), handler(event, context)]
    del sys.modules["fraudstream.functions.transaction_processor"]
    assert [answer["statusCode"] for answer in answers] == [201, 200]
    out = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line.get("function_request_id") for line in out if "message" in line} == {"22222222-bbbb"}
    assert [line["TransactionsStored"] for line in out if "TransactionsStored" in line] == [[1]]
    assert [line["TransactionsRepeated"] for line in out if "TransactionsRepeated" in line] == [[1]]
