"""The event source mapper against what Lambda documents for DynamoDB streams, on a real stream and a real queue."""

import json
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fraudstream_tools.local.event_sources import EventSourceMapper
from fraudstream_tools.local.event_streams import wait_until_quiet
from fraudstream_tools.local.invocations import Invocation, Throttled, failure
from fraudstream_tools.local.runtime import FunctionRuntime
from fraudstream_tools.local.server import MinistackServer
from fraudstream_tools.local.specs import Credentials, EventSourceSpec, FunctionSpec

Function = Callable[[list[dict[str, Any]]], Any]


class Bench:
    """A table with a stream, a queue, and a mapper between them and a function of the test."""

    def __init__(self, server: MinistackServer) -> None:
        self.dynamodb = server.client("dynamodb")
        self.streams = server.client("dynamodbstreams")
        self.sqs = server.client("sqs")
        self.table = f"table-{uuid.uuid4().hex[:8]}"
        description = self.dynamodb.create_table(
            TableName=self.table,
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "at", "AttributeType": "N"},
            ],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )["TableDescription"]
        self.stream_arn: str = description["LatestStreamArn"]
        self.queue_url: str = self.sqs.create_queue(QueueName=self.table)["QueueUrl"]
        self.queue_arn: str = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"]
        self.calls: list[list[dict[str, Any]]] = []
        self._lock = threading.Lock()
        self._mappers: list[EventSourceMapper] = []

    def put(self, key: str, at: int = 0, **values: Any) -> None:
        self.dynamodb.put_item(TableName=self.table, Item={"id": {"S": key}, "at": {"N": str(at)}, **values})

    def start(self, function: Function | None = None, *, invoke: Any = None, **changes: Any) -> EventSourceMapper:
        def call(_name: str, payload: bytes) -> Invocation:
            records = json.loads(payload)["Records"]
            with self._lock:
                self.calls.append(records)
            answer = function(records) if function else None
            if isinstance(answer, Invocation):
                return answer
            return Invocation(payload=json.dumps(answer).encode(), function_error=None, request_id="r")

        values: dict[str, Any] = {
            "name": "mapping",
            "stream_arn": self.stream_arn,
            "function_name": "analyzer",
            "batch_size": 100,
            "batching_window_seconds": 0.0,
            "parallelization_factor": 1,
            "starting_position": "TRIM_HORIZON",
            "bisect_on_error": True,
            "report_batch_item_failures": True,
            "maximum_retry_attempts": 1,
            "maximum_record_age_seconds": 3600,
            "filters": (),
            "on_failure_queue_arn": self.queue_arn,
        }
        spec = EventSourceSpec(**{**values, **changes})
        mapper = EventSourceMapper(spec, streams=self.streams, invoke=invoke or call, sqs=self.sqs)
        self._mappers.append(mapper)
        mapper.start()
        return mapper

    def dead_letters(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"]) for message in messages]
        return found

    def close(self) -> None:
        for mapper in self._mappers:
            mapper.close()


@pytest.fixture
def bench(aws: MinistackServer) -> Iterator[Bench]:
    bench = Bench(aws)
    yield bench
    bench.close()


def keys(records: list[dict[str, Any]]) -> list[str]:
    return [record["dynamodb"]["Keys"]["id"]["S"] for record in records]


def test_records_arrive_in_batches_in_order_with_every_field(bench: Bench) -> None:
    for number in range(25):
        bench.put(f"k{number}", data={"B": b"\x01\x02"})
    mapper = bench.start(batch_size=10)
    assert mapper.wait_until_caught_up(10)
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
    assert mapper.wait_until_caught_up(10)
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
    assert mapper.wait_until_caught_up(10)
    assert [keys(call) for call in bench.calls] == [["b"]]
    assert mapper.records_read == 3


def test_a_poison_record_ends_in_the_dead_letter_queue_and_its_neighbours_are_handled(bench: Bench) -> None:
    handled: list[str] = []

    def function(records: list[dict[str, Any]]) -> Any:
        if "poison" in keys(records):
            return failure("r", "ValueError", "poison")
        handled.extend(keys(records))
        return None

    for number in range(7):
        bench.put("poison" if number == 4 else f"k{number}")
    mapper = bench.start(function)
    assert mapper.wait_until_caught_up(10)
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
    assert mapper.wait_until_caught_up(10)
    assert [keys(call) for call in bench.calls] == [["k0", "k1", "k2", "k3", "k4"], ["k2", "k3", "k4"]]
    assert not bench.dead_letters()


def test_partial_failures_are_ignored_where_they_are_not_asked_for(bench: Bench) -> None:
    bench.put("k0")
    mapper = bench.start(lambda _: {"batchItemFailures": [{"itemIdentifier": ""}]}, report_batch_item_failures=False)
    assert mapper.wait_until_caught_up(10)
    assert len(bench.calls) == 1


def test_without_bisect_the_whole_batch_is_given_up(bench: Bench) -> None:
    for number in range(3):
        bench.put(f"k{number}")
    mapper = bench.start(lambda _: failure("r", "ValueError", "x"), bisect_on_error=False, maximum_retry_attempts=2)
    assert mapper.wait_until_caught_up(10)
    assert [len(call) for call in bench.calls] == [3, 3, 3]
    (message,) = bench.dead_letters()
    assert message["DDBStreamBatchInfo"]["batchSize"] == 3
    assert message["requestContext"]["approximateInvokeCount"] == 3


def test_records_over_the_maximum_age_are_not_sent(bench: Bench) -> None:
    bench.put("old")
    time.sleep(2.1)
    mapper = bench.start(maximum_record_age_seconds=1)
    assert mapper.wait_until_caught_up(10)
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
    assert mapper.wait_until_caught_up(10)
    assert [keys(call) for call in bench.calls] == [["k0"]]
    assert not bench.dead_letters()


def test_a_batching_window_gathers_records(bench: Bench) -> None:
    mapper = bench.start(batching_window_seconds=3, starting_position="LATEST")
    for number in range(3):
        bench.put(f"k{number}")
        time.sleep(0.12)
    assert mapper.wait_until_caught_up(10)
    assert [keys(call) for call in bench.calls] == [["k0", "k1", "k2"]]


def test_a_full_batch_does_not_wait_for_its_window(bench: Bench) -> None:
    for number in range(4):
        bench.put(f"k{number}")
    started = time.monotonic()
    mapper = bench.start(batching_window_seconds=60, batch_size=2)
    assert mapper.wait_until_caught_up(10)
    assert time.monotonic() - started < 30
    assert [len(call) for call in bench.calls] == [2, 2]


def test_lanes_run_in_parallel_and_keep_the_order_of_each_key(bench: Bench) -> None:
    busy = 0
    most = 0
    lock = threading.Lock()

    def function(_records: list[dict[str, Any]]) -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.02)
        with lock:
            busy -= 1

    for number in range(120):
        bench.put(f"k{number % 12}", number)
    mapper = bench.start(function, batch_size=5, parallelization_factor=4)
    assert mapper.wait_until_caught_up(20)
    seen: dict[str, list[int]] = defaultdict(list)
    for call in bench.calls:
        for record in call:
            item = record["dynamodb"]["Keys"]
            seen[item["id"]["S"]].append(int(item["at"]["N"]))
    assert sum(map(len, seen.values())) == 120
    assert all(order == sorted(order) for order in seen.values())
    assert 1 < most <= 4


