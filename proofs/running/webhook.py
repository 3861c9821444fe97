"""A webhook on this machine, which remembers what is posted to it."""

import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver(ThreadingHTTPServer):
    """A webhook that answers as it is told, and remembers what came."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        """Listen on the loopback address.

        Args:
            port: 0 takes a free one.
        """
        self.answers: list[int] = []
        """Statuses of the next answers; 200 once they are used up."""
        self.pauses: list[float] = []
        """Seconds before the next answers."""
        self.got: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}/fraud"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver  # pyright: ignore[reportIncompatibleVariableOverride]  (no other server has this handler)

    def do_POST(self) -> None:
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.headers.append(dict(self.headers))
        time.sleep(self.server.pauses.pop(0) if self.server.pauses else 0)
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        if self.server.answers == [302]:
            self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (http.server's name)
        """Log nothing."""


@contextmanager
def receiver(port: int = 0) -> Generator[Receiver]:
    """Serve a webhook while the block runs."""
    server = Receiver(port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
