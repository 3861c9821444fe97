"""The network between the functions and AWS: the functions' own clients, whose requests end here and not on a socket.

So what repeats a call, and what comes of an answer that is lost, is the clients' own doing.
"""

import hashlib
import io
import json
import os
import random
import zlib
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final, cast
from unittest import mock
from urllib.parse import unquote, urlsplit

import boto3
import botocore.endpoint
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from fraudstream.aws import connection
from fraudstream.aws.dynamodb import DynamoDb
from fraudstream.aws.endpoint import HttpAnswer, Limits
from fraudstream.detection.stores.profiles import store as profiles
from fraudstream.transactions.storage import store
from proofs.faults.actors import Actors
from proofs.faults.kinds import CANCELED, IN_CONFLICT, SINGLE_WRITES, Fault, Faults, reasons_in_the_way
from proofs.faults.tables import MemoryTables, RefusedError, parts

_ENDPOINT: Final = "http://aws.invalid"
_PLACE: Final = {
    "AWS_ENDPOINT_URL": _ENDPOINT,
    "AWS_REGION": "us-east-2",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
}
_SDK_ATTEMPTS: Final = 3
"""As the functions set it."""
_LONGEST_DELAY: Final = 400
"""Attempts of all functions, until what is under way arrives."""
_STALE_READS: Final = 3
"""As many times as often as a call fails."""

OnRequest = Callable[[str, str, Mapping[str, Any]], None]
"""Called with who sent it, operation and parameters; nobody sent what arrives late."""


class KilledError(BaseException):
    """The function ends in the middle of its work. Nothing in it can catch this."""


