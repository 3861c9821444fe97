"""A table and a bucket that take a fixed time for each answer, in a process of their own.

The embedded AWS takes longer for an answer than the functions take for a request, and never the same. Here every write
succeeds, every profile is one that was really stored, and files are served as S3 does; none is kept.
"""

import asyncio
import base64
import hashlib
import json
import multiprocessing
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

Items = Mapping[str, list[dict[str, Any]]]
"""Items of profiles by kind of entity, bytes in base64 as on the wire."""


def on_the_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item as DynamoDB's JSON has it, with bytes in base64."""
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value for name, value in item.items()
    }


class FixedTable:
    """The server, as its user sees it."""

    def __init__(self, port: int, latency: "Synchronized[float]", requests: "Synchronized[int]") -> None:
        """Address a server that runs already.

        Args:
            port: on the loopback interface.
            latency: seconds that each answer takes, shared with the server's process.
            requests: the number of requests, shared with the server's process.
        """
        self.endpoint = f"http://127.0.0.1:{port}"
        self._latency = latency
        self._requests = requests

    def answer_after(self, seconds: float) -> None:
        """Set how long each answer takes from now on."""
        self._latency.value = seconds

    def count(self) -> int:
        """Return how many requests there were."""
        return self._requests.value


class _Exchange(asyncio.Protocol):
    """One connection: HTTP/1.1, one request after the other."""

    def __init__(self, server: "_Server") -> None:
        self._server = server
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if len(rest) < int(headers.get("content-length", 0)):
            return
        self._received = b""
        answer = self._server.answer(lines[0], headers, rest)
        asyncio.get_running_loop().call_later(self._server.latency.value, self._transport.write, answer)


class _Server:
    def __init__(
        self,
        profiles: Items,
        files: Mapping[str, bytes],
        transaction: Mapping[str, Any],
        latency: "Synchronized[float]",
        requests: "Synchronized[int]",
    ) -> None:
        self.latency = latency
        self._transaction = transaction
        self._profiles = profiles
        self._files = files
        self._requests = requests

    def answer(self, request: str, headers: Mapping[str, str], body: bytes) -> bytes:
        with self._requests.get_lock():
            self._requests.value += 1
        if operation := headers.get("x-amz-target"):
            return _answer("200 OK", json.dumps(self._found(operation, body)).encode())
        method, target, _ = request.split(" ")
        if method == "PUT":
            return _answer("200 OK", b"", '"written"')
        if "list-type=2" in target:
            return _answer("200 OK", b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
        content = self._files.get(target.split("?", maxsplit=1)[0].partition("/bench/")[2])
        if content is None:
            return _answer("404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>")
        etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        if headers.get("if-none-match") == etag:
            return _answer("304 Not Modified", b"", etag)
        return _answer("200 OK", content, etag)

    def _found(self, operation: str, body: bytes) -> dict[str, Any]:
        if operation.endswith(".BatchGetItem"):
            return self._read_profiles(json.loads(body))
        return {"Items": [self._transaction]} if operation.endswith(".Query") else {}

    def _read_profiles(self, request: dict[str, Any]) -> dict[str, Any]:
        ((table, wanted),) = request["RequestItems"].items()
        items: list[dict[str, Any]] = []
        for key in wanted["Keys"]:
            kind, _, token = key["entity"]["S"].partition("#")
            if known := self._profiles.get(kind):
                items.append(known[sum(token.encode()) % len(known)] | key)
        return {"Responses": {table: items}, "UnprocessedKeys": {}}


def _answer(status: str, body: bytes, etag: str = "") -> bytes:
    tag = f"ETag: {etag}\r\n" if etag else ""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n{tag}\r\n"
    return head.encode() + body


def _serve(  # noqa: PLR0917  (what a process is started with has no names)
    ready: Connection,
    profiles: Items,
    files: Mapping[str, bytes],
    transaction: Mapping[str, Any],
    latency: "Synchronized[float]",
    requests: "Synchronized[int]",
) -> None:
    async def run() -> None:
        made = _Server(profiles, files, transaction, latency, requests)
        server = await asyncio.get_running_loop().create_server(lambda: _Exchange(made), "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def fixed_table(
    profiles: list[dict[str, Any]], files: Mapping[str, bytes], transaction: Mapping[str, Any] | None = None
) -> Generator[FixedTable]:
    """Run the server.

    Args:
        profiles: stored items; each key that is asked for gets one of its kind.
        files: objects of the bucket `bench`, by key.
        transaction: what every query finds.
    """
    context = multiprocessing.get_context("spawn")
    latency, requests = context.Value("d", 0.0), context.Value("q", 0)
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for item in profiles:
        by_kind.setdefault(item["entity"]["S"].partition("#")[0], []).append(on_the_wire(item))
    here, there = context.Pipe()
    queried = on_the_wire(transaction or {})
    given = there, by_kind, files, queried, latency, requests
    process = context.Process(target=_serve, args=given, daemon=True)
    process.start()
    try:
        yield FixedTable(here.recv(), latency, requests)
    finally:
        process.kill()
        process.join()
