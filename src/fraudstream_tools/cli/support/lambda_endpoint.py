"""Lambda's Invoke call on loopback, so that commands in other terminals can invoke the functions of a local run."""

import json
import re
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")


@contextmanager
def lambda_endpoint(invoke: Callable[[str, Mapping[str, Any]], object]) -> Generator[str]:
    """Serve Invoke while the block runs, and return the URL for `endpoint_url`.

    Args:
        invoke: invokes a function by name with a decoded payload, waits, and gives its decoded answer.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found = _INVOKE.fullmatch(self.path)
            # A web page that somebody looks at can post to loopback, but not with this header.
            if found is None or not self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 "):
                self.send_error(HTTPStatus.FORBIDDEN)
                return
            payload = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            failed = False
            try:
                answer = invoke(unquote(found[1]), payload)
            except Exception as error:  # noqa: BLE001  (whatever went wrong is the answer, as with Lambda)
                failed, answer = True, {"errorMessage": str(error), "errorType": type(error).__name__}
            body = json.dumps(answer).encode()
            self.send_response(HTTPStatus.OK)
            if failed:
                self.send_header("X-Amz-Function-Error", "Unhandled")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (http.server's name)
            """Log nothing: the terminal belongs to the command."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