class _Raw(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


class FaultyNetwork:
    """Carries requests to the tables and to the bucket, or fails to."""

    def __init__(self, tables: MemoryTables, actors: Actors, faults: Faults, chance: random.Random) -> None:
        """Store what is behind the network, who uses it, and what goes wrong.

        Args:
            tables: DynamoDB.
            actors: take turns at each attempt.
            faults: what goes wrong.
            chance: decides the details.
        """
        self._tables = tables
        self._actors = actors
        self._faults = faults
        self._chance = chance
        self.is_s3_away: Callable[[], bool] = lambda: False
        self.objects: dict[str, bytes] = {}
        """The bucket's objects by key."""
        self._under_way: list[tuple[int, str, dict[str, Any]]] = []
        self._away: defaultdict[str, int] = defaultdict(int)
        """Attempts for which AWS stays away, by actor."""
        self.attempts = 0
        self.on_sent: OnRequest = _nothing
        self.on_applied: OnRequest = _nothing
        self.on_lost: OnRequest = _nothing
        """A write was applied, and the caller does not know."""
        self.rewrite: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda _, request: request
        """Changes requests before they arrive: how a mutation drops a condition."""

    def client(self, service: str) -> Any:  # noqa: ANN401  (each service's client is a type of its own)
        """Make a client with the functions' own settings."""
        if service == "dynamodb":
            with mock.patch.dict(os.environ, _PLACE):
                dynamodb = DynamoDb(Limits(read_seconds=1, attempts=_SDK_ATTEMPTS))
            dynamodb.connection.endpoint = cast("Any", SimpleNamespace(exchange=self._to_dynamodb))
            return dynamodb
        config = Config(
            signature_version=UNSIGNED,
            retries={"mode": "standard", "total_max_attempts": _SDK_ATTEMPTS},
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
        )
        client = cast("Any", boto3).client(service, region_name="us-east-2", endpoint_url=_ENDPOINT, config=config)
        client.meta.events.register(f"before-send.{service}", self._to_s3)
        return client

    @contextmanager
    def without_waiting(self) -> Generator[None]:
        """Replace the pauses between attempts by a turn of the other actors."""
        waiting = SimpleNamespace(sleep=self._wait)
        with mock.patch.object(botocore.endpoint, "time", waiting), mock.patch.object(connection, "time", waiting):
            yield

    @contextmanager
    def repeatable(self) -> Generator[None]:
        """Draw the marks of writes by the seed: they decide which shard is written, and so who meets whom."""
        drawn = SimpleNamespace(token_bytes=self._chance.randbytes, randbits=self._chance.getrandbits)
        with mock.patch.object(profiles, "secrets", drawn), mock.patch.object(store, "secrets", drawn):
            yield

    def _wait(self, _: float) -> None:
        self._actors.turn()

    def arrive(self, *, all_of_it: bool = False) -> None:
        """Deliver the late requests that are due."""
        due = [each for each in self._under_way if all_of_it or each[0] <= self.attempts]
        for each in due:
            self._under_way.remove(each)
            _, operation, request = each
            self._apply(operation, request, late=True)

    def _to_dynamodb(self, _method: str, _target: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        operation = headers["x-amz-target"].partition(".")[2]
        parameters = self._rewritten(operation, json.loads(body))
        fault = self._attempt(operation)
        self.on_sent(self._actors.current, operation, parameters)
        answer = self._dynamodb_answer(fault, operation, parameters)
        self._actors.turn()
        if fault is Fault.KILLED_AFTER:
            raise KilledError
        return answer

    def _rewritten(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation != "TransactWriteItems":
            return self.rewrite(operation, request)
        writes = [
            {kind: self.rewrite(f"{kind}Item", write)}
            for each in request["TransactItems"]
            for kind, write in each.items()
        ]
        return {**request, "TransactItems": writes}

    def _dynamodb_answer(self, fault: Fault | None, operation: str, parameters: dict[str, Any]) -> HttpAnswer:
        match fault:
            case Fault.THROTTLED:
                return self._throttle(operation, parameters)
            case Fault.SERVER_ERROR:
                return _error(500, "InternalServerError")
            case Fault.APPLIED_LATE:
                due = self.attempts + self._chance.randrange(_LONGEST_DELAY)
                self._under_way.append((due, operation, parameters))
                raise ReadTimeoutError(endpoint_url=_ENDPOINT)
            case _:
                answer = self._apply(operation, parameters)
        match fault:
            case Fault.ANSWER_LOST | Fault.ANSWERS_LOST:
                if fault is Fault.ANSWERS_LOST:
                    self._away[self._actors.current] = _SDK_ATTEMPTS - 1
                self.on_lost(self._actors.current, operation, parameters)
                raise ReadTimeoutError(endpoint_url=_ENDPOINT)
            case Fault.SERVER_ERROR_APPLIED:
                self.on_lost(self._actors.current, operation, parameters)
                return _error(500, "InternalServerError")
            case Fault.APPLIED_TWICE:
                return _answer(self._apply(operation, parameters))
            case Fault.TRUNCATED:
                self.on_lost(self._actors.current, operation, parameters)
                return _answer(answer, cut=True)
            case Fault.UNPROCESSED:
                return _answer(_in_part(answer, self._chance))
            case _:
                return _answer(answer)

    def _throttle(self, operation: str, parameters: Mapping[str, Any]) -> HttpAnswer:
        is_told_otherwise = self._chance.random() < 1 / 2
        if is_told_otherwise and operation == "TransactWriteItems":
            return _error(400, CANCELED, reasons=reasons_in_the_way(parameters, self._chance))
        if is_told_otherwise and operation in SINGLE_WRITES:
            return _error(400, IN_CONFLICT)
        return _error(400, "ThrottlingException")

    def _to_s3(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        key = unquote(urlsplit(request.url).path).partition("/")[2].partition("/")[2]
        if self.is_s3_away():
            self._actors.turn()
            raise ConnectionClosedError(endpoint_url=_ENDPOINT)
        fault = self._attempt("S3")
        if fault in {Fault.THROTTLED, Fault.SERVER_ERROR}:
            return _response(503, {}, b"<Error><Code>SlowDown</Code></Error>")
        if request.method != "PUT":
            raise NotImplementedError(request.method)
        body: Any = request.body
        self.objects[key] = body if isinstance(body, bytes) else body.read()
        self._actors.turn()
        match fault:
            case Fault.KILLED_AFTER:
                raise KilledError
            case Fault.ANSWER_LOST | Fault.ANSWERS_LOST | Fault.APPLIED_LATE | Fault.TRUNCATED:
                raise ReadTimeoutError(endpoint_url=_ENDPOINT)
            case _:
                etag = hashlib.md5(self.objects[key], usedforsecurity=False).hexdigest()
                return _response(200, {"ETag": f'"{etag}"'}, b"")

    def _attempt(self, operation: str) -> Fault | None:
        """Begin an attempt; give what goes wrong with it behind the caller's own end."""
        self._actors.turn()
        self.attempts += 1
        self.arrive()
        actor = self._actors.current
        if self._away[actor]:
            self._away[actor] -= 1
            raise ConnectionClosedError(endpoint_url=_ENDPOINT)
        fault = self._faults.of_call(operation)
        if fault is Fault.KILLED_BEFORE:
            raise KilledError
        if fault is Fault.AWAY:
            self._away[actor] = self._chance.randrange(_SDK_ATTEMPTS, 5 * _SDK_ATTEMPTS)
        if fault in {Fault.AWAY, Fault.RESET_BEFORE}:
            raise ConnectionClosedError(endpoint_url=_ENDPOINT)
        return fault

    def _apply(self, operation: str, parameters: dict[str, Any], *, late: bool = False) -> HttpAnswer | dict[str, Any]:
        if operation == "BatchGetItem" and self._is_stale(parameters["RequestItems"]):
            return self._tables.batch_before(parameters["RequestItems"])
        try:
            answer = self._tables.execute(operation, parameters)
        except RefusedError as refused:
            return _error(400, refused.code, refused.item, refused.reasons)
        for write, request in parts(operation, parameters):
            if write in {"PutItem", "UpdateItem"}:
                self.on_applied("" if late else self._actors.current, write, request)
        return answer

    def _is_stale(self, reads: Mapping[str, Any]) -> bool:
        may_be = not any(each.get("ConsistentRead") for each in reads.values())
        return may_be and self._faults.happens(Fault.STALE, _STALE_READS)


def _nothing(_actor: str, _operation: str, _request: Mapping[str, Any]) -> None:
    """Do nothing."""


def _response(status: int, headers: Mapping[str, str], body: bytes) -> AWSResponse:
    made = HTTPHeaders()
    for name, value in headers.items():
        made[name] = value
    return AWSResponse(_ENDPOINT, status, made, _Raw(body))


def _answer(content: HttpAnswer | Mapping[str, Any], status: int = 200, *, cut: bool = False) -> HttpAnswer:
    if isinstance(content, HttpAnswer):
        return content
    body = json.dumps(content).encode()
    headers = {"x-amz-crc32": str(zlib.crc32(body)), "content-type": "application/x-amz-json-1.0"}
    return HttpAnswer(status, headers, body[: len(body) // 2] if cut else body)


def _error(
    status: int, code: str, item: Mapping[str, Any] | None = None, reasons: Sequence[Mapping[str, Any]] = ()
) -> HttpAnswer:
    content: dict[str, Any] = {
        "__type": f"com.amazonaws.dynamodb.v20120810#{code}",
        "message": "made for the experiment",
    }
    if item is not None:
        content["Item"] = item
    if reasons:
        content["CancellationReasons"] = reasons
    return _answer(content, status)


def _in_part(answer: HttpAnswer | dict[str, Any], chance: random.Random) -> HttpAnswer | dict[str, Any]:
    """Leave a part of a batch read's answer out, as DynamoDB does when it has read enough."""
    if isinstance(answer, HttpAnswer):
        return answer
    ((table, items),) = answer["Responses"].items()
    kept = chance.randrange(len(items) + 1)
    left = [{"entity": item["entity"]} for item in items[kept:]]
    unprocessed = {table: {"Keys": left, "ConsistentRead": True}} if left else {}
    return {"Responses": {table: items[:kept]}, "UnprocessedKeys": unprocessed}
