"""Asynchronous invocations: plays Lambda's queue of events, its retries, and its destination for what failed."""

import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embedded_aws.runtime.invocations import Invocation, Invoke, Throttled
from embedded_aws.specs import EventInvokeSpec
from embedded_aws.streams.event_source_mapping import FailureQueue
from embedded_aws.streams.retries import timestamp_now

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
_RETRY_PAUSES_SECONDS = (60.0, 120.0)
"""After a function's first and second error."""
_FIRST_THROTTLE_PAUSE_SECONDS = 1.0
_LONGEST_THROTTLE_PAUSE_SECONDS = 300.0
_HASTE = 60
"""How much shorter pauses are here than Lambda's: a second for a minute."""

_logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class _Event:
    """An event, and what has become of it."""

    spec: EventInvokeSpec
    payload: bytes
    age_seconds: float = 0.0
    """In Lambda's time: as if no pause had been shortened."""
    invocations: int = 0
    throttles: int = 0
    last: Invocation | None = None


class AsynchronousInvoker:
    """Invokes functions as Lambda does for callers that do not wait: an `Invoke` that tries again what fails.

    What a function refuses for good goes to its destination. The caller here does wait, and gets the last answer.

    Args:
        specs: of the functions that have a configuration; others have Lambda's defaults.
        invoke: invokes a function once.
        sqs: gives a client that acts as the role of a function.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        specs: Sequence[EventInvokeSpec],
        invoke: Invoke,
        sqs: Callable[[str], "SQSClient"],
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._specs: Mapping[str, EventInvokeSpec] = {spec.function_name: spec for spec in specs}
        self._invoke = invoke
        self._sleep = sleep
        self._queues = {
            spec.function_name: FailureQueue(sqs(spec.function_name), spec.on_failure_queue_arn)
            for spec in specs
            if spec.on_failure_queue_arn
        }

    def __call__(self, function_name: str, payload: bytes) -> Invocation:
        """Invoke a function, again and again if need be.

        Raises:
            Throttled: the event got too old before the function had room for it.
            InvocationRefusedError: the function cannot be reached at all.
        """
        spec = self._specs.get(function_name, EventInvokeSpec(function_name=function_name))
        event = _Event(spec=spec, payload=payload)
        while True:
            pause = self._attempt(event)
            if event.last and not event.last.function_error:
                return event.last
            if event.invocations > spec.maximum_retry_attempts:
                self._give_up(event, "RetriesExhausted")
                break
            event.age_seconds += pause
            if event.age_seconds > spec.maximum_event_age_seconds:
                self._give_up(event, "EventAgeExceeded")
                break
            self._sleep(pause / _HASTE)
        if event.last is None:
            raise Throttled(f"function {function_name} had no room for an event within its maximum age")
        return event.last

    def _attempt(self, event: _Event) -> float:
        """Try once, and return the pause before another attempt, in Lambda's seconds."""
        began = time.monotonic()
        try:
            event.last = self._invoke(event.spec.function_name, event.payload)
        except Throttled:
            event.throttles += 1
            return min(_FIRST_THROTTLE_PAUSE_SECONDS * 2 ** (event.throttles - 1), _LONGEST_THROTTLE_PAUSE_SECONDS)
        event.age_seconds += time.monotonic() - began
        event.invocations += 1
        return _RETRY_PAUSES_SECONDS[min(event.invocations, len(_RETRY_PAUSES_SECONDS)) - 1]

    def _give_up(self, event: _Event, condition: str) -> None:
        name = event.spec.function_name
        _logger.warning("function %s: an event was given up: %s", name, condition)
        if queue := self._queues.get(name):
            queue.send(_record(event, condition))


def _record(event: _Event, condition: str) -> dict[str, Any]:
    """Build the invocation record of an event that was given up.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    region, account = (event.spec.on_failure_queue_arn or "").split(":")[3:5]
    last = event.last
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": timestamp_now(),
        "requestContext": {
            "requestId": last.request_id if last else str(uuid.uuid4()),
            "functionArn": f"arn:aws:lambda:{region}:{account}:function:{event.spec.function_name}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": event.invocations,
        },
        "requestPayload": json.loads(event.payload),
    }
    if last:
        record["responseContext"] = {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": last.function_error,
        }
        record["responsePayload"] = json.loads(last.payload)
    return record
