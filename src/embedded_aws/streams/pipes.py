"""Pipes: plays EventBridge Pipes from a DynamoDB stream to an SNS topic or an API destination."""

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from embedded_aws.specs import PipeSpec
from embedded_aws.streams.consumer import ConsumerSettings, StreamConsumer
from embedded_aws.streams.event_source_mapping import FailureQueue
from embedded_aws.streams.records import StreamRecord
from embedded_aws.streams.retries import (
    Delivered,
    Discarded,
    Failed,
    Outcome,
    RecordBatch,
    RetryPolicy,
    batch_info,
    timestamp_now,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_sqs import SQSClient

Publish = Callable[[str, str], object]
"""Delivers a message: the target's ARN, text."""

_VARIABLE = re.compile(r"<(?P<path>\$(?:\.[\w-]+|\[(?:\d+|\*)\])+)>|<(?P<reserved>aws\.pipes\.[\w.-]+)>")
_STEP = re.compile(r"\.([\w-]+)|\[(\d+|\*)\]")
_logger = logging.getLogger(__name__)


class Pipe(StreamConsumer):
    """Delivers the records of a stream to a target, one message each, in the order of the stream.

    Raises:
        ValueError: A filter, the starting position or a variable of the template is not one that AWS knows.
    """

    def __init__(self, spec: PipeSpec, *, streams: "DynamoDBStreamsClient", publish: Publish, sqs: "SQSClient") -> None:
        self._spec = spec
        self._publish = publish
        self._queue = FailureQueue(sqs, spec.dead_letter_queue_arn) if spec.dead_letter_queue_arn else None
        region, account = spec.stream_arn.split(":")[3:5]
        self._arn = f"arn:aws:pipes:{region}:{account}:pipe/{spec.name}"
        reserved = {
            "aws.pipes.pipe-arn": self._arn,
            "aws.pipes.pipe-name": spec.name,
            "aws.pipes.source-arn": spec.stream_arn,
            "aws.pipes.target-arn": spec.target_arn,
        }
        self._render = compile_template(spec.input_template, reserved)
        settings = ConsumerSettings(
            name=spec.name,
            stream_arn=spec.stream_arn,
            starting_position=spec.starting_position,
            batch_size=spec.batch_size,
            batching_window_seconds=0.0,
            parallelization_factor=1,
            filters=spec.filters,
            # A target that takes one record at a time says itself which one failed: splitting at that record costs
            # no retry, so that its neighbours are never given up with it.
            retries=RetryPolicy(
                bisect=True,
                maximum_retries=spec.maximum_retry_attempts,
                maximum_age_seconds=spec.maximum_record_age_seconds,
            ),
        )
        super().__init__(settings, streams=streams, deliver=self._publish_all, discard=self._to_queue)

    def _publish_all(self, batch: RecordBatch) -> Outcome:
        for index, record in enumerate(batch.records):
            try:
                self._publish(self._spec.target_arn, self._render(record))
            except Exception as error:  # noqa: BLE001  (whatever the target raises counts as its failure)
                _logger.warning("%s: publishing failed: %s", self._spec.name, type(error).__name__)
                return Failed(first_failed=index)
        return Delivered()

    def _to_queue(self, discarded: Discarded, shard_id: str) -> None:
        if self._queue is None:
            _logger.warning("%s: %d records given up", self._spec.name, len(discarded.batch.records))
            return
        self._queue.send(
            {
                "context": {"partnerResourceArn": self._arn, "condition": discarded.condition.value},
                "version": "1.0",
                "timestamp": timestamp_now(),
                "DDBStreamBatchInfo": batch_info(discarded.batch, self._spec.stream_arn, shard_id),
            }
        )


def compile_template(template: str | None, reserved: Mapping[str, str]) -> Callable[[StreamRecord], str]:
    """Turn an input template into what makes messages of records; without one a message is the record itself.

    A variable within a JSON string is inserted as text, elsewhere as JSON: strings get their quotes.

    Raises:
        ValueError: The template uses a reserved variable that is not known here.
    """
    if template is None:
        return lambda record: record.encoded.decode()
    for match in _VARIABLE.finditer(template):
        if match["reserved"] and match["reserved"] not in reserved:
            raise ValueError(f"input template: variable {match['reserved']} is not known")

    def render(record: StreamRecord) -> str:
        pieces: list[str] = []
        position = 0
        for match in _VARIABLE.finditer(template):
            pieces.append(template[position : match.start()])
            value = (
                reserved[match["reserved"]]
                if match["reserved"]
                else _look_up(record.event, _STEP.findall(match["path"]))
            )
            pieces.append(_insert(value, quoted=_inside_string("".join(pieces))))
            position = match.end()
        return "".join(pieces) + template[position:]

    return render


def _look_up(value: object, steps: Sequence[tuple[str, str]]) -> object:
    """Follow a path: each step is a name, an index, or `*` for what the rest gives of every item."""
    for position, (name, index) in enumerate(steps):
        if name and isinstance(value, Mapping):
            value = cast("Mapping[str, object]", value).get(name)
        elif index == "*" and isinstance(value, list):
            return [_look_up(item, steps[position + 1 :]) for item in cast("list[object]", value)]
        elif index and isinstance(value, list) and int(index) < len(cast("list[object]", value)):
            value = cast("list[object]", value)[int(index)]
        else:
            return None
    return value


def _insert(value: object, *, quoted: bool) -> str:
    if quoted and value is None:
        return ""
    text = json.dumps(value)
    if not quoted:
        return text
    return text[1:-1] if isinstance(value, str) else json.dumps(text)[1:-1]


def _inside_string(before: str) -> bool:
    return len(re.findall(r'(?<!\\)"', before)) % 2 == 1
