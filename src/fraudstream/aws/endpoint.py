"""HTTP/1.1 with one endpoint, over connections that stay open: a request out, its answer in.

Answers are read by httptools. One tells its end, by its length or in chunks, and nothing is asked before the answer to
what was asked before has come. Errors are botocore's own.
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
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ATTEMPTS: Final = 3
"""Attempts of one call, as many as botocore's standard mode makes."""
CONNECT_SECONDS: Final = 1.0
_RECEIVED_AT_ONCE: Final = 65_536
_MOST_WITHOUT_CONTENT: Final = 65_536
"""Bytes of an answer's head, or of what else comes without any content; httptools knows no limit."""
_FINAL: Final = 200
"""Statuses below are of what comes before an answer."""
_WITHOUT_CONTENT: Final = frozenset({204, 304})
_TELLS_ITS_END: Final = frozenset({"content-length", "transfer-encoding"})
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
        """Prepare to connect; nothing is opened before the first request.

        Args:
            url: scheme, host and, where it is none of the usual ones, port.
            limits: how long to wait, and how many connections stay open.
        """
        parts = urlsplit(url)
        self._url = url
        self._limits = limits
        self.tls = None if parts.scheme == "http" else _trusted()
        """What an endpoint is trusted by; None: it is spoken to in the clear."""
        self._address = parts.hostname or "", parts.port or (443 if self.tls else 80)
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
        message = head + body
        if kept := self._take():
            try:
                return self._ask(kept, message)
            except (ConnectionClosedError, ReadTimeoutError, SSLError) as error:
                # Lambda purges connections that are idle for long, without a sign until one is used again (its best
                # practices): this one had ended, then, and so have those that have waited longer.
                self._close_idle()
                if isinstance(error, ReadTimeoutError) or kept.answers.has_begun:
                    raise
        return self._ask(self._connect(), message)

    def _ask(self, connection: _Connection, message: bytes) -> HttpAnswer:
        try:
            connection.socket.sendall(message)
            answer, stays_open = connection.answers.read()
        except (OSError, HttpParserError, HttpParserUpgrade) as error:
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

    def _close_idle(self) -> None:
        while left := self._take():
            left.socket.close()

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
        return _Connection(opened, readable, _Answers(opened))

    def _unanswered(self, error: OSError | HttpParserError | HttpParserUpgrade) -> Unanswered:
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
    answers: _Answers


def _close(connections: Iterable[_Connection]) -> None:
    for connection in connections:
        connection.socket.close()


class _Answers:
    """What comes in over one connection, an answer at a time; httptools calls what begins with `on_`."""

    def __init__(self, opened: socket.socket) -> None:
        self._receive = opened.recv
        self._parser = HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._has_head = False
        self._content: list[bytes] = []
        self._without_content = 0
        """Bytes since any content came."""
        self._whole: HttpAnswer | None = None
        self._stays_open = False
        self.has_begun = False
        """Whether anything has come of an answer that is not whole."""

    def read(self) -> tuple[HttpAnswer, bool]:
        """Return the next answer, and whether the connection can be used again.

        Raises:
            OSError: the connection ended, or nothing came in time.
            HttpParserError: it is no answer of HTTP/1.1 whose end it tells.
            HttpParserUpgrade: what follows is another protocol.
        """
        self._without_content = 0
        while not (whole := self._whole):
            received = self._receive(_RECEIVED_AT_ONCE)
            if not received:
                raise ConnectionResetError
            self.has_begun = True
            self._without_content += len(received)
            try:
                self._parser.feed_data(received)
            except HttpParserError:
                if not self._whole:
                    raise
                # The answer is whole; what follows it was not asked for.
                self._stays_open = False
            if self._without_content > _MOST_WITHOUT_CONTENT:
                raise HttpParserError("a line without an end")
        # While it waits for its next use, a connection keeps no content.
        self._whole, self._content, self.has_begun = None, [], False
        return whole, self._stays_open

    def on_message_begin(self) -> None:
        if self._whole:
            raise ValueError("an answer to nothing")
        self._headers, self._has_head, self._content = {}, False, []

    def on_header(self, name: bytes, value: bytes) -> None:
        # Headers may come after the content too; they say nothing that is needed.
        if not self._has_head:
            self._headers[name.decode("latin-1").lower()] = value.decode("latin-1").strip()

    def on_headers_complete(self) -> None:
        self._has_head = True
        if self._parser.get_http_version() != "1.1":
            raise ValueError("another protocol")
        status = self._parser.get_status_code()
        if status < _FINAL or status in _WITHOUT_CONTENT:
            return
        # What lasts until the connection ends may be cut anywhere, and httptools takes in no such end.
        if self._headers.get("transfer-encoding", "chunked").lower() != "chunked":
            raise ValueError("an encoding that was not asked for")
        if not self._headers.keys() & _TELLS_ITS_END:
            raise ValueError("content without an end")

    def on_body(self, body: bytes) -> None:
        self._content.append(body)
        self._without_content = 0

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= _FINAL:
            self._whole = HttpAnswer(status, self._headers, b"".join(self._content))
            self._stays_open = self._parser.should_keep_alive()


@cache
def _trusted() -> ssl.SSLContext:
    """Return what all clients trust, which is what botocore trusts; to read it takes longer than a call."""
    return ssl.create_default_context(
        cafile=os.environ.get("AWS_CA_BUNDLE") or Path(botocore.__file__).with_name("cacert.pem")
    )
