"""A table with a stream, a queue, and a mapper between them and a function of the test."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from embedded_aws.ministack.server import MinistackServer
from embedded_aws.runtime.invocations import Invocation
from embedded_aws.specs import EventSourceSpec
from embedded_aws.streams.event_source_mapping import EventSourceMapper

Function = Callable[[list[dict[str, Any]]], Any]


class Bench:
    """A table with a stream, a queue, and a mapper between them and a function of the test."""

    def __init__(self, server: MinistackServer) -> None:
        self.dynamodb = server.client("dynamodb")
        self.streams = server.streams()
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


@contextmanager
def a_bench(server: MinistackServer) -> Iterator[Bench]:
    """A bench that is closed behind its tests."""
    bench = Bench(server)
    yield bench
    bench.close()


def keys(records: list[dict[str, Any]]) -> list[str]:
    return [record["dynamodb"]["Keys"]["id"]["S"] for record in records]
