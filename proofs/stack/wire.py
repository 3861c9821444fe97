"""Requests to AWS and answers of it on the wire, as the proxy sees them."""

import asyncio
import json
import os
import signal
import zlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from embedded_aws.runtime.http_protocol import Request

_DYNAMODB: Final = "DynamoDB_20120810."
_NO_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


@dataclass(frozen=True)
class WireCall:
    """A request of a function."""

    request: Request
    operation: str
    """DynamoDB's name of it; of S3 the method, such as `S3 PUT`."""
    parameters: Mapping[str, Any]
    """Of DynamoDB; of S3 the path alone."""

    @classmethod
    def of(cls, request: Request) -> "WireCall":
        """Read a request."""
        target = request.headers.get("x-amz-target", "")
        if target.startswith(_DYNAMODB):
            return cls(request, target.removeprefix(_DYNAMODB), json.loads(request.body))
        return cls(request, f"S3 {request.method}", {"path": request.path})

    @property
    def is_s3(self) -> bool:
        """Whether it is for S3."""
        return self.operation.startswith("S3 ")

    def rewritten(self, parameters: Mapping[str, Any]) -> "WireCall":
        """Return the call with other parameters."""
        body = json.dumps(parameters).encode()
        changed = Request(method=self.request.method, path=self.request.path, headers=self.request.headers, body=body)
        return WireCall(changed, self.operation, parameters)


@dataclass(frozen=True)
class WireAnswer:
    """An answer of AWS."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether AWS did what it was asked for."""
        return self.status < HTTPStatus.MULTIPLE_CHOICES

    def encoded(self, body: bytes | None = None, *, is_damaged: bool = False) -> bytes:
        """Return the answer as it goes over the wire.

        Args:
            body: what is sent; the answer's own without one. Its length is not what the head says then.
            is_damaged: whether the checksum is to be another one.
        """
        headers = {**self.headers, "content-length": self.headers.get("content-length", str(len(self.body)))}
        if is_damaged:
            headers["x-amz-crc32"] = str(zlib.crc32(self.body) ^ 1)
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (self.body if body is None else body)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def encoded(request: Request, body: bytes) -> bytes:
    """Return a request as it goes over the wire."""
    # Nobody here waits for a leave to send the body.
    headers = {name: value for name, value in request.headers.items() if name != "expect"}
    headers["content-length"] = str(len(body))
    lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def dynamodb_answer(status: int, content: Mapping[str, Any]) -> WireAnswer:
    """Return an answer as DynamoDB gives it."""
    body = json.dumps(content).encode()
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-crc32": str(zlib.crc32(body))}
    return WireAnswer(status, headers, body)


def refusal(call: WireCall, status: int, code: str, **more: object) -> WireAnswer:
    """Return a refusal in the words of the service that was called; of DynamoDB, with more members."""
    if call.is_s3:
        body = f"<Error><Code>{code}</Code><Message>made for the experiment</Message></Error>".encode()
        return WireAnswer(status, {"content-type": "application/xml"}, body)
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    return dynamodb_answer(status, {"__type": kind, "message": "made for the experiment", **more})


async def read_answer(reader: asyncio.StreamReader, method: str) -> WireAnswer:
    """Read an answer.

    Raises:
        OSError: the connection ended before the answer did.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
        }
        status = int(first.split(" ")[1])
        if method == "HEAD" or status in _NO_BODY:
            return WireAnswer(status, headers, b"")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b"".join([chunk async for chunk in _chunks(reader)])
            del headers["transfer-encoding"]
            return WireAnswer(status, headers, body)
        return WireAnswer(status, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError from error


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readline()).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readline()
    await reader.readline()


class Upstream:
    """A connection to AWS, opened when it is needed."""

    def __init__(self, address: tuple[str, int]) -> None:
        """Begin without a connection to the address: host and port."""
        self._address = address
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, call: WireCall) -> WireAnswer:
        """Send a request, and return the answer.

        Raises:
            OSError: AWS cannot be reached, or the connection ended before the answer did.
        """
        if self._streams is not None and self._streams[0].at_eof():
            # AWS closes a connection that nobody has used for a while.
            self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        writer.write(encoded(call.request, call.request.body))
        await writer.drain()
        answer = await read_answer(reader, call.request.method)
        if answer.headers.get("connection") == "close":
            self.close()
        return answer

    def close(self) -> None:
        """End the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def process_at(port: int, processes: Iterable[int]) -> int | None:
    """Return which of some processes holds the connection from a port of this machine; None if none does."""
    wanted = f":{port:04X}"
    inodes = {
        fields[9]
        for fields in (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
        if fields[1].endswith(wanted)
    }
    links = {f"socket:[{inode}]" for inode in inodes}
    for process in processes:
        with suppress(OSError):
            for descriptor in Path(f"/proc/{process}/fd").iterdir():
                with suppress(OSError):
                    if str(descriptor.readlink()) in links:
                        return process
    return None


def kill(process: int) -> None:
    """End a function's process and what it started, without a chance to do anything about it."""
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
