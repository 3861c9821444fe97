"""`alerts`: the review queue on real tables, as an analyst has it."""

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fraudstream.durations import HOUR
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.decisions.inline import InlineDecision, inline_to_item
from fraudstream.transactions.storage.attributes import to_item
from tests.cli_harness import Command
from tests.console_harness import put_ruleset
from tests.integration.cli.review_harness import DECISION, NOW, TRANSACTIONS, System

RULES = Path("rules").resolve()


def ids(ran: Any) -> list[str]:
    return [alert["transactionId"] for alert in json.loads(ran.out)]


@pytest.fixture
def rules(system: System) -> None:
    """Put the repository's ruleset, with its exchange rates, into the bucket."""
    put_ruleset(system)


def test_alerts_are_listed_newest_first_over_all_shards(fraudstream: Command, system: System) -> None:
    for number in range(12):
        system.alert(f"t-{number:02}", at=NOW + number * 1000)
    ran = fraudstream("alerts", "list", "--json", "--limit", 5)
    assert ids(ran) == [f"t-{number:02}" for number in (11, 10, 9, 8, 7)]
    for form in ((), ("--json",)):
        assert "the first 5; --limit shows more" in fraudstream("alerts", "list", "--limit", 5, *form).err
        assert "--limit" not in fraudstream("alerts", "list", "--limit", 50, *form).err


def test_a_row_has_the_whole_id_amount_customer_score_age_and_rules(fraudstream: Command, system: System) -> None:
    name, customer = "order-" + "x" * 58, "tok_" + "c" * 22
    at = int(time.time() * 1000) - 3 * HOUR
    system.alert(name, at=at, customer=customer, amount_minor=1234567, rules=("card-velocity", "amountRatio"))
    (row,) = fraudstream("alerts", "list").out.splitlines()[1:]
    assert row.split() == [name, "12,345.67", "EUR", "DECLINE", "88", "3", "h", customer, "card-velocity,", "model"]


def test_alerts_of_one_customer_within_an_hour_stand_together(fraudstream: Command, system: System) -> None:
    for minute in (0, 30, 80, 100, 170):
        system.alert(f"t-{minute}", at=NOW + minute * 60_000)
    system.alert("of-another", at=NOW + 110 * 60_000, customer="tok_another")
    shown = [line.split()[0] for line in fraudstream("alerts", "list").out.splitlines()[1:]]
    assert shown == ["t-170", "of-another", "t-100", "t-80", "t-30", "t-0"]


@pytest.mark.usefixtures("rules")
def test_alerts_are_sorted_by_score_age_or_amount_in_one_currency(fraudstream: Command, system: System) -> None:
    system.alert("yen", score=40, at=NOW, amount_minor=100_000, currency="JPY")
    system.alert("euros", score=90, at=NOW + 2, amount_minor=90_000)
    system.alert("cents", score=60, at=NOW + 1, amount_minor=99, currency="USD")
    orders = {name: ids(fraudstream("alerts", "list", "--json", "--sort", name)) for name in ("score", "oldest")}
    assert orders == {"score": ["euros", "cents", "yen"], "oldest": ["yen", "cents", "euros"]}
    assert ids(fraudstream("alerts", "list", "--json", "--sort", "amount", "--limit", 2)) == ["euros", "yen"]
    assert "in EUR" in fraudstream("alerts", "list", "--sort", "amount").out


@pytest.mark.usefixtures("rules")
def test_alerts_are_sorted_by_expected_loss(fraudstream: Command, system: System) -> None:
    system.alert("large", score=20, at=NOW, amount_minor=500_000)
    system.alert("likely", score=90, at=NOW + 1, amount_minor=40_000)
    system.alert("small", score=95, at=NOW + 2, amount_minor=100)
    assert ids(fraudstream("alerts", "list", "--json", "--sort", "loss")) == ["likely", "large", "small"]


@pytest.mark.usefixtures("rules")
def test_a_calibrated_probability_counts_in_place_of_the_score(fraudstream: Command, system: System) -> None:
    system.alert("certain", score=90, probability=0.8, at=NOW, amount_minor=40_000)
    system.alert("unlikely", score=95, probability=0.05, at=NOW + 1, amount_minor=40_000)
    system.alert("by-score", score=60, at=NOW + 2, amount_minor=40_000)
    assert ids(fraudstream("alerts", "list", "--json", "--sort", "loss")) == ["certain", "by-score", "unlikely"]
    shown = fraudstream("alerts", "list", "--sort", "loss").out
    assert "probability" in shown
    assert "80 %" in shown
    listed = json.loads(fraudstream("alerts", "list", "--json").out)
    assert [each.get("probability") for each in listed] == [None, 0.05, 0.8]


