"""What other systems are told of kept cases: that one begins, ends, and begins anew, once for each case of alerts."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import EVENT_FIELDS, EventType
from fraudstream.detection.events import OutboundEvent
from fraudstream.detection.stores.decisions.alerts import AlertStore
from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream.transactions.storage.attributes import from_item, to_item
from fraudstream_tools.operations.cases.case import decider_of
from fraudstream_tools.operations.cases.news import news_of
from fraudstream_tools.operations.cases.work import CaseWork
from fraudstream_tools.operations.review.alert_summary import AlertStatus
from fraudstream_tools.operations.review.assignments import AlertTakenError
from tests.cli_harness import Command
from tests.console_harness import ANNA, BEN, Browser, browser_on, desk_command, words
from tests.integration.cli.review_harness import ALERTS, CODES, NOW, System

OUTBOX = "table-outbox-test"
CUSTOMER = f"tok_{'p' * 22}"


def make_outbox(system: System) -> None:
    keys = {"transactionId": "HASH", "eventId": "RANGE"}
    system.dynamodb.create_table(
        TableName=OUTBOX,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    )


@pytest.fixture
def people(aws: MinistackServer, system: System) -> tuple[Browser, Browser]:
    """Anna and Ben at consoles of a stack that tells other systems of everything; a customer has two alerts."""
    make_outbox(system)
    for name in ("a-1", "a-2"):
        system.alert(name, customer=CUSTOMER)
    anna, ben = browser_on(aws, ANNA), browser_on(aws, BEN)
    for each in (anna, ben):
        each.system.news = news_of(outbox=OUTBOX, types=",".join(EventType), environment="test")
        each.enter()
    return anna, ben


@pytest.fixture
def command(
    aws: MinistackServer, system: System, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """The command line of a stack that tells other systems where kept cases begin and end."""
    del system
    made = desk_command(aws, capsys, monkeypatch)
    monkeypatch.setenv("FRAUDSTREAM_OUTBOX_TABLE", OUTBOX)
    monkeypatch.setenv("FRAUDSTREAM_EVENTS", "KEPT_CASE_OPENED,KEPT_CASE_CLOSED")
    return made


def told(system: System) -> list[dict[str, Any]]:
    """Return the events, oldest first, as receivers get them."""
    found = [from_item(item) for item in system.dynamodb.scan(TableName=OUTBOX)["Items"]]
    for each in found:
        # The pipe's template asks for every field.
        assert each.keys() == {*EVENT_FIELDS, "expiresAt"}
        assert msgspec.convert({name: each[name] for name in EVENT_FIELDS}, OutboundEvent)
    return sorted(found, key=lambda each: int(each["eventId"].rpartition(":")[2]))


def act(browser: Browser, alert: str, action: str, **fields: str) -> str:
    form = browser.form(browser.page("/case", id=alert), f"/case/{action}")
    return words(browser.send(f"/case/{action}", **form | fields))


def summary(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["eventType"], each["label"]) for each in events]


def test_a_case_of_two_alerts_begins_and_ends_once(people: tuple[Browser, Browser], system: System) -> None:
    anna, _ = people
    act(anna, "a-1", "take")
    assert summary(told(system)) == [("KEPT_CASE_OPENED", "")]
    act(anna, "a-1", "note", text="called")
    act(anna, "a-1", "decide", label="FRAUD", note="denied")
    assert summary(told(system)) == [("KEPT_CASE_OPENED", "")]
    act(anna, "a-2", "decide", label="LEGITIMATE", note="known shop")
    opened, closed = told(system)
    assert summary([opened, closed]) == [("KEPT_CASE_OPENED", ""), ("KEPT_CASE_CLOSED", "LEGITIMATE")]
    alert = anna.system.queue.get("a-1")
    assert alert is not None
    assert opened["transactionId"] == closed["transactionId"] == f"case#{alert.case_id}"
    assert (closed["customerId"], closed["labelSource"], closed["environment"]) == (CUSTOMER, "analyst", "test")
    assert (opened["decision"], opened["score"], opened["amountMinor"]) == ("DECLINE", "88", "1250")


def test_an_event_of_a_case_is_one_of_the_schema(people: tuple[Browser, Browser], system: System) -> None:
    anna, _ = people
    act(anna, "a-1", "take")
    (event,) = told(system)
    found = msgspec.convert({name: event[name] for name in EVENT_FIELDS}, OutboundEvent)
    assert found.event_type is EventType.KEPT_CASE_OPENED
    assert int(found.event_time) > NOW


def test_an_event_of_a_case_names_rules_and_nothing_else(
    people: tuple[Browser, Browser], system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = f"device#tok_{'d' * 22}"
    monkeypatch.setitem(CODES, damaged, "PROFILE_DAMAGED")
    monkeypatch.setitem(CODES, "rates.yaml", "NO_EXCHANGE_RATE")
    system.alert(
        "drawn", customer="tok_" + "q" * 22, drawn=0.05, rules=(damaged, "rates.yaml", "card-velocity", "amountRatio")
    )
    anna, _ = people
    act(anna, "drawn", "take")
    (event,) = told(system)
    assert event["ruleIds"] == "card-velocity"
    assert event["reasonCodes"] == "PROFILE_DAMAGED,NO_EXCHANGE_RATE,CARD_VELOCITY,MODEL_AMOUNT"


def test_a_case_that_is_opened_again_and_closed_again_says_so_by_new_ids(
    people: tuple[Browser, Browser], system: System
) -> None:
    anna, ben = people
    act(anna, "a-1", "take")
    act(anna, "a-1", "decide", label="FRAUD", note="denied", also="a-2")
    act(ben, "a-1", "reopen", text="called again")
    act(ben, "a-1", "decide", label="LEGITIMATE", note="a mistake")
    events = told(system)
    assert summary(events) == [
        ("KEPT_CASE_OPENED", ""),
        ("KEPT_CASE_CLOSED", "FRAUD"),
        ("KEPT_CASE_REOPENED", ""),
        ("KEPT_CASE_CLOSED", "LEGITIMATE"),
    ]
    assert len({each["eventId"] for each in events}) == len(events)


def test_of_two_who_open_a_case_at_once_one_tells_of_it(people: tuple[Browser, Browser], system: System) -> None:
    anna, ben = people
    seen = [each.system.queue.get("a-1") for each in (anna, ben)]
    for browser, alert in zip(people, seen, strict=True):
        assert alert is not None
        browser.system.work.note(alert, "looked at")
    assert summary(told(system)) == [("KEPT_CASE_OPENED", "")]


def test_what_nobody_asked_for_is_not_told(aws: MinistackServer, system: System) -> None:
    make_outbox(system)
    system.alert("a-1", customer=CUSTOMER)
    browser = browser_on(aws)
    browser.system.news = news_of(outbox=OUTBOX, types="KEPT_CASE_CLOSED,LABEL_SET", environment="test")
    browser.enter()
    act(browser, "a-1", "take")
    assert told(system) == []
    act(browser, "a-1", "decide", label="FRAUD", note="denied")
    assert summary(told(system)) == [("KEPT_CASE_CLOSED", "FRAUD")]
    assert news_of(outbox=OUTBOX, types=None, environment="test") is None


def test_the_command_tells_too_and_sends_an_event_once_more(system: System, command: Command) -> None:
    make_outbox(system)
    system.alert("a-1", customer=CUSTOMER)
    taken = command("cases", "take", "a-1", "--json")
    assert taken.code == 0, taken.err
    name = f"case#{json.loads(taken.out)['caseId']}"
    (event,) = told(system)
    assert (event["transactionId"], event["environment"]) == (name, "test")
    assert "KEPT_CASE_OPENED" in command("events", "list", name, "--json").out
    assert json.loads(command("events", "resend", name, "--json").out) == {"resent": [event["eventId"]]}


def test_a_case_whose_alerts_a_file_has_labelled_ends_once(
    people: tuple[Browser, Browser], system: System, command: Command, tmp_path: Path
) -> None:
    anna, _ = people
    act(anna, "a-1", "take")
    system.alert("alone", customer="tok_other")
    head = "transactionId,label,labeledAt"
    first, rest = tmp_path / "first.csv", tmp_path / "rest.csv"
    first.write_text(f"{head}\na-1,FRAUD,{NOW + 5}\nalone,FRAUD,{NOW + 5}\n")
    rest.write_text(f"{head}\na-2,FRAUD,{NOW + 6}\n")

    def imported(file: Path) -> int:
        ran = command("labels", "import", str(file), "--source", "chargeback", "--json")
        assert ran.code == 0, ran.err
        # What the analyzer does with each label.
        for name in ("a-1", "a-2"):
            if label := Label.from_item(to_item(system.item(name))):
                AlertStore(system.dynamodb, ALERTS, retention_days=1).close(name, label)
        return json.loads(ran.out)["casesClosed"]

    assert imported(first) == 0
    assert summary(told(system)) == [("KEPT_CASE_OPENED", "")]
    assert imported(rest) == 1
    _, closed = told(system)
    assert (closed["eventType"], closed["label"], closed["labelSource"]) == ("KEPT_CASE_CLOSED", "FRAUD", "chargeback")
    # It is given again, as after an interruption.
    assert imported(rest) == 0
    assert len(told(system)) == 2
    assert "says chargeback: a-2" in words(anna.page("/case", id="a-2"))
    assert anna.system.cases.of_entity(f"customer#{CUSTOMER}")[0].status is AlertStatus.CLOSED


def test_a_case_that_two_labels_close_tells_of_both(people: tuple[Browser, Browser]) -> None:
    anna, _ = people
    act(anna, "a-1", "take")
    fraud = Label(label=Truth.FRAUD, label_source="chargeback", labeled_at=NOW + 5)
    honest = msgspec.structs.replace(fraud, label=Truth.LEGITIMATE, label_source="customer")
    assert anna.system.closing.close_labelled({"a-1": fraud, "a-2": honest}) == 1
    (case,) = anna.system.cases.of_entity(f"customer#{CUSTOMER}")
    assert case.events[-1].text == "FRAUD, says chargeback; LEGITIMATE, says customer: a-1, a-2"
    assert decider_of(case, "a-1") == decider_of(case, "a-2") == anna.system.operator.arn
    (record,) = [each for each in anna.records() if each["action"] == "close-case"]
    assert record["after"] == {"label": "FRAUD, LEGITIMATE"}


def test_a_case_that_aws_left_open_behind_its_last_alert_is_closed_by_hand(
    people: tuple[Browser, Browser], system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, _ = people
    act(anna, "a-1", "take")
    assert "Close the case" not in words(anna.page("/case", id="a-1"))
    taken = anna.system.queue.get("a-1")
    assert taken
    with pytest.raises(AlertTakenError, match="an alert of this case is open"):
        anna.system.closing.close_left_open(taken)
    act(anna, "a-1", "decide", label="FRAUD", note="denied")
    last = anna.system.queue.get("a-2")
    monkeypatch.setattr(CaseWork, "_note_decisions", fail)
    with pytest.raises(ClientError):
        anna.system.work.decide("a-2", Truth.FRAUD, "denied", alert=last, seen=None)
    page = anna.page("/case", id="a-2")
    assert "All its alerts are closed, but the case was left open" in words(page)
    assert "The case is closed." in act(anna, "a-2", "close")
    (case,) = anna.system.cases.of_entity(f"customer#{CUSTOMER}")
    assert case.status is AlertStatus.CLOSED
    assert "Close the case" not in words(anna.page("/case", id="a-2"))
    assert summary(told(system)) == [("KEPT_CASE_OPENED", ""), ("KEPT_CASE_CLOSED", "FRAUD")]
    (record,) = [each for each in anna.records() if each["action"] == "close-case" and each["outcome"] == "MADE"]
    assert record["after"] == {"label": "FRAUD"}


def fail(*_: object) -> None:
    raise ClientError({"Error": {"Code": "InternalServerError", "Message": ""}}, "UpdateItem")


def test_what_is_no_code_is_not_told_as_who_said_so(people: tuple[Browser, Browser], system: System) -> None:
    anna, _ = people
    act(anna, "a-1", "take")
    # A script may have written any text; the second person approves the label that has it.
    label = Label(label=Truth.FRAUD, label_source="Jane Doe of Elm Street", labeled_at=NOW + 5)
    assert anna.system.closing.close_labelled({"a-1": label, "a-2": label}) == 1
    assert summary(told(system)) == [("KEPT_CASE_OPENED", ""), ("KEPT_CASE_CLOSED", "FRAUD")]
    assert {each["labelSource"] for each in told(system)} == {""}


def test_a_case_with_an_alert_that_nobody_labelled_stays_open(people: tuple[Browser, Browser], system: System) -> None:
    anna, _ = people
    act(anna, "a-1", "take")
    label = Label(label=Truth.FRAUD, label_source="chargeback", labeled_at=NOW + 5)
    assert anna.system.closing.close_labelled({"a-1": label}) == 0
    assert anna.system.closing.close_labelled({"a-1": label, "a-2": label}) == 1
    assert summary(told(system)) == [("KEPT_CASE_OPENED", ""), ("KEPT_CASE_CLOSED", "FRAUD")]
