"""A service of AWS as far as HTTP goes: it answers what a test has laid ready, and keeps what it was sent."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
REGION = "us-east-2"


class Sent(NamedTuple):
    """A request that came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Reply(NamedTuple):
    """What is answered."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}
    is_cut: bool = False
    """The connection ends in the middle."""


@dataclass
class Service:
    """The server."""

    endpoint: str = ""
    replies: list[Reply] = field(default_factory=list[Reply])
    """The next answers; after them, an empty one."""
    sent: list[Sent] = field(default_factory=list[Sent])
    connections: int = 0


@contextmanager
def service() -> Iterator[Service]:
    """Run it."""
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one piece: the second of two waits for an acknowledgement.
        wbufsize = -1

        def setup(self) -> None:
            super().setup()
            state.connections += 1

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.sent.append(Sent(self.command, self.path, headers, body))
            reply = state.replies.pop(0) if state.replies else Reply()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body[: len(reply.body) // 2] if reply.is_cut else reply.body)
            self.close_connection = reply.is_cut

        do_GET = do_POST = do_PUT = _answer  # noqa: N815  (names of the library)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    state.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def aws_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with service() as running:
        for name, value in CREDENTIALS.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_REGION", REGION)
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
        # Pauses between attempts are random, up to seconds.
        monkeypatch.setattr("time.sleep", lambda _: None)
        yield running
