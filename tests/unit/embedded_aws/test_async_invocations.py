"""What becomes of events that a function is invoked with asynchronously, as Lambda documents it."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from embedded_aws.runtime.async_invocations import AsynchronousInvoker
from embedded_aws.runtime.invocations import Invocation, Throttled, UnknownFunctionError, failure
from embedded_aws.specs import EventInvokeSpec

QUEUE = "arn:aws:sqs:us-east-2:000000000000:dead"
GOOD = Invocation(payload=b'{"date": "2026-01-01"}', function_error=None, request_id="good")
BAD = failure("bad", "ValueError", "on purpose")
THROTTLED = Throttled()


class Bench:
    """A function that answers as it is told to, the pauses that were made, and the queue's messages."""

    def __init__(self, *answers: Invocation | Exception, **config: int) -> None:
        self.pauses: list[float] = []
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.roles: list[str] = []
        self._answers = iter(answers)
        spec = EventInvokeSpec(function_name="report", on_failure_queue_arn=QUEUE, **config)
        self.invoke = AsynchronousInvoker([spec], self._answer, self._client, sleep=self.pauses.append)

    def _client(self, function_name: str) -> Any:
        self.roles.append(function_name)
        return SimpleNamespace(meta=SimpleNamespace(endpoint_url="http://127.0.0.1:1"), send_message=self._send)

    def _send(self, **message: str) -> None:
        self.messages.append((message["QueueUrl"], json.loads(message["MessageBody"])))

    def _answer(self, name: str, payload: bytes) -> Invocation:
        assert (name, payload) == ("report", b'{"task": "daily-report"}')
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def run(self) -> Invocation:
        return self.invoke("report", b'{"task": "daily-report"}')


def test_what_succeeds_is_done_once() -> None:
    bench = Bench(GOOD)
    assert bench.run() == GOOD
    assert (bench.pauses, bench.messages) == ([], [])


def test_an_error_is_tried_again_after_one_and_after_two_minutes() -> None:
    bench = Bench(BAD, BAD, GOOD)
    assert bench.run() == GOOD
    assert (bench.pauses, bench.messages) == ([1, 2], [])


def test_the_third_error_reaches_the_queue_with_request_and_response() -> None:
    bench = Bench(BAD, BAD, BAD)
    assert bench.run() == BAD
    ((url, record),) = bench.messages
    assert url == "http://127.0.0.1:1/000000000000/dead"
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": "bad",
            "functionArn": "arn:aws:lambda:us-east-2:000000000000:function:report:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"task": "daily-report"},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorType": "ValueError", "errorMessage": "on purpose"},
    }
    assert bench.roles == ["report"]


@pytest.mark.parametrize("retries", [0, 1])
def test_retries_may_be_fewer(retries: int) -> None:
    bench = Bench(*[BAD] * (retries + 1), maximum_retry_attempts=retries)
    bench.run()
    assert bench.messages[0][1]["requestContext"]["approximateInvokeCount"] == retries + 1


def test_throttles_cost_no_retry_and_pause_up_to_five_minutes() -> None:
    bench = Bench(*[THROTTLED] * 11, BAD, BAD, GOOD)
    assert bench.run() == GOOD
    assert [60 * pause for pause in bench.pauses] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 60, 120]


def test_an_event_that_gets_too_old_reaches_the_queue() -> None:
    bench = Bench(*[THROTTLED] * 7, maximum_event_age_seconds=60)
    with pytest.raises(Throttled):
        bench.run()
    assert sum(bench.pauses) * 60 <= 60
    ((_, record),) = bench.messages
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responsePayload" not in record


def test_an_event_may_get_too_old_between_two_retries() -> None:
    bench = Bench(BAD, BAD, maximum_event_age_seconds=100)
    assert bench.run() == BAD
    assert bench.messages[0][1]["requestContext"]["condition"] == "EventAgeExceeded"


def test_a_function_that_is_not_there_is_not_tried_again() -> None:
    bench = Bench(UnknownFunctionError())
    with pytest.raises(UnknownFunctionError):
        bench.run()
    assert bench.messages == []


def test_without_a_configuration_lambdas_defaults_hold_and_nobody_is_told() -> None:
    calls: list[str] = []

    def invoke(name: str, payload: bytes) -> Invocation:
        del payload
        calls.append(name)
        return BAD

    invoker = AsynchronousInvoker([], invoke, pytest.fail, sleep=lambda _: None)
    assert invoker("other", b"{}") == BAD
    assert len(calls) == 3
