"""Replay against a real HTTP server: order, signatures, and patience with an API that is busy."""

import errno
import json
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NoReturn

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fraudstream_tools.lab.files.shifting import shifted
from fraudstream_tools.lab.replay import client as replay_module
from fraudstream_tools.lab.replay.client import ReplayResult, UnusableApiError, percentile, problem_sentence, replay
from fraudstream_tools.lab.replay.signing import ApiKey, SignedRequests
from tests.waiting_harness import PATIENCE_SECONDS

CREDENTIALS = Credentials("AKIDEXAMPLE", "secret", "token")
SIGNED = SignedRequests(CREDENTIALS, "us-east-2")


@dataclass
class Api:
    """Answers as the test says, and remembers what it was asked."""

    url: str = ""
    answer: Callable[[dict[str, Any], int], tuple[int, dict[str, str], str]] = lambda _body, _attempt: (201, {}, "{}")
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    under_way: set[str] = field(default_factory=set)
    overlapped: bool = False


class Server(ThreadingHTTPServer):
    """Takes as many connections at once as a replay opens."""

    request_queue_size = 64


@pytest.fixture
def api() -> Iterator[Api]:
    state, lock = Api(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            body = json.loads(raw)
            with lock:
                state.overlapped |= body["customerId"] in state.under_way
                state.under_way.add(body["customerId"])
                attempt = sum(earlier["transactionId"] == body["transactionId"] for earlier in state.bodies)
                state.bodies.append(body)
                state.raw.append(raw)
                state.headers.append({name.lower(): value for name, value in self.headers.items()})
            status, headers, text = state.answer(body, attempt)
            with lock:
                state.under_way.discard(body["customerId"])
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}/v1"
        yield state
        server.shutdown()
        thread.join()


def transactions(number: int, customers: int = 5) -> list[dict[str, Any]]:
    return [{"transactionId": f"t-{n}", "customerId": f"cust-{n % customers}", "amountMinor": n} for n in range(number)]


def test_every_transaction_is_posted_once_and_counted(api: Api) -> None:
    seen: list[int] = []
    result = replay(transactions(60), api.url, SIGNED, on_progress=lambda progress: seen.append(progress.accepted))

    assert sorted(body["transactionId"] for body in api.bodies) == sorted(f"t-{n}" for n in range(60))
    assert (result.accepted, result.stored, result.refused, result.retries) == (60, 60, 0, 0)
    assert result.statuses == {201: 60}
    assert len(result.latencies) == 60
    assert 0 < result.percentile_ms(0.5) <= result.percentile_ms(1.0)
    assert result.rate > 0
    assert seen == list(range(1, 61))


def test_a_customers_transactions_arrive_in_their_order_and_never_side_by_side(api: Api) -> None:
    def slow(body: dict[str, Any], _attempt: int) -> tuple[int, dict[str, str], str]:
        time.sleep(0.002 * (body["amountMinor"] % 3))
        return 201, {}, "{}"

    api.answer = slow
    replay(transactions(120, customers=7), api.url, SIGNED, connections=8)

    for customer in range(7):
        amounts = [body["amountMinor"] for body in api.bodies if body["customerId"] == f"cust-{customer}"]
        assert amounts == sorted(amounts)
    assert not api.overlapped


def test_customers_do_not_wait_for_each_other(api: Api) -> None:
    both = threading.Barrier(2, timeout=PATIENCE_SECONDS)

    def meet(_body: dict[str, Any], _attempt: int) -> tuple[int, dict[str, str], str]:
        both.wait()
        return 201, {}, "{}"

    api.answer = meet
    # One customer for each of two connections.
    customers = {zlib.crc32(name.encode()) % 2: name for name in (f"cust-{n}" for n in range(20))}
    pair = [{"transactionId": name, "customerId": name} for name in customers.values()]
    assert len(pair) == 2
    assert replay(pair, api.url, SIGNED, connections=2).accepted == 2


def test_requests_are_signed_for_api_gateway(api: Api) -> None:
    replay(transactions(1), api.url, SIGNED)

    (headers,), (raw,) = api.headers, api.raw
    assert headers["x-amz-security-token"] == "token"
    assert "us-east-2/execute-api/aws4_request" in headers["authorization"]
    again = AWSRequest("POST", f"{api.url}/transactions", {"content-type": "application/json"}, raw)
    signer = SigV4Auth(CREDENTIALS, "execute-api", "us-east-2")
    again.context["timestamp"] = headers["x-amz-date"]
    again.headers["X-Amz-Date"] = headers["x-amz-date"]
    again.headers["X-Amz-Security-Token"] = "token"
    signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert headers["authorization"].endswith(f"Signature={signature}")


