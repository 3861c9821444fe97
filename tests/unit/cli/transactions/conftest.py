"""A small HTTP server that answers as the API does, and the command beside it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.cli_harness import Command

TIMES = {"timestamp": 1_767_600_000_000, "receivedAt": 1_767_600_000_000}


class Api:
    """Stores what is posted, decides it on the second look, and refuses the currency XXX."""

    def __init__(self) -> None:
        self.url = ""
        self.posted: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.looks = 0
        self.decides_inline = False
        self.refused: list[tuple[str, int]] = []
        """Methods of the next requests that get no answer but a status."""

    def refusal(self, method: str) -> tuple[int, dict[str, Any]] | None:
        if not self.refused or self.refused[0][0] != method:
            return None
        _, status = self.refused.pop(0)
        return status, {"title": "Try again", "status": status, "detail": "Nothing was done."}

    def post(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body["currency"] == "XXX":
            errors = [{"field": "currency", "message": "must be a currency code"}]
            return 400, {"title": "Bad request", "status": 400, "errors": errors}
        self.posted.append(body)
        if self.decides_inline and "prefer" in self.headers[-1]:
            inline = {
                "decision": "DECLINE",
                "score": 97,
                "reasonCodes": ["CARD_TESTING"],
                "decidedAt": TIMES["timestamp"],
            }
            reasons = [{"code": "CARD_TESTING", "message": "Several cards were declined"}]
            decided = {"status": "DECIDED", "decisionStage": "INLINE", "inlineDecision": inline, "reasons": reasons}
            return 201, TIMES | body | inline | decided
        return 201, TIMES | body | {"status": "PENDING", "decision": None, "score": None, "reasons": []}

    def get(self, transaction_id: str) -> tuple[int, dict[str, Any]]:
        found = next((body for body in self.posted if body["transactionId"] == transaction_id), None)
        if found is None:
            return 404, {"title": "Not found", "status": 404, "detail": "there is no such transaction"}
        self.looks += 1
        if self.looks < 2:
            return 200, TIMES | found | {"status": "PENDING", "decision": None}
        reason = {"code": "CARD_VELOCITY", "message": "Many payments with one card", "source": "r", "points": 2.5}
        return 200, TIMES | found | {"status": "DECIDED", "decision": "REVIEW", "score": 41, "reasons": [reason]}


class Server(ThreadingHTTPServer):
    """Takes as many connections at once as a replay opens."""

    request_queue_size = 64


@pytest.fixture
def api() -> Iterator[Api]:
    state = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.answer(*state.refusal("POST") or state.post(body))

        def do_GET(self) -> None:
            self.answer(*state.refusal("GET") or state.get(self.path.removeprefix("/v1/transactions/")))

        def answer(self, status: int, body: dict[str, Any]) -> None:
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "2")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}/v1"
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture
def fraudstream(fraudstream: Command, monkeypatch: pytest.MonkeyPatch, api: Api) -> Command:
    monkeypatch.setenv("FRAUDSTREAM_API", api.url)
    return fraudstream
