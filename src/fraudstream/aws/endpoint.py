"""HTTP/1.1 with one endpoint, over connections that stay open: a request out, its answer in.

As much of it as AWS speaks: an answer tells its end, by its length or in chunks, and nothing is asked before the answer
to what was asked before has come. Errors are botocore's own.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import weakref
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias
from urllib.parse import urlsplit

import botocore
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from botocore.exceptions import (
    ConnectionError as ConnectionFailedError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ATTEMPTS: Final = 3
"""Of one call, as many as botocore's standard mode makes."""
CONNECT_SECONDS: Final = 1.0
_RECEIVED_AT_ONCE: Final = 65_536
_MOST_OF_A_LINE: Final = 65_536
"""Bytes of an answer's head, or of a line that tells of a chunk."""
_FINAL: Final = 200
"""Statuses below are of what comes before an answer."""
_WITHOUT_CONTENT: Final = frozenset({204, 304})
_ALWAYS: Final = "accept-encoding: identity\r\nuser-agent: fraudstream\r\n"


Unanswered: TypeAlias = HTTPClientError | ConnectionFailedError


class Limits(NamedTuple):
    """How long a call may take, and how many run side by side."""

    read_seconds: float
    """How long an attempt may wait for its answer."""
    connect_seconds: float = CONNECT_SECONDS
    attempts: int = ATTEMPTS
    """How often a call is sent at most."""
    connections: int = 10
    """How many stay open."""


class HttpAnswer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """By name in small letters; of two with one name the last counts."""
    content: bytes


class DamagedResponseError(HTTPClientError):
    """An answer is not what was sent."""

    fmt = "The answer was damaged on its way: {error}"


class Endpoint:
    """One host; threads share it."""

    def __init__(self, url: str, limits: Limits) -> None:
        """Store what to connect to; nothing is opened before the first request."""
        place = urlsplit(url)
        self._url = url
        self._limits = limits
        self.tls = None if place.scheme == "http" else _trusted()
        """What an endpoint is trusted by; None: it is spoken to in the clear."""
        self._address = place.hostname or "", place.port or (443 if self.tls else 80)
        self._idle: list[_Connection] = []
        weakref.finalize(self, _close, self._idle)

    def exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        """Send a request, and return its answer.

        Args:
            method: such as `POST`.
            target: path and parameters, percent-encoded.
            headers: all but those of the connection; their values are one line each.
            body: what is sent.

        Raises:
            EndpointConnectionError: there is nobody to connect to.
            ConnectTimeoutError: nobody has answered in time.
            SSLError: the connection is none that can be trusted.
            ReadTimeoutError: there was no answer in time; here and below the request may have arrived.
            ConnectionClosedError: the connection ended before the answer did.
            DamagedResponseError: the answer is no HTTP.
        """
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = f"{method} {target} HTTP/1.1\r\n{lines}{_ALWAYS}content-length: {len(body)}\r\n\r\n".encode("latin-1")
        connection = self._take() or self._connect()
        try:
            connection.socket.sendall(head + body)
            answer, stays_open = _read(connection.socket)
        except (OSError, ValueError) as error:
            connection.socket.close()
            raise self._unanswered(error) from error
        if stays_open and len(self._idle) < self._limits.connections:
            self._idle.append(connection)
        else:
            connection.socket.close()
        return answer

    def _take(self) -> _Connection | None:
        """Return the connection that was used last and is still open; None where there is none."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            # Nothing may come before anything is asked: what can be read is the connection's end.
            if not connection.readable.poll(0):
                return connection
            connection.socket.close()

    def _connect(self) -> _Connection:
        try:
            opened = socket.create_connection(self._address, self._limits.connect_seconds)
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self._url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self._url, error=error) from error
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self.tls:
                opened = self.tls.wrap_socket(opened, server_hostname=self._address[0])
        except OSError as error:
            opened.close()
            raise self._unanswered(error) from error
        opened.settimeout(self._limits.read_seconds)
        readable = select.poll()
        readable.register(opened, select.POLLIN)
        return _Connection(opened, readable)

    def _unanswered(self, error: OSError | ValueError) -> Unanswered:
        match error:
            case TimeoutError():
                return ReadTimeoutError(endpoint_url=self._url, error=error)
            case ssl.SSLError():
                return SSLError(endpoint_url=self._url, error=error)
            case OSError():
                return ConnectionClosedError(endpoint_url=self._url, error=error)
            case _:
                return DamagedResponseError(error="it is no HTTP")


class _Connection(NamedTuple):
    socket: socket.socket
    readable: select.poll
    """Tells whether anything can be read."""


def _close(connections: Iterable[_Connection]) -> None:
    for connection in connections:
        connection.socket.close()


class _Incoming:
    """What comes in for one request."""

    def __init__(self, connection: socket.socket) -> None:
        self._receive = connection.recv
        self.held = bytearray()
        """What has come, and was not taken yet."""

    def line(self, end: bytes) -> bytes:
        """Take what comes up to an end, and return it without the end."""
        while (length := self.held.find(end)) < 0:
            if len(self.held) > _MOST_OF_A_LINE:
                raise ValueError("a line without an end")
            self._more()
        return self.take(length + len(end))[:length]

    def take(self, length: int) -> bytes:
        """Take so many bytes."""
        if length < 0:
            raise ValueError("less than nothing")
        while len(self.held) < length:
            self._more()
        taken = bytes(self.held[:length])
        del self.held[:length]
        return taken

    def _more(self) -> None:
        received = self._receive(_RECEIVED_AT_ONCE)
        if not received:
            raise ConnectionResetError
        self.held += received


def _read(connection: socket.socket) -> tuple[HttpAnswer, bool]:
    """Return an answer, and whether the connection can be used again.

    Raises:
        OSError: the connection ended, or nothing came in time.
        ValueError: it is no answer of HTTP/1.1 whose end it tells.
    """
    incoming, status, headers = _Incoming(connection), 0, dict[str, str]()
    while status < _FINAL:
        first, *lines = incoming.line(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, number, *_ = first.split(" ", 2)
        if version != "HTTP/1.1":
            raise ValueError("another protocol")
        status = int(number)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if status in _WITHOUT_CONTENT:
        content = b""
    elif "transfer-encoding" in headers:
        content = b"".join(_chunks(incoming, headers["transfer-encoding"]))
    else:
        content = incoming.take(int(headers.get("content-length", "")))
    stays_open = headers.get("connection", "").lower() != "close" and not incoming.held
    return HttpAnswer(status, headers, content), stays_open


def _chunks(incoming: _Incoming, encoding: str) -> list[bytes]:
    if encoding.lower() != "chunked":
        raise ValueError("an encoding that was not asked for")
    chunks: list[bytes] = []
    while length := int(incoming.line(b"\r\n").partition(b";")[0], 16):
        chunks.append(incoming.take(length))
        incoming.line(b"\r\n")
    while incoming.line(b"\r\n"):
        # Headers may come after the content too; they say nothing that is needed.
        pass
    return chunks


@cache
def _trusted() -> ssl.SSLContext:
    """Return what all clients trust, which is what botocore trusts; to read it takes longer than a call."""
    return ssl.create_default_context(
        cafile=os.environ.get("AWS_CA_BUNDLE") or Path(botocore.__file__).with_name("cacert.pem")
    )