def test_an_api_key_goes_into_its_header_and_nothing_is_signed(api: Api) -> None:
    replay(transactions(1), api.url, ApiKey("k-1"))
    assert api.headers[0]["x-api-key"] == "k-1"
    assert "authorization" not in api.headers[0]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_is_throttled_or_fails_is_posted_again_with_a_fresh_signature(api: Api, status: int) -> None:
    api.answer = lambda _body, attempt: (status, {}, "") if attempt < 2 else (201, {}, "{}")
    result = replay(transactions(3), api.url, SIGNED)
    assert (result.accepted, result.refused, result.retries) == (3, 0, 6)
    assert result.statuses == {status: 6, 201: 3}


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_waited_for(api: Api, form: str) -> None:
    def busy(_body: dict[str, Any], attempt: int) -> tuple[int, dict[str, str], str]:
        # A date has whole seconds: two ahead are more than one.
        wanted = formatdate(time.time() + 2, usegmt=True) if form == "date" else "1"
        return (429, {"Retry-After": wanted}, "") if attempt == 0 else (201, {}, "{}")

    api.answer = busy
    started = time.monotonic()
    assert replay(transactions(1), api.url, SIGNED).accepted == 1
    assert time.monotonic() - started >= 0.95


def test_a_connection_that_breaks_is_tried_again(api: Api) -> None:
    def broken(_body: dict[str, Any], attempt: int) -> tuple[int, dict[str, str], str]:
        if attempt == 0:
            raise ConnectionResetError
        return 201, {}, "{}"

    api.answer = broken
    # The server prints the traceback of its broken handler; the client sees a connection without an answer.
    result = replay(transactions(1), api.url, SIGNED)
    assert (result.accepted, result.retries, result.statuses[0]) == (1, 1, 1)


def test_a_refused_transaction_is_named_in_the_apis_words_and_others_go_on(api: Api) -> None:
    problem = {"title": "Bad request", "status": 400, "errors": [{"field": "currency", "message": "must be a code"}]}
    api.answer = lambda body, _: (400, {}, json.dumps(problem)) if body["amountMinor"] == 1 else (200, {}, "{}")
    result = replay(transactions(3), api.url, SIGNED)
    assert (result.accepted, result.stored, result.refused, result.retries) == (2, 0, 1, 0)
    (refusal,) = result.refusals
    assert (refusal.transaction_id, refusal.status, refusal.detail) == ("t-1", 400, "currency: must be a code")


def test_it_gives_up_in_the_end(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_module, "LONGEST_PAUSE_SECONDS", 0.01)
    api.answer = lambda _body, _attempt: (503, {}, "")
    result = replay(transactions(1), api.url, SIGNED)
    assert result.refused == 1
    assert result.statuses == {503: replay_module.ATTEMPTS}


def test_where_nothing_listens_it_stops_at_once_and_says_so() -> None:
    with pytest.raises(UnusableApiError, match=r"nothing answers at http://127\.0\.0\.1:9/v1/transactions"):
        replay(transactions(100), "http://127.0.0.1:9/v1", SIGNED)


def test_whoever_watches_it_ends_it_with_an_error_of_the_system(api: Api) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "analyzer.log")

    def see(_: ReplayResult) -> NoReturn:
        raise full

    with pytest.raises(OSError, match=r"analyzer\.log") as raised:
        replay(transactions(200), api.url, SIGNED, connections=2, on_progress=see)
    assert raised.value is full


@pytest.mark.parametrize("status", [401, 403])
def test_credentials_that_may_do_nothing_end_it_with_the_first_answer(api: Api, status: int) -> None:
    api.answer = lambda _body, _attempt: (status, {}, '{"title": "Forbidden", "detail": "not with these"}')
    with pytest.raises(UnusableApiError, match=rf"/v1/transactions answers {status}: not with these"):
        replay(transactions(200), api.url, SIGNED, connections=2)
    assert len(api.bodies) <= 4


def test_transactions_are_read_no_faster_than_they_are_posted(api: Api) -> None:
    read = 0

    def reading() -> Iterator[dict[str, Any]]:
        nonlocal read
        for transaction in transactions(400):
            read += 1
            yield transaction

    ahead: list[int] = []
    replay(reading(), api.url, SIGNED, connections=2, on_progress=lambda r: ahead.append(read - r.accepted))
    assert max(ahead) <= 2 * 6


def test_a_shift_moves_every_time_and_a_suffix_every_id() -> None:
    transaction = {
        "transactionId": "b",
        "originalTransactionId": "a",
        "timestamp": 1000,
        "accountOpenedAt": 10,
        "amountMinor": 5,
    }
    assert shifted(transaction, 7, ".2") == {
        "transactionId": "b.2",
        "originalTransactionId": "a.2",
        "timestamp": 1007,
        "accountOpenedAt": 17,
        "amountMinor": 5,
    }
    assert transaction["timestamp"] == 1000


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 50.0), (0.9, 90.0), (0.99, 99.0), (0.995, 100.0), (1.0, 100.0)]
)
def test_percentiles_are_values_that_were_measured(share: float, expected: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], share) == expected


def test_no_values_have_a_percentile_of_zero() -> None:
    assert percentile([], 0.5) == 0.0


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"errors": [{"field": "a", "message": "m"}, {"field": "b", "message": "n"}]}', "a: m; b: n"),
        (b'{"title": "Conflict", "detail": "another payload"}', "another payload"),
        (b'{"title": "Conflict"}', "Conflict"),
        (b'{"message": "Forbidden"}', "Forbidden"),
        (b"[1]", ""),
        (b"<html>", ""),
    ],
)
def test_an_answers_own_words_are_found(body: bytes, sentence: str) -> None:
    assert problem_sentence(body) == sentence
