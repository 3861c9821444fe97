"""The fraud analyzer's handler as Lambda calls it, and the ruleset that it reads from S3."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from embedded_aws.ministack.server import MinistackServer
from fraudstream.detection.rules.ruleset import RulesetError
from fraudstream.detection.stores.rulesets.active import CHECK_SECONDS, RulesetStore
from fraudstream.transactions.decisions.decision import Decision
from fraudstream.transactions.storage.attributes import to_item
from tests.aws_harness import create_table
from tests.integration.detection.analyzer_harness import TABLES
from tests.integration.functions.fraud_analyzer_harness import (
    BUCKET,
    PREFIX,
    RULES,
    Context,
    lines,
    make_bucket,
    started,
    upload,
)


@pytest.fixture
def server(aws: MinistackServer) -> MinistackServer:
    return aws


@pytest.fixture
def s3(server: MinistackServer) -> Any:
    return make_bucket(server)


@dataclass
class Watched:
    """A ruleset store with a clock that tests move, and what it refused."""

    store: RulesetStore
    refused: list[Exception]
    now: list[float]
    reads: list[str]


@pytest.fixture
def watched(s3: Any) -> Watched:
    refused: list[Exception] = []
    reads: list[str] = []
    now = [1000.0]
    s3.meta.events.register("before-send.s3.GetObject", lambda request, **_: reads.append(request.url))
    store = RulesetStore(s3, bucket=BUCKET, on_refused=refused.append, clock=lambda: now[0], history=lambda: s3)
    return Watched(store, refused, now, reads)


def test_the_ruleset_is_looked_at_once_a_minute_at_most(s3: Any, watched: Watched) -> None:
    upload(s3)
    first = watched.store.current()
    watched.now[0] += CHECK_SECONDS - 1
    assert watched.store.current() is first
    assert len(watched.reads) == 4  # the three files, and whether there are models
    watched.now[0] += 1
    assert watched.store.current() is first
    assert len(watched.reads) == 8


def test_a_new_ruleset_comes_into_force_at_the_next_look(s3: Any, watched: Watched) -> None:
    upload(s3)
    first = watched.store.current()
    upload(s3, lists=b"blocked: {}\ntrusted: {}\n")
    assert watched.store.current() is first
    watched.now[0] += CHECK_SECONDS
    assert watched.store.current().version != first.version
    assert watched.refused == []


def test_a_minute_that_lambda_kept_the_function_frozen_counts_too(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(s3)
    store = RulesetStore(s3, bucket=BUCKET, on_refused=print)
    first = store.current()
    upload(s3, lists=b"blocked: {}\ntrusted: {}\n")
    # A frozen process sees only the time of day go on.
    thawed = time.time() + CHECK_SECONDS
    monkeypatch.setattr(time, "time", lambda: thawed)
    assert store.current().version != first.version


def test_an_invalid_ruleset_is_reported_and_the_last_good_one_stays(s3: Any, watched: Watched) -> None:
    upload(s3)
    good = watched.store.current()
    upload(s3, ruleset=b"rules: [")
    for looks in (1, 2):
        watched.now[0] += CHECK_SECONDS
        assert watched.store.current() is good
        assert len(watched.refused) == looks
        assert isinstance(watched.refused[-1], RulesetError)
    upload(s3, ruleset=(RULES / "ruleset.yaml").read_bytes() + b"\n# corrected\n")
    watched.now[0] += CHECK_SECONDS
    assert watched.store.current().version != good.version
    assert len(watched.refused) == 2


def test_a_ruleset_that_disappears_stays_in_force(s3: Any, watched: Watched) -> None:
    upload(s3)
    good = watched.store.current()
    s3.delete_object(Bucket=BUCKET, Key=PREFIX + "rates.yaml")
    watched.now[0] += CHECK_SECONDS
    assert watched.store.current() is good
    assert isinstance(watched.refused[0], ClientError)


def test_without_any_good_ruleset_nothing_is_judged(s3: Any, watched: Watched) -> None:
    with pytest.raises(ClientError):
        watched.store.current()
    upload(s3, ruleset=b"rules: [")
    with pytest.raises(RulesetError):
        watched.store.current()
    upload(s3)
    assert watched.store.current().rules
    # Each fault was reported before it was raised: the alarm rings although nothing could be judged.
    assert [type(error).__name__ for error in watched.refused] == ["NoSuchKey", "RulesetError"]


@pytest.fixture
def handler(server: MinistackServer, s3: Any) -> Iterator[ModuleType]:
    assert s3.list_buckets()["Buckets"]
    dynamodb = server.client("dynamodb")
    for name, keys in TABLES.items():
        create_table(dynamodb, name, keys)
    with started(server) as module:
        yield module


def record(number: int, **attributes: Any) -> dict[str, Any]:
    image = to_item(
        {
            "kind": "TXN",
            "transactionId": f"t{number}",
            "timestamp": 1_780_000_000_000 + number,
            "receivedAt": 1_780_000_000_000,
            "amountMinor": 2000,
            "currency": "EUR",
            "type": "PAYMENT",
            "customerId": "tok_ann",
        }
    )
    change = {
        "SequenceNumber": str(100 + number),
        "Keys": {name: image[name] for name in ("transactionId", "timestamp")},
        "NewImage": image | attributes,
    }
    return {"eventName": "INSERT", "dynamodb": change}


def store(server: MinistackServer, *records: dict[str, Any]) -> None:
    for each in records:
        server.client("dynamodb").put_item(TableName="transactions", Item=each["dynamodb"]["NewImage"])


def test_a_batch_is_decided_and_counted(
    server: MinistackServer, s3: Any, handler: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    upload(s3)
    records = [record(1), record(2)]
    store(server, *records)
    assert handler.handler({"Records": records}, Context()) == {"batchItemFailures": []}
    items = server.client("dynamodb").scan(TableName="transactions")["Items"]
    assert all(Decision.from_item(item) for item in items)
    (metrics,) = [line for line in lines(capsys.readouterr().out) if "_aws" in line]
    assert metrics["DecisionsMade"] == [2.0]
    assert metrics["AlertsRaised"] == [0.0]
    assert len(metrics["DecisionLatency"]) == 2
    assert metrics["Environment"] == "test"


def test_the_first_failed_record_is_named_and_logged_without_its_content(
    server: MinistackServer, s3: Any, handler: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    upload(s3)
    # Longer than what times and ids of threads may hold by chance.
    secret = "90817263544536271809"
    records = [record(1), record(2, currency={"N": secret}), record(3), record(4, type={"S": secret})]
    store(server, *records)
    assert handler.handler({"Records": records}, Context()) == {"batchItemFailures": [{"itemIdentifier": "102"}]}
    failed = [vars(line) for line in caplog.records if line.levelname == "ERROR"]
    assert {(line["sequence_number"], line["transaction_id"]) for line in failed} == {("102", "t2"), ("104", "t4")}
    assert secret not in str(failed)


@pytest.mark.parametrize(
    "keys",
    [None, {}, {"transactionId": "t1"}, {"transactionId": {"N": "1"}}, {"transactionId": {"S": "4111111111111111"}}],
)
def test_a_failed_record_without_an_id_is_named_by_its_sequence_number(
    s3: Any, handler: ModuleType, caplog: pytest.LogCaptureFixture, keys: object
) -> None:
    upload(s3)
    poison = record(1, currency={"N": "12345"})
    poison["dynamodb"]["Keys"] = keys
    assert handler.handler({"Records": [poison]}, Context()) == {"batchItemFailures": [{"itemIdentifier": "101"}]}
    (failed,) = [vars(line) for line in caplog.records if line.levelname == "ERROR"]
    assert failed["sequence_number"] == "101"
    assert "transaction_id" not in failed


def test_without_a_ruleset_the_batch_fails_as_a_whole(s3: Any, handler: ModuleType) -> None:
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
    with pytest.raises(ClientError, match="NoSuchKey"):
        handler.handler({"Records": [record(1)]}, Context())


def metrics_of_next_look(
    handler: ModuleType,
    records: list[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Any]:
    """Have records analyzed again, with a look at the ruleset, and give what is measured of it."""
    monkeypatch.setattr(handler._RULESETS, "_next_look", 0.0)
    capsys.readouterr()
    assert handler.handler({"Records": records}, Context()) == {"batchItemFailures": []}
    (metrics,) = [line for line in lines(capsys.readouterr().out) if "_aws" in line]
    return metrics


def test_an_invalid_ruleset_is_counted(
    server: MinistackServer,
    s3: Any,
    handler: ModuleType,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload(s3)
    records = [record(1)]
    store(server, *records)
    handler.handler({"Records": records}, Context())
    upload(s3, ruleset=b"rules: [")
    metrics = metrics_of_next_look(handler, records, capsys, monkeypatch)
    assert metrics["RulesetInvalid"] == [1.0]


def test_a_ruleset_that_cannot_be_looked_at_is_not_counted_as_invalid(
    server: MinistackServer,
    s3: Any,
    handler: ModuleType,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload(s3)
    records = [record(1)]
    store(server, *records)
    handler.handler({"Records": records}, Context())

    def too_slow(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://s3")

    monkeypatch.setattr(handler._S3, "get_object", too_slow)
    metrics = metrics_of_next_look(handler, records, capsys, monkeypatch)
    assert "RulesetInvalid" not in metrics