def test_what_was_drawn_by_chance_is_named_and_found_as_such(fraudstream: Command, system: System) -> None:
    system.alert("flagged")
    system.alert("drawn", score=2, rules=(), drawn=0.01)
    assert ids(fraudstream("alerts", "list", "--json", "--rule", "exploration")) == ["drawn"]
    assert "exploration" in fraudstream("alerts", "list").out
    assert "by chance: 1 % of what is approved" in " ".join(fraudstream("alerts", "show", "drawn").out.split())
    assert fraudstream("alerts", "close", "drawn", "--legitimate").out == "drawn: LEGITIMATE\n"
    assert ids(fraudstream("alerts", "list", "--json")) == ["flagged"]


@pytest.mark.usefixtures("rules")
def test_what_has_no_exchange_rate_comes_last_and_the_likelier_fraud_first(
    fraudstream: Command, system: System
) -> None:
    system.alert("likely", score=90, at=NOW, amount_minor=5, currency="XOF")
    system.alert("unlikely", score=30, at=NOW + 1, amount_minor=9_000, currency="XOF")
    system.alert("known", score=20, at=NOW + 2, amount_minor=100)
    assert ids(fraudstream("alerts", "list", "--json", "--sort", "loss")) == ["known", "likely", "unlikely"]


@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (("--rule", "card-burst"), ["new"]),
        (("--rule", "CARD_VELOCITY"), ["new", "old"]),
        (("--rule", "model"), ["shop"]),
        (("--channel", "pos"), ["shop"]),
        (("--min-amount", "100"), ["shop"]),
        (("--older-than", "2h"), ["old"]),
        (("--newer-than", "119m"), ["new", "shop"]),
        (("--newer-than", "2d", "--older-than", "1h", "--rule", "card-burst"), []),
    ],
    ids=" ".join,
)
def test_alerts_are_filtered(
    fraudstream: Command, system: System, filters: tuple[str, ...], expected: list[str]
) -> None:
    now = int(time.time() * 1000)
    system.alert("new", at=now, rules=("card-velocity", "card-burst"))
    system.alert("shop", at=now - HOUR, rules=("amountRatio",), channel="POS", amount_minor=90_000)
    system.alert("old", at=now - 30 * HOUR, rules=("card-velocity",), channel="ECOMMERCE")
    assert ids(fraudstream("alerts", "list", "--json", *filters)) == expected


@pytest.mark.usefixtures("rules")
def test_an_amount_without_an_exchange_rate_is_not_hidden(fraudstream: Command, system: System) -> None:
    system.alert("unknown", currency="XOF", amount_minor=5)
    ran = fraudstream("alerts", "list", "--min-amount", 1000)
    assert "unknown" in ran.out
    assert "without an exchange rate, and so not compared: XOF" in ran.err


def test_an_alert_whose_transaction_is_gone_is_listed(fraudstream: Command, system: System) -> None:
    system.alert("t-1")
    system.dynamodb.delete_item(TableName=TRANSACTIONS, Key=to_item({"transactionId": "t-1", "timestamp": NOW}))
    assert "not stored any more" in fraudstream("alerts", "list").out
    for command in (("alerts", "show", "t-1"), ("alerts", "close", "t-1", "--fraud")):
        ran = fraudstream(*command)
        assert ran.code == 1
        assert "t-1: its transaction is not stored any more" in ran.err
        assert "its alert goes by itself when it expires" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--channel", "WEB"), "--channel is one of ECOMMERCE, MOBILE"),
        (("--older-than", "yesterday"), "30m, 4h or 2d"),
        (("--sort", "amount"), "cannot be used"),
    ],
)
def test_what_cannot_be_asked_is_named(
    fraudstream: Command, system: System, arguments: tuple[str, ...], said: str
) -> None:
    assert system
    ran = fraudstream("alerts", "list", *arguments)
    assert ran.code != 0
    assert said in " ".join(ran.err.replace("│", " ").split())