def test_a_lane_held_up_by_a_poison_record_does_not_hold_up_the_others(bench: Bench) -> None:
    release = threading.Event()
    handled: list[str] = []

    def function(records: list[dict[str, Any]]) -> Any:
        if "poison" in keys(records) and not release.is_set():
            return failure("r", "ValueError", "poison")
        handled.extend(keys(records))
        return None

    bench.put("poison")
    mapper = bench.start(function, parallelization_factor=10, maximum_retry_attempts=-1, batch_size=1)
    for number in range(40):
        bench.put(f"k{number}")
    deadline = time.monotonic() + 10
    while len(handled) < 25 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(handled) >= 25
    assert "poison" not in handled
    assert not mapper.wait_until_caught_up(0.2)
    release.set()
    assert mapper.wait_until_caught_up(10)
    assert set(handled) == {"poison", *(f"k{number}" for number in range(40))}


def test_an_unknown_filter_operator_is_an_error_at_creation(bench: Bench) -> None:
    with pytest.raises(ValueError, match="no operator wildcard"):
        bench.start(filters=({"eventName": [{"wildcard": "*"}]},))


def test_waiting_covers_everything_written_before_also_by_other_consumers(bench: Bench) -> None:
    def first(records: list[dict[str, Any]]) -> None:
        for record in records:
            if record["eventName"] == "INSERT":
                time.sleep(0.01)
                bench.put(record["dynamodb"]["Keys"]["id"]["S"], decision={"S": "APPROVE"})

    second: list[str] = []

    def take(_name: str, payload: bytes) -> Invocation:
        second.extend(
            key
            for record in json.loads(payload)["Records"]
            if record["eventName"] == "MODIFY"
            for key in keys([record])
        )
        return Invocation(payload=b"null", function_error=None, request_id="r")

    consumers = [
        bench.start(first),
        bench.start(invoke=take, batching_window_seconds=0.3, name="second"),
    ]
    for number in range(30):
        bench.put(f"k{number}")
    assert wait_until_quiet(consumers, 20)
    assert all(consumer.idle for consumer in consumers)
    assert sorted(second) == sorted(f"k{number}" for number in range(30))


