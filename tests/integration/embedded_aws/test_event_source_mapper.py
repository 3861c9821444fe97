"""The event source mapper against what Lambda documents for DynamoDB streams, on a real stream and a real queue."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from embedded_aws.runtime.invocations import Invocation, Throttled, failure
from tests.integration.embedded_aws.mapper_harness import Bench, a_bench, keys
from tests.waiting_harness import PATIENCE_SECONDS


@pytest.fixture
def bench(aws: MinistackServer) -> Iterator[Bench]:
    with a_bench(aws) as bench:
        yield bench


def test_records_arrive_in_batches_in_order_with_every_field(bench: Bench) -> None:
    for number in range(25):
        bench.put(f"k{number}", data={"B": b"\x01\x02"})
    mapper = bench.start(batch_size=10)
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
    assert [len(call) for call in bench.calls] == [10, 10, 5]
    assert [key for call in bench.calls for key in keys(call)] == [f"k{number}" for number in range(25)]
    record = bench.calls[0][0]
    assert record["eventSource"] == "aws:dynamodb"
    assert record["eventName"] == "INSERT"
    assert record["eventSourceARN"] == bench.stream_arn
    assert record["awsRegion"] == "us-east-2"
    assert record["dynamodb"]["NewImage"] == {"id": {"S": "k0"}, "at": {"N": "0"}, "data": {"B": "AQI="}}
    assert isinstance(record["dynamodb"]["ApproximateCreationDateTime"], int)


def test_latest_starts_with_what_is_written_after_the_start(bench: Bench) -> None:
    bench.put("before")
    mapper = bench.start(starting_position="LATEST")
    bench.put("after")
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
    assert [keys(call) for call in bench.calls] == [["after"]]


def test_another_starting_position_is_an_error(bench: Bench) -> None:
    with pytest.raises(ValueError, match="AT_TIMESTAMP"):
        bench.start(starting_position="AT_TIMESTAMP")


def test_records_that_no_filter_lets_pass_never_reach_the_function(bench: Bench) -> None:
    mapper = bench.start(
        filters=({"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["TXN"]}}}},), batch_size=100
    )
    bench.put("a", kind={"S": "CLAIM"})
    bench.put("b", kind={"S": "TXN"})
    bench.put("b", kind={"S": "TXN"}, more={"S": "x"})
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
    assert [keys(call) for call in bench.calls] == [["b"]]
    assert mapper.records_read == 3


def test_a_poison_record_ends_in_the_dead_letters_alone(bench: Bench) -> None:
    handled: list[str] = []

    def function(records: list[dict[str, Any]]) -> Any:
        if "poison" in keys(records):
            return failure("r", "ValueError", "poison")
        handled.extend(keys(records))
        return None

    for number in range(7):
        bench.put("poison" if number == 4 else f"k{number}")
    mapper = bench.start(function)
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
    assert handled == ["k0", "k1", "k2", "k3", "k5", "k6"]
    poison = next(record for call in bench.calls for record in call if keys([record]) == ["poison"])
    (message,) = bench.dead_letters()
    sequence = poison["dynamodb"]["SequenceNumber"]
    arrival = message["DDBStreamBatchInfo"].pop("approximateArrivalOfFirstRecord")
    assert arrival == message["DDBStreamBatchInfo"].pop("approximateArrivalOfLastRecord")
    assert time.strptime(arrival, "%Y-%m-%dT%H:%M:%SZ")
    assert message["DDBStreamBatchInfo"] == {
        "shardId": "shardId-00000000000000000000-00000000",
        "startSequenceNumber": sequence,
        "endSequenceNumber": sequence,
        "batchSize": 1,
        "streamArn": bench.stream_arn,
    }
    assert message["version"] == "1.0"
    assert message["timestamp"].endswith("Z")
    assert message["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    context = message["requestContext"]
    assert context["functionArn"] == "arn:aws:lambda:us-east-2:000000000000:function:analyzer"
    assert context["condition"] == "RetryAttemptsExhausted"
    assert context["approximateInvokeCount"] == sum("poison" in keys(call) for call in bench.calls)
    assert context.keys() == {"requestId", "functionArn", "condition", "approximateInvokeCount"}


def test_a_partial_failure_retries_from_the_failed_record(bench: Bench) -> None:
    failing = iter([True, False])

    def function(records: list[dict[str, Any]]) -> Any:
        failed = [record for record in records if keys([record]) == ["k2"]]
        if failed and next(failing):
            return {"batchItemFailures": [{"itemIdentifier": failed[0]["dynamodb"]["SequenceNumber"]}]}
        return {"batchItemFailures": []}

    for number in range(5):
        bench.put(f"k{number}")
    mapper = bench.start(function)
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
    assert [keys(call) for call in bench.calls] == [["k0", "k1", "k2", "k3", "k4"], ["k2", "k3", "k4"]]
    assert not bench.dead_letters()


def test_partial_failures_are_ignored_where_they_are_not_asked_for(bench: Bench) -> None:
    bench.put("k0")
    mapper = bench.start(lambda _: {"batchItemFailures": [{"itemIdentifier": ""}]}, report_batch_item_failures=False)
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
    assert len(bench.calls) == 1


def test_without_bisect_the_whole_batch_is_given_up(bench: Bench) -> None:
    for number in range(3):
        bench.put(f"k{number}")
    mapper = bench.start(lambda _: failure("r", "ValueError", "x"), bisect_on_error=False, maximum_retry_attempts=2)
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
    assert [len(call) for call in bench.calls] == [3, 3, 3]
    (message,) = bench.dead_letters()
    assert message["DDBStreamBatchInfo"]["batchSize"] == 3
    assert message["requestContext"]["approximateInvokeCount"] == 3


def test_records_over_the_maximum_age_are_not_sent(bench: Bench) -> None:
    bench.put("old")
    time.sleep(2.1)
    mapper = bench.start(maximum_record_age_seconds=1)
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
    assert not bench.calls
    (message,) = bench.dead_letters()
    assert message["requestContext"]["condition"] == "RecordAgeExceeded"
    assert message["requestContext"]["approximateInvokeCount"] == 0
    assert message["responseContext"] is None


def test_throttles_are_retried_without_end(bench: Bench) -> None:
    refusals = iter(range(4))

    def invoke(_name: str, payload: bytes) -> Invocation:
        if next(refusals, None) is not None:
            raise Throttled
        bench.calls.append(json.loads(payload)["Records"])
        return Invocation(payload=b"null", function_error=None, request_id="r")

    bench.put("k0")
    mapper = bench.start(invoke=invoke, maximum_retry_attempts=0)
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
    assert [keys(call) for call in bench.calls] == [["k0"]]
    assert not bench.dead_letters()
