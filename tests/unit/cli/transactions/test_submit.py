"""`submit`, `get` and `replay` against a small HTTP server that answers as the API does."""

import json
import socket
import threading
from pathlib import Path

import pytest

from fraudstream_tools.cli.transactions import submit
from tests.cli_harness import Command
from tests.unit.cli.transactions.conftest import Api


def test_submit_posts_a_transaction_and_waits_for_its_decision(fraudstream: Command, api: Api) -> None:
    ran = fraudstream("submit", "--amount", "12.50", "--currency", "EUR", "--customer", "customer-81")
    assert ran.code == 0
    (posted,) = api.posted
    assert posted["amountMinor"] == 1250
    assert (posted["currency"], posted["type"], posted["customerId"]) == ("EUR", "PAYMENT", "customer-81")
    assert posted["transactionId"] in ran.err
    assert all(shown in ran.out for shown in ("12.50 EUR", "REVIEW", "41 of 100", "CARD_VELOCITY", "+2.5"))


def test_an_inline_decision_is_asked_for_and_need_not_be_polled_for(fraudstream: Command, api: Api) -> None:
    api.decides_inline = True
    ran = fraudstream("submit", "--amount", "12.50", "--wait", "2.5")
    assert api.headers[-1]["prefer"] == "wait=2"
    assert api.looks == 0
    assert all(shown in ran.out for shown in ("DECLINE", "97 of 100", "CARD_TESTING", "the final decision follows"))


@pytest.mark.parametrize("wait", [0, 0.5])
def test_who_waits_less_than_a_second_asks_for_no_inline_decision(fraudstream: Command, api: Api, wait: float) -> None:
    api.decides_inline = True
    assert fraudstream("submit", "--amount", "1", "--wait", wait).code == 0
    assert "prefer" not in api.headers[-1]


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


@pytest.mark.parametrize(
    ("status", "pause", "stored"),
    [
        (429, "in 2 s", "this request stored nothing"),
        (503, "in a moment", "it may be stored: say --id {} then"),
        (500, "in a moment", "it may be stored: say --id {} then"),
    ],
)
def test_an_api_that_could_not_answer_can_be_asked_again_with_the_same_id(
    fraudstream: Command, api: Api, status: int, pause: str, stored: str
) -> None:
    api.refused = [("POST", status)]
    ran = fraudstream("submit", "--amount", "1")
    assert ran.code == 1
    assert f"error: {status} Nothing was done; do it again {pause}" in ran.err
    _, tried = ran.err.splitlines()[0].split()
    assert stored.format(tried) in ran.err
    api.refused = [("GET", status)]
    assert f"{status} Nothing was done; do it again {pause}" in fraudstream("get", tried).err


@pytest.mark.parametrize(
    ("is_sent", "said"),
    [(False, "this request stored nothing"), (True, "it may be stored: say --id t-1 then")],
)
def test_what_was_never_sent_is_told_from_what_broke_off(fraudstream: Command, *, is_sent: bool, said: str) -> None:
    def break_off() -> None:
        server.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        if is_sent:
            threading.Thread(target=break_off, daemon=True).start()
        else:
            server.close()
        ran = fraudstream("submit", "--amount", "1", "--id", "t-1", "--api", url)
    assert ran.code == 1
    assert f"no answer from {url}/transactions" in ran.err
    assert said in ran.err
    assert ran.err.count("stored") == 1


def test_a_look_that_is_not_answered_is_repeated(
    fraudstream: Command, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit, "_UNANSWERED_SECONDS", 0.01)
    api.refused = [("GET", 429), ("GET", 503)]
    ran = fraudstream("submit", "--amount", "1")
    assert (ran.code, api.refused) == (0, [])
    assert "REVIEW" in ran.out


def test_what_is_stored_is_not_called_refused(fraudstream: Command, api: Api) -> None:
    api.refused = [("GET", 429)] * 9
    ran = fraudstream("submit", "--amount", "1", "--id", "t-1", "--wait", 0.2)
    assert ran.code == 1
    assert "PENDING" in ran.out
    assert "it is stored, and what was decided could not be read: 429 Nothing was done; do it again" in ran.err
    assert "fraudstream get t-1" in ran.err


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
    lines = "transactionId,amountMinor,currency,type,customerId\nt-1,1,EUR,PAYMENT,c\nt-2,1,XXX,PAYMENT,c\n"
    (tmp_path / "day.csv").write_text(lines)
    ran = fraudstream("replay", "day.csv")
    assert ran.code == 1
    assert "1 accepted" in ran.out
    assert "t-2: 400 currency: must be a currency code" in ran.err


UNDATED = {"transactionId": "t", "amountMinor": 1, "currency": "EUR", "type": "PAYMENT", "customerId": "c"}


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("gone.csv", None, "gone.csv: no such file"),
        ("day.csv", "amountMinor\nten\n", "day.csv: there is no column transactionId"),
        ("day.jsonl", f"{json.dumps(UNDATED)}\n", "--shift-to-now needs a timestamp"),
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
    (tmp_path / "day.jsonl").write_text(f"{json.dumps(UNDATED)}\n")
    ran = fraudstream(*command, "--api", "http://127.0.0.1:9/v1")
    assert ran.code == 1
    assert "http://127.0.0.1:9/v1/transactions" in ran.err


CARD = "4111111111111111"


@pytest.mark.parametrize(
    "arguments",
    [
        ("submit", "--amount", "1", "--currency", "XXX", "--id", CARD),
        ("submit", "--amount", "1", "--currency", "XXX", "--id", f"order.{CARD}"),
        ("submit", "--amount", "1", "--currency", "XXX", "--card", CARD),
        ("submit", "--amount", "1", "--set", CARD),
        ("submit", f'{{"transactionId": {CARD}, "amountMinor": 1, "currency": "XXX"}}'),
        ("get", CARD),
        ("get", CARD, "--api", "http://127.0.0.1:9/v1"),
        ("replay", "t.jsonl"),
        ("replay", "t.jsonl", "--json"),
    ],
)
def test_a_refused_card_number_is_not_printed(fraudstream: Command, arguments: tuple[str, ...], tmp_path: Path) -> None:
    row = {"transactionId": CARD, "amountMinor": 1, "currency": "XXX", "type": "PAYMENT", "customerId": f"c{CARD}"}
    (tmp_path / "t.jsonl").write_text(json.dumps(row) + "\n")
    ran = fraudstream(*arguments)
    assert ran.code != 0
    assert CARD not in ran.out + ran.err
