"""Counts what the functions' clients do, and what DynamoDB bills for it: by item sizes, as its documentation says."""

import threading
import time
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypedDict
from unittest import mock

import msgspec
from botocore.exceptions import ClientError
from botocore.model import OperationModel
from botocore.session import Session

from benchmarks.items import WRITE_UNIT, item_size
from fraudstream.aws.connection import AwsRequest, AwsResponse, Connection
from fraudstream.aws.dynamodb import AttributeValue, DynamoDbAnswer, KeysToRead

READ_UNIT: Final = 4096
_WRITES: Final = {"PutItem", "UpdateItem"}
_TRANSACTION_TIMES: Final = 2
"""A transaction prepares each write and then commits it (developer guide: "DynamoDB transactions: how it works"); its
indexes are written once."""


class _Asked(TypedDict, total=False):
    """The parameters that units depend on."""

    TableName: str
    Item: dict[str, AttributeValue]
    Key: dict[str, AttributeValue]
    RequestItems: dict[str, KeysToRead]
    TransactItems: list[dict[str, "_Asked"]]
    ConsistentRead: bool


class RequestMeter:
    """Counts requests, bytes and units of the function that works now."""

    def __init__(self, reader: Any, index_keys: Mapping[str, Sequence[str]]) -> None:  # noqa: ANN401  (boto3's types require no item)
        """Store what is needed to count.

        Args:
            reader: a DynamoDB client whose own requests are not counted: it looks at items that were updated.
            index_keys: the hash keys of each table's indexes: an item with one is in the index too, which costs one
                more unit at each write.
        """
        self._index_keys = index_keys
        self.counts: dict[str, dict[str, float]] = {}
        self._reader = reader
        self._lock = threading.Lock()
        self._now: dict[str, float] = {}
        self.own_seconds = 0.0
        """Processor time that counting took itself, which is not the functions'."""

    def count_for(self, function: str) -> dict[str, float]:
        """Count what follows for a function, and return its counts."""
        self._now = self.counts.setdefault(function, defaultdict(float))
        return self._now

    @contextmanager
    def watching(self) -> Generator[None]:
        """Count the calls of the functions' own clients, and of botocore's that are made meanwhile."""
        send, create = Connection.send, Session.create_client

        def metered_send(connection: Connection, request: AwsRequest) -> AwsResponse:
            service = "dynamodb" if "x-amz-target" in request.headers else "s3"
            try:
                response = send(connection, request)
            except ClientError as error:
                with self._on_own_account():
                    self._count(service, request.operation, _asked(service, request), error.response)
                raise
            with self._on_own_account():
                answer: Any = {}
                if service == "dynamodb":
                    answer = msgspec.json.decode(response.content, type=DynamoDbAnswer)
                self._count(service, request.operation, _asked(service, request), answer)
            return response

        def metered_client(session: Session, *named: Any, **more: Any) -> Any:  # noqa: ANN401  (those of `create_client`)
            client: Any = create(session, *named, **more)
            client.meta.events.register("before-parameter-build", _keep_parameters)
            client.meta.events.register("after-call", self._count_call)
            return client

        with (
            mock.patch.object(Connection, "send", metered_send),
            mock.patch.object(Session, "create_client", metered_client),
        ):
            yield

    @contextmanager
    def _on_own_account(self) -> Generator[None]:
        started = time.thread_time()
        yield
        with self._lock:
            self.own_seconds += time.thread_time() - started

    def _count_call(
        self, parsed: Mapping[str, Any], model: OperationModel, context: Mapping[str, Any], **_: object
    ) -> None:
        asked = dict(context["metered"])
        if model.name == "PutObject":
            # botocore has made a file of it.
            asked["Body"] = asked["Body"].getbuffer()
        self._count(model.service_model.service_name, model.name, asked, parsed)

    def _count(self, service: str, operation: str, asked: Mapping[str, Any], parsed: Mapping[str, Any]) -> None:
        found: dict[str, float] = {f"{service}_requests": 1, f"{service}_{operation}": 1}
        if operation in _WRITES:
            found["write_units"] = self._write_units(operation, asked, parsed)
        elif operation == "TransactWriteItems":
            found["write_units"] = sum(
                self._write_units(f"{kind}Item", write, parsed, times=_TRANSACTION_TIMES)
                for each in asked["TransactItems"]
                for kind, write in each.items()
            )
        elif operation == "BatchGetItem":
            found["read_units"] = _batch_units(asked, parsed)
        elif operation == "GetItem":
            found["read_units"] = _read_units([parsed.get("Item", {})], consistent=asked.get("ConsistentRead", False))
        elif operation == "PutObject":
            found["stored_bytes"] = len(asked["Body"])
        elif service == "dynamodb":
            raise NotImplementedError(f"nobody has said what units {operation} takes")
        with self._lock:
            for name, number in found.items():
                self._now[name] += number

    def _write_units(
        self, operation: str, asked: Mapping[str, Any], parsed: Mapping[str, Any], *, times: int = 1
    ) -> int:
        if "Error" in parsed:
            # A failed condition costs what the item that is there would.
            item = parsed.get("Item") or asked.get("Item", {})
        elif operation == "PutItem":
            item = asked["Item"]
        else:
            item = self._reader.get_item(TableName=asked["TableName"], Key=asked["Key"], ConsistentRead=True)["Item"]
        return times * max(-(-item_size(item) // WRITE_UNIT), 1) + sum(
            key in item for key in self._index_keys[asked["TableName"]]
        )


def _asked(service: str, request: AwsRequest) -> Mapping[str, Any]:
    if service == "dynamodb":
        return msgspec.json.decode(request.body, type=_Asked)
    return {"Body": request.body}


def _keep_parameters(params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
    context["metered"] = params


def _batch_units(asked: Mapping[str, Any], parsed: Mapping[str, Any]) -> float:
    total = 0.0
    for table, wanted in asked["RequestItems"].items():
        items = parsed.get("Responses", {}).get(table, [])
        absent: list[dict[str, Any]] = [{} for _ in range(len(wanted["Keys"]) - len(items))]
        total += _read_units([*items, *absent], consistent=wanted.get("ConsistentRead", False))
    return total


def _read_units(items: list[dict[str, Any]], *, consistent: bool) -> float:
    units = sum(max(-(-item_size(item) // READ_UNIT), 1) for item in items)
    return units if consistent else units / 2