def test_waiting_gives_up_after_its_time(bench: Bench) -> None:
    bench.put("k0")
    mapper = bench.start(lambda _: failure("r", "ValueError", "x"), maximum_retry_attempts=-1)
    assert not wait_until_quiet([mapper], 0.3)


def test_closing_is_prompt_and_gives_up_nothing(bench: Bench) -> None:
    bench.put("k0")
    mapper = bench.start(lambda _: failure("r", "ValueError", "x"), maximum_retry_attempts=1000)
    time.sleep(0.5)
    started = time.monotonic()
    mapper.close()
    mapper.close()
    assert time.monotonic() - started < 10
    calls = len(bench.calls)
    time.sleep(0.3)
    assert len(bench.calls) <= calls + 1
    assert not bench.dead_letters()


class Faulty:
    """A real client, one of whose calls fails at first."""

    def __init__(self, client: Any, call: str, *errors: Exception) -> None:
        self._client = client
        self._call = call
        self._errors = list(errors)

    def __getattr__(self, name: str) -> Any:
        if name == self._call and self._errors:
            return self._fail
        return getattr(self._client, name)

    def _fail(self, **_parameters: Any) -> Any:
        raise self._errors.pop(0)


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Call")


def test_an_expired_iterator_is_renewed_where_reading_was(bench: Bench) -> None:
    bench.put("k0")
    streams = Faulty(bench.streams, "get_records")
    bench.streams = streams
    mapper = bench.start()
    assert mapper.wait_until_caught_up(10)
    streams._errors.append(client_error("ExpiredIteratorException"))
    bench.put("k1")
    assert mapper.wait_until_caught_up(10)
    assert [keys(call) for call in bench.calls] == [["k0"], ["k1"]]


def test_reading_goes_on_after_a_fault_of_the_stream(bench: Bench) -> None:
    bench.put("k0")
    bench.streams = Faulty(bench.streams, "get_records", client_error("InternalServerError"))
    mapper = bench.start()
    assert mapper.wait_until_caught_up(10)
    assert [keys(call) for call in bench.calls] == [["k0"]]


def test_a_failure_destination_that_fails_is_tried_again(bench: Bench) -> None:
    bench.put("k0")
    real = bench.sqs
    bench.sqs = Faulty(real, "send_message", client_error("ServiceUnavailable"))
    mapper = bench.start(lambda _: failure("r", "ValueError", "x"), maximum_retry_attempts=0)
    assert mapper.wait_until_caught_up(10)
    bench.sqs = real
    assert len(bench.dead_letters()) == 1


def test_a_real_function_handles_a_real_stream(bench: Bench, tmp_path: Path, aws: MinistackServer) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "handler.py").write_text(
        "def handler(event, context):\n"
        "    keys = [record['dynamodb']['Keys']['id']['S'] for record in event['Records']]\n"
        "    print('keys', *keys)\n"
        "    if 'poison' in keys:\n"
        "        raise ValueError('poison')\n"
    )
    runtime = FunctionRuntime(
        tmp_path / "cloud",
        aws.endpoint_url,
        "us-east-2",
        lambda _role: Credentials(access_key_id="a", secret_access_key="s"),
    )
    try:
        runtime.create(
            FunctionSpec(
                name="analyzer",
                handler="handler.handler",
                package=package,
                role_arn="arn:aws:iam::000000000000:role/r",
                timeout_seconds=10,
                memory_mb=128,
                log_group="g",
            )
        )
        for key in ("a", "poison", "b"):
            bench.put(key)
        mapper = bench.start(invoke=runtime.invoke)
        assert wait_until_quiet([mapper], 20, busy=lambda: bool(runtime.in_flight))
        mapper.close()
        log = runtime.log_file("analyzer").read_text()
    finally:
        runtime.close()
    assert "keys a\n" in log
    assert "keys b\n" in log
    (message,) = bench.dead_letters()
    assert message["DDBStreamBatchInfo"]["batchSize"] == 1
