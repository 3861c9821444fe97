"""Calls of Lambda on loopback, so that commands in other terminals reach the functions of a local run.

Invoke is played, and what stops and starts the event source mappings of a function.
"""

import json
import re
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

_INVOKE = re.compile(r"/2015-03-31/functions/([^/?]+)/invocations(?:\?Qualifier=([^&]+))?")
_MAPPINGS = re.compile(r"/2015-03-31/event-source-mappings/?([^/]*)")


class StreamMapping(Protocol):
    """An event source mapping."""

    def described(self) -> Mapping[str, str | int]:
        """Return what GetEventSourceMapping says of it."""
        ...

    def set_record_age(self, seconds: float) -> None:
        """Set the age at which records are given up."""
        ...

    def set_enabled(self, *, enabled: bool) -> None:
        """Start or stop it."""
        ...


class Mappings(Protocol):
    """The event source mappings of the local run."""

    def mappings(self, function_name: str) -> Sequence[StreamMapping]:
        """Return those that feed a function."""
        ...

    def mapping(self, identifier: str) -> StreamMapping:
        """Return one by its UUID."""
        ...


class _Handler(BaseHTTPRequestHandler):
    """Serves a subclass's `invoke` and `mappings`."""

    invoke: ClassVar[Callable[[str, Mapping[str, Any]], object]]
    mappings: ClassVar[Mappings | None]

    def do_POST(self) -> None:
        match = _INVOKE.fullmatch(self.path)
        if match is None or not self._is_signed():
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        failed = False
        try:
            alias = f":{unquote(match[2])}" if match[2] else ""
            answer = type(self).invoke(unquote(match[1]) + alias, self._body())
        except Exception as error:  # noqa: BLE001  (whatever went wrong is the answer, as with Lambda)
            failed, answer = True, {"errorMessage": str(error), "errorType": type(error).__name__}
        self._answer(answer, {"X-Amz-Function-Error": "Unhandled"} if failed else {})

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        match = _MAPPINGS.fullmatch(asked.path)
        if match is None or self.mappings is None or not self._is_signed():
            self.send_error(HTTPStatus.FORBIDDEN)
        elif match[1]:
            self._answer_mapping(match[1])
        else:
            (name,) = parse_qs(asked.query).get("FunctionName", [""])
            self._answer({"EventSourceMappings": [dict(each.described()) for each in self.mappings.mappings(name)]})

    def do_PUT(self) -> None:
        match = _MAPPINGS.fullmatch(self.path)
        if match is None or self.mappings is None or not self._is_signed():
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        self._answer_mapping(match[1], self._body())

    def _answer_mapping(self, identifier: str, asked: Mapping[str, Any] | None = None) -> None:
        try:
            mapping = self.mappings.mapping(identifier) if self.mappings else None
        except KeyError:
            mapping = None
        if mapping is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        if asked and "MaximumRecordAgeInSeconds" in asked:
            mapping.set_record_age(asked["MaximumRecordAgeInSeconds"])
        if asked and "Enabled" in asked:
            mapping.set_enabled(enabled=asked["Enabled"])
        self._answer(dict(mapping.described()))

    def _is_signed(self) -> bool:
        # A web page that somebody looks at can call loopback: by its address not with this header, and by a name of its
        # own, which leads there, with its name.
        port = f":{self.connection.getsockname()[1]}"
        is_own_name = self.headers.get("Host") in {f"127.0.0.1{port}", f"localhost{port}"}
        return is_own_name and self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 ")

    def _body(self) -> dict[str, Any]:
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")

    def _answer(self, answer: object, headers: Mapping[str, str] | None = None) -> None:
        body = json.dumps(answer).encode()
        self.send_response(HTTPStatus.OK)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        # Who asked may have been stopped meanwhile.
        with suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (http.server's name)
        """Log nothing: the terminal belongs to the command."""


@contextmanager
def lambda_endpoint(
    invoke: Callable[[str, Mapping[str, Any]], object], mappings: Mappings | None = None
) -> Generator[str]:
    """Serve the calls while the block runs, and return the URL for `endpoint_url`.

    Args:
        invoke: invokes a function by name, or by `FUNCTION:ALIAS`, with a decoded payload, waits, and gives its decoded
            answer.
        mappings: the event source mappings; None where there are none.
    """
    # A plain function would become a method of the class.
    handler = type("Handler", (_Handler,), {"invoke": staticmethod(invoke), "mappings": mappings})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
