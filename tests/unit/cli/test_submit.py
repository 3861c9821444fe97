"""`submit`, `get` and `replay` against a small HTTP server that answers as the API does."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli_harness import Command, clean_environment


class Api:
    """Stores what is posted, decides it on the second look, and refuses the currency XXX."""

    def __init__(self) -> None:
        self.url = ""
        self.posted: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.looks = 0

    def post(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body["currency"] == "XXX":
            errors = [{"field": "currency", "message": "must be a currency code"}]
            return 400, {"title": "Bad request", "status": 400, "errors": errors}
        self.posted.append(body)
        return 201, body | {"status": "PENDING", "decision": None, "score": None, "reasons": []}

    def get(self, transaction_id: str) -> tuple[int, dict[str, Any]]:
        found = next((body for body in self.posted if body["transactionId"] == transaction_id), None)
        if found is None:
            return 404, {"title": "Not found", "status": 404, "detail": "there is no such transaction"}
        self.looks += 1
        if self.looks < 2:
            return 200, found | {"status": "PENDING", "decision": None}
        reason = {"code": "CARD_VELOCITY", "message": "Many payments with one card", "source": "r", "points": 2.5}
        return 200, found | {"status": "DECIDED", "decision": "REVIEW", "score": 41, "reasons": [reason]}


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
            self.answer(*state.post(body))

        def do_GET(self) -> None:
            self.answer(*state.get(self.path.removeprefix("/v1/transactions/")))

        def answer(self, status: int, body: dict[str, Any]) -> None:
            self.send_response(status)
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
def fraudstream(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, api: Api
) -> Command:
    clean_environment(monkeypatch)
    monkeypatch.setenv("FRAUDSTREAM_API", api.url)
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


def test_submit_posts_a_transaction_and_waits_for_its_decision(fraudstream: Command, api: Api) -> None:
    ran = fraudstream("submit", "--amount", "12.50", "--currency", "EUR", "--customer", "customer-81")
    assert ran.code == 0
    (posted,) = api.posted
    assert posted["amountMinor"] == 1250
    assert (posted["currency"], posted["type"], posted["customerId"]) == ("EUR", "PAYMENT", "customer-81")
    assert posted["transactionId"] in ran.err
    assert all(shown in ran.out for shown in ("12.50 EUR", "REVIEW", "41 of 100", "CARD_VELOCITY", "+2.5"))


@pytest.mark.parametrize(
    ("amount", "currency", "minor"), [("1500", "JPY", 1500), ("1.234", "KWD", 1234), ("0", "USD", 0)]
)
def test_amounts_have_the_currencys_decimals(
    fraudstream: Command, api: Api, amount: str, currency: str, minor: int
) -> None:
    assert fraudstream("submit", "--amount", amount, "--currency", currency, "--wait", 0).code == 0
    assert api.posted[0]["amountMinor"] == minor


def test_submit_takes_json_and_options_that_go_before_it(fraudstream: Command, api: Api, tmp_path: Path) -> None:
    transaction = {"transactionId": "t-1", "amountMinor": 5, "currency": "EUR", "type": "REFUND", "customerId": "c"}
    file = tmp_path / "t.json"
    file.write_text(json.dumps(transaction))
    assert fraudstream("submit", f"@{file}", "--wait", 0).code == 0
    assert (
        fraudstream("submit", json.dumps(transaction), "--id", "t-2", "--set", "latitude=41.5", "--wait", 0).code == 0
    )
    assert api.posted == [transaction, transaction | {"transactionId": "t-2", "latitude": 41.5}]


def test_json_is_for_programs_and_nothing_else_is_printed_with_it(fraudstream: Command) -> None:
    ran = fraudstream("submit", "--amount", "1", "--json")
    assert json.loads(ran.out)["decision"] == "REVIEW"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "how much? Say it with --amount"),
        (("--amount", "1.234"), "at most 2 decimals"),
        (("--amount", "twelve"), "--amount is not a number"),
        (("--amount", "1", "--currency", "EURO"), "not a currency of ISO 4217"),
        (("--amount", "1", "--set", "channel"), "--set channel: write it as FIELD=VALUE"),
        (("--amount", "1", "--set", "latitude=north"), "--set latitude is not a number"),
        (("not json",), "the transaction is not JSON"),
        (("[1]",), "the transaction is not a JSON object"),
        (("@gone.json",), "gone.json: No such file"),
    ],
)
def test_what_cannot_be_a_transaction_is_not_posted(
    fraudstream: Command, api: Api, arguments: tuple[str, ...], complaint: str
) -> None:
    ran = fraudstream("submit", *arguments)
    assert ran.code == 1
    assert complaint in ran.err
    assert api.posted == []


def test_the_apis_refusal_is_shown_in_its_own_words(fraudstream: Command) -> None:
    ran = fraudstream("submit", '{"amountMinor": 1, "currency": "XXX"}')
    assert ran.code == 1
    assert "error: 400 currency: must be a currency code" in ran.err


def test_get_shows_what_was_decided(fraudstream: Command) -> None:
    fraudstream("submit", "--amount", "1", "--id", "t-1", "--wait", 0)
    assert "PENDING" in fraudstream("get", "t-1").out
    assert json.loads(fraudstream("get", "t-1", "--json").out)["score"] == 41
    missing = fraudstream("get", "nobody")
    assert missing.code == 1
    assert "404 there is no such transaction" in missing.err


def test_a_file_is_replayed_and_what_came_of_it_is_said(fraudstream: Command, api: Api) -> None:
    fraudstream("simulate", "--customers", 20, "--days", 1, "--output", "day.csv")
    ran = fraudstream("replay", "day.csv", "--shift-to-now", "--id-suffix", ".again", "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert found["accepted"] == found["stored"] == len(api.posted) > 20
    assert found["statuses"] == {"201": len(api.posted)}
    assert all(body["transactionId"].endswith(".again") for body in api.posted)
    assert api.headers[0]["authorization"].startswith("AWS4-HMAC-SHA256 ")


def test_a_replay_can_stop_early_and_use_an_api_key(
    fraudstream: Command, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUDSTREAM_API_KEY", "k-1")
    fraudstream("simulate", "--customers", 20, "--days", 1, "--output", "day.jsonl")
    assert "3 accepted" in fraudstream("replay", "day.jsonl", "--limit", 3).out
    assert len(api.posted) == 3
    assert api.headers[0]["x-api-key"] == "k-1"


def test_a_replay_with_refused_transactions_ends_with_1_and_names_them(fraudstream: Command, tmp_path: Path) -> None:
    lines = "transactionId,amountMinor,currency,customerId\nt-1,1,EUR,c\nt-2,1,XXX,c\n"
    (tmp_path / "day.csv").write_text(lines)
    ran = fraudstream("replay", "day.csv")
    assert ran.code == 1
    assert "1 accepted" in ran.out
    assert "t-2: 400 currency: must be a currency code" in ran.err


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("gone.csv", None, "gone.csv: no such file"),
        ("day.csv", "amountMinor\nten\n", "day.csv, line 2: amountMinor is not an integer"),
        ("day.jsonl", "{}\n", "--shift-to-now needs a timestamp"),
    ],
)
def test_a_file_that_cannot_be_replayed_is_named(
    fraudstream: Command, tmp_path: Path, name: str, content: str | None, complaint: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    ran = fraudstream("replay", name, "--shift-to-now")
    assert ran.code == 1
    assert complaint in ran.err


@pytest.mark.parametrize("command", [("get", "t-1"), ("replay", "day.jsonl")])
def test_where_nothing_listens_the_url_is_named(fraudstream: Command, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "day.jsonl").write_text('{"transactionId": "t"}\n')
    ran = fraudstream(*command, "--api", "http://127.0.0.1:9/v1")
    assert ran.code == 1
    assert "http://127.0.0.1:9/v1/transactions" in ran.err