@pytest.mark.usefixtures("rules")
def test_an_alert_is_shown_with_all_that_is_known_in_words(fraudstream: Command, system: System) -> None:
    system.alert("t-1", rules=("card-velocity",), channel="ECOMMERCE", card_country="DE", metadata={"shop": "berlin"})
    fraudstream("alerts", "close", "t-1", "--fraud", "--source", "chargeback")
    ran = fraudstream("alerts", "show", "t-1")
    assert ran.code == 0, ran.err
    words = " ".join(ran.out.split())
    for said in (
        "amount 12.50 EUR PAYMENT",
        "when 2026-01-05 08:00:00 UTC",
        "customer tok_customer",
        "channel ECOMMERCE",
        "card country DE",
        "metadata.shop berlin",
        "decision DECLINE score 88 of 100",
        "label FRAUD, says chargeback",
        "alert closed as FRAUD",
        "The card was used unusually often in a short time.",
        "CARD_VELOCITY, from card-velocity, +2.5 points: More than three spending transactions with one card",
        "another one decided",
        "2026-01-05 08:00:00 UTC decided DECLINE with a score of 88 by ruleset a",
        "an alert was raised",
        "labelled FRAUD, says chargeback",
        "the alert was closed as FRAUD",
    ):
        assert said in words, said


def test_an_alert_is_shown_without_the_rules_where_they_cannot_be_read(fraudstream: Command, system: System) -> None:
    system.alert("t-1", rules=("card-velocity",))
    ran = fraudstream("alerts", "show", "t-1")
    assert ran.code == 0
    assert "what the rules look for is left out" in ran.err
    assert "CARD_VELOCITY, from card-velocity" in ran.out
    shown = json.loads(fraudstream("alerts", "show", "t-1", "--json").out)
    assert (shown["alert"]["status"], shown["rules"], shown["decision"]) == ("OPEN", {}, "DECLINE")
    assert [event["what"] for event in shown["history"]][-1] == "an alert was raised"


def test_it_is_shown_as_what_a_transaction_was_listed(fraudstream: Command, system: System) -> None:
    system.store("t-1", decision=msgspec.structs.replace(DECISION, listed_as=("blocked:card", "blocked:device")))
    assert "listed as blocked card, blocked device" in " ".join(fraudstream("alerts", "show", "t-1").out.split())


def test_what_its_client_was_answered_at_once_is_shown_beside(fraudstream: Command, system: System) -> None:
    stored = system.store("t-1").to_item() | DECISION.to_item() | to_item({"kind": "TXN"})
    inline = InlineDecision(decision=Verdict.APPROVE, score=7, ruleset_version="xyz", decided_at=NOW + 30)
    system.dynamodb.put_item(TableName=TRANSACTIONS, Item=stored | inline_to_item(inline))
    words = " ".join(fraudstream("alerts", "show", "t-1").out.split())
    assert "decision REVIEW score 41 of 100" in words
    assert "answered at once APPROVE, score 7 of 100" in words
    assert "its client was answered at once: APPROVE" in words
    assert "decided REVIEW with a score of 41 by ruleset abc" in words


def test_a_transaction_that_has_no_alert_is_shown_too(fraudstream: Command, system: System) -> None:
    system.store("t-1", decision=None)
    ran = fraudstream("alerts", "show", "t-1")
    assert ran.code == 0
    assert "t-1 has no alert" in ran.err
    assert "fraudstream redrive" in ran.out


def test_closing_an_alert_labels_its_transaction(fraudstream: Command, system: System) -> None:
    system.alert("t-1")
    system.alert("t-2")
    assert fraudstream("alerts", "close", "t-1", "--fraud").code == 0
    assert system.item("t-1")["label"] == "FRAUD"
    assert [a["transactionId"] for a in json.loads(fraudstream("alerts", "list", "--json").out)] == ["t-2"]
    closed = fraudstream("alerts", "list", "--status", "closed", "--json").out
    assert [a["transactionId"] for a in json.loads(closed)] == ["t-1"]


def test_closing_what_has_no_alert_labels_it_all_the_same(fraudstream: Command, system: System) -> None:
    system.store("t-1")
    assert "had no open alert" in fraudstream("alerts", "close", "t-1", "--fraud").out
    assert system.item("t-1")["label"] == "FRAUD"


def test_an_empty_queue_says_so(fraudstream: Command, system: System) -> None:
    assert system
    assert fraudstream("alerts", "list").out == "no open alerts\n"
