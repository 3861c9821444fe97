"""What the event source mapper reads, gathers and waits for, on a real stream."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.ministack.server import MinistackServer
from embedded_aws.runtime.function_runtime import FunctionRuntime
from embedded_aws.runtime.invocations import Invocation, failure
from embedded_aws.specs import Credentials, FunctionSpec
from embedded_aws.streams.consumer import wait_until_quiet
from tests.integration.embedded_aws.mapper_harness import Bench, a_bench, keys
from tests.waiting_harness import PATIENCE_SECONDS


@pytest.fixture
def bench(aws: MinistackServer) -> Iterator[Bench]:
    with a_bench(aws) as bench:
        yield bench


def test_a_batching_window_gathers_records(bench: Bench) -> None:
    mapper = bench.start(batching_window_seconds=8, starting_position="LATEST")
    for number in range(3):
        bench.put(f"k{number}")
        time.sleep(0.12)
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
    assert [keys(call) for call in bench.calls] == [["k0", "k1", "k2"]]


def test_a_full_batch_does_not_wait_for_its_window(bench: Bench) -> None:
    for number in range(4):
        bench.put(f"k{number}")
    started = time.monotonic()
    mapper = bench.start(batching_window_seconds=60, batch_size=2)
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
    assert time.monotonic() - started < 30
    assert [len(call) for call in bench.calls] == [2, 2]


def test_lanes_run_in_parallel_and_keep_the_order_of_each_item(bench: Bench) -> None:
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
        bench.put(f"k{number % 12}", number % 2, number={"N": str(number)})
    mapper = bench.start(function, batch_size=5, parallelization_factor=4)
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
    seen: dict[str, list[int]] = defaultdict(list)
    for call in bench.calls:
        for record in call:
            item = record["dynamodb"]["NewImage"]
            seen[item["id"]["S"]].append(int(item["number"]["N"]))
    assert sum(map(len, seen.values())) == 120
    assert all(order == sorted(order) for order in seen.values())
    assert 1 < most <= 4


def test_items_of_one_partition_key_are_not_held_to_one_order(bench: Bench) -> None:
    """Lambda promises the order of an item alone, by partition and sort key."""
    release = threading.Event()
    handled: list[int] = []

    def function(records: list[dict[str, Any]]) -> None:
        numbers = [int(record["dynamodb"]["Keys"]["at"]["N"]) for record in records]
        if 0 in numbers:
            release.wait(PATIENCE_SECONDS)
        handled.extend(numbers)
        if len(handled) >= 10:
            release.set()

    for number in range(40):
        bench.put("one", number)
    mapper = bench.start(function, parallelization_factor=10, batch_size=1)
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
    assert sorted(handled) == list(range(40))
    assert handled.index(0) > 5


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
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(handled) < 25 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(handled) >= 25
    assert "poison" not in handled
    assert not mapper.wait_until_caught_up(0.2)
    release.set()
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
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
    assert wait_until_quiet(consumers, PATIENCE_SECONDS)
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
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
    streams._errors.append(client_error("ExpiredIteratorException"))
    bench.put("k1")
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
    assert [keys(call) for call in bench.calls] == [["k0"], ["k1"]]


def test_reading_goes_on_after_a_fault_of_the_stream(bench: Bench) -> None:
    bench.put("k0")
    bench.streams = Faulty(bench.streams, "get_records", client_error("InternalServerError"))
    mapper = bench.start()
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
    assert [keys(call) for call in bench.calls] == [["k0"]]


def test_a_failure_destination_that_fails_is_tried_again(bench: Bench) -> None:
    bench.put("k0")
    real = bench.sqs
    bench.sqs = Faulty(real, "send_message", client_error("ServiceUnavailable"))
    mapper = bench.start(lambda _: failure("r", "ValueError", "x"), maximum_retry_attempts=0)
    assert mapper.wait_until_caught_up(PATIENCE_SECONDS)
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
                timeout_seconds=60,
                memory_mb=128,
                log_group="g",
            )
        )
        for key in ("a", "poison", "b"):
            bench.put(key)
        mapper = bench.start(invoke=runtime.invoke)
        assert wait_until_quiet([mapper], PATIENCE_SECONDS, busy=lambda: bool(runtime.in_flight))
        mapper.close()
        log = runtime.log_file("analyzer").read_text()
    finally:
        runtime.close()
    assert "keys a\n" in log
    assert "keys b\n" in log
    (message,) = bench.dead_letters()
    assert message["DDBStreamBatchInfo"]["batchSize"] == 1
