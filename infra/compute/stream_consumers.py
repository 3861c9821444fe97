"""The two consumers of the stream of transactions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from fraudstream.contract import DECISION_DEADLINE_SECONDS, STREAM_SECONDS, ItemKind
from infra.compute.functions import Function
from infra.data.queues import DeadLetters
from infra.data.tables import Table
from infra.naming import StackContext


def _image(event: str, *, before: Mapping[str, Any] | None = None, **conditions: object) -> Mapping[str, Any]:
    images = {"NewImage": {"kind": {"S": [ItemKind.TRANSACTION.value]}, **conditions}}
    return {"eventName": [event], "dynamodb": images | ({"OldImage": before} if before else {})}


# Claims and expiries pass none. The analyzer's own writes add neither a label nor a redrive.
ANALYZER_FILTERS = (
    _image("INSERT"),
    # It is new, too, where somebody had written attributes of a label under its key.
    _image("MODIFY", before={"kind": {"S": [{"exists": False}]}}),
    _image("MODIFY", label={"S": [{"exists": True}]}),
    _image("MODIFY", redrivenAt={"N": [{"exists": True}]}),
)
MOST_RETRIES = 10_000
"""The most that a mapping can be told: the records' age ends its attempts."""
REPORTER_FILTERS = (_image("INSERT"), _image("MODIFY"))


@dataclass(frozen=True, kw_only=True)
class ConsumerSpec:
    """How a function follows a stream."""

    batch_size: int
    window_seconds: int
    parallelization: int
    retries: int
    record_age_seconds: int
    filters: Sequence[Mapping[str, Any]]


def analyzer_consumer() -> ConsumerSpec:
    """Return the fraud analyzer's: at once, and forty at a time over the four shards of a new table."""
    return ConsumerSpec(
        batch_size=100,
        window_seconds=0,
        parallelization=10,
        retries=10,
        record_age_seconds=DECISION_DEADLINE_SECONDS,
        filters=ANALYZER_FILTERS,
    )


def reporter_consumer(window_seconds: int) -> ConsumerSpec:
    """Return the report generator's: large batches, one at a time, so that a segment's key is the same on a retry.

    It tries for as long as the stream remembers: nothing waits for it, and what it gives up is missing from the log.
    """
    return ConsumerSpec(
        batch_size=10_000,
        window_seconds=window_seconds,
        parallelization=1,
        retries=MOST_RETRIES,
        record_age_seconds=STREAM_SECONDS,
        filters=REPORTER_FILTERS,
    )


class StreamSubscription(pulumi.ComponentResource):
    """Hands a table's stream to a function, batch by batch; what fails for good goes to the dead-letter queue."""

    def __init__(
        self,
        place: StackContext,
        spec: ConsumerSpec,
        *,
        table: Table,
        function: Function,
        dead_letters: DeadLetters,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the mapping, after what the function needs; its role has been granted the stream and the queue."""
        super().__init__(
            "fraudstream:infra:StreamConsumer", place.name("component", f"stream-{function.purpose}"), None, opts
        )
        aws.lambda_.EventSourceMapping(
            place.name("event-source", function.purpose),
            event_source_arn=table.stream_arn,
            function_name=function.arn,
            # From the oldest record on: what is posted while the stack comes up is judged too.
            starting_position="TRIM_HORIZON",
            batch_size=spec.batch_size,
            maximum_batching_window_in_seconds=spec.window_seconds,
            parallelization_factor=spec.parallelization,
            bisect_batch_on_function_error=True,
            function_response_types=["ReportBatchItemFailures"],
            maximum_retry_attempts=spec.retries,
            maximum_record_age_in_seconds=spec.record_age_seconds,
            filter_criteria={"filters": [{"pattern": json.dumps(pattern)} for pattern in spec.filters]},
            destination_config={"on_failure": {"destination_arn": dead_letters.arn}},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*after]),
        )
        self.register_outputs({})
