"""The event source mapper: plays Lambda's event source mapping from a DynamoDB stream to a function."""

import json
import logging
import uuid
from typing import TYPE_CHECKING, Any, cast

from embedded_aws.runtime.invocations import InvocationRefusedError, Invoke
from embedded_aws.specs import EventSourceSpec
from embedded_aws.streams.consumer import ConsumerSettings, StreamConsumer
from embedded_aws.streams.records import to_payload
from embedded_aws.streams.retries import (
    Delivered,
    Discarded,
    Failed,
    NotReached,
    Outcome,
    RecordBatch,
    RetryPolicy,
    batch_info,
    timestamp_now,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_sqs import SQSClient

_logger = logging.getLogger(__name__)


class FailureQueue:
    """The queue that takes what was given up."""

    def __init__(self, sqs: "SQSClient", arn: str) -> None:
        self._sqs = sqs
        account, name = arn.split(":")[4:6]
        # Made and not asked for: a role that may send to a queue need not be allowed to look it up.
        self._url = f"{sqs.meta.endpoint_url}/{account}/{name}"

    def send(self, body: dict[str, Any]) -> None:
        """Send a message in JSON."""
        self._sqs.send_message(QueueUrl=self._url, MessageBody=json.dumps(body))


class EventSourceMapper(StreamConsumer):
    """Invokes a function with the records of a stream, in batches.

    Raises:
        ValueError: A filter or the starting position is not one that AWS knows.
    """

    def __init__(
        self, spec: EventSourceSpec, *, streams: "DynamoDBStreamsClient", invoke: Invoke, sqs: "SQSClient"
    ) -> None:
        self._spec = spec
        self._invoke = invoke
        self._queue = FailureQueue(sqs, spec.on_failure_queue_arn) if spec.on_failure_queue_arn else None
        settings = ConsumerSettings(
            name=spec.name,
            stream_arn=spec.stream_arn,
            starting_position=spec.starting_position,
            batch_size=spec.batch_size,
            batching_window_seconds=spec.batching_window_seconds,
            parallelization_factor=spec.parallelization_factor,
            filters=spec.filters,
            retries=RetryPolicy(
                bisect=spec.bisect_on_error,
                maximum_retries=spec.maximum_retry_attempts,
                maximum_age_seconds=spec.maximum_record_age_seconds,
            ),
        )
        super().__init__(settings, streams=streams, deliver=self._invoke_with, discard=self._to_destination)
        self.uuid = str(uuid.uuid4())

    @property
    def function_name(self) -> str:
        """The function that is invoked."""
        return self._spec.function_name

    def described(self) -> dict[str, str | int]:
        """Return what Lambda's GetEventSourceMapping says of it, in part."""
        return {
            "UUID": self.uuid,
            "State": self.state,
            "EventSourceArn": self._spec.stream_arn,
            "MaximumRecordAgeInSeconds": int(self.record_age_seconds),
        }

    def _invoke_with(self, batch: RecordBatch) -> Outcome:
        try:
            result = self._invoke(self._spec.function_name, to_payload(batch.records))
        except InvocationRefusedError:
            return NotReached()
        if result.function_error:
            return Failed(function_error=result.function_error)
        if self._spec.report_batch_item_failures:
            return read_item_failures(result.payload, batch)
        return Delivered()

    def _to_destination(self, discarded: Discarded, shard_id: str) -> None:
        batch = discarded.batch
        if self._queue is None:
            _logger.warning("%s: %d records given up", self._spec.name, len(batch.records))
            return
        region, account = self._spec.stream_arn.split(":")[3:5]
        function_arn = f"arn:aws:lambda:{region}:{account}:function:{self._spec.function_name}"
        body: dict[str, Any] = {
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": function_arn,
                "condition": discarded.condition.value,
                "approximateInvokeCount": batch.invocations,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": batch.function_error}
            if batch.invocations
            else None,
            "version": "1.0",
            "timestamp": timestamp_now(),
            "DDBStreamBatchInfo": batch_info(batch, self._spec.stream_arn, shard_id),
        }
        self._queue.send(body)


def read_item_failures(payload: bytes, batch: RecordBatch) -> Outcome:
    """Read what a function's answer says about the records of its batch (ReportBatchItemFailures).

    Nothing, an empty object, and an empty or null list mean success; an identifier that is empty, null, missing or not
    of this batch means that the whole batch failed; else the batch failed from the lowest of them on.

    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    try:
        answer: Any = json.loads(payload) if payload else None
    except ValueError:
        return Failed()
    if answer is None:
        return Delivered()
    if not isinstance(answer, dict):
        return Failed()
    failures: Any = cast("dict[str, Any]", answer).get("batchItemFailures")
    if failures is None or failures == []:
        return Delivered()
    if not isinstance(failures, list):
        return Failed()
    positions = {record.sequence_number: index for index, record in enumerate(batch.records)}
    first = len(batch.records)
    for failure in cast("list[Any]", failures):
        identifier: Any = cast("dict[str, Any]", failure).get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(identifier, str) or identifier not in positions:
            return Failed()
        first = min(first, positions[identifier])
    return Failed(first_failed=first)
