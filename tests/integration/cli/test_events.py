"""`events`: what other systems were told, shown and sent once more, from a real outbox."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import EventType
from fraudstream.detection.stores.decisions.outbox import Outbox
from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.operations.recovery import resending
from tests.aws_harness import create_table
from tests.cli_harness import Command, point_at
from tests.integration.cli.review_harness import NOW, System

OUTBOX = "table-outbox-test"
LABEL = Label(label=Truth.FRAUD, label_source="chargeback", labeled_at=NOW + 1000)


@pytest.fixture
def fraudstream(
    aws: MinistackServer, system: System, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    create_table(system.dynamodb, OUTBOX, {"transactionId": "S", "eventId": "S"})
    outbox = Outbox(system.dynamodb, OUTBOX, types=EventType, environment="test")
    for name in ("t-1", "t-2"):
        outbox.tell_label(system.store(name), LABEL, closes_alert=True)
    point_at(aws.endpoint_url, monkeypatch, outboxTable=OUTBOX)
    return Command(capsys)


def resent(system: System) -> set[str]:
    items = system.dynamodb.scan(TableName=OUTBOX)["Items"]
    return {item["eventId"]["S"] for item in items if "resentAt" in item}


def test_events_of_a_transaction_are_listed_and_sent_once_more(fraudstream: Command, system: System) -> None:
    listed = json.loads(fraudstream("events", "list", "t-1", "--json").out)
    ids = {each["eventId"] for each in listed}
    assert len(ids) == 2
    assert {each["eventType"] for each in listed} == {"LABEL_SET", "CASE_CLOSED"}
    assert all(each in fraudstream("events", "list", "t-1").out for each in ids)
    assert "2 events are sent once more" in fraudstream("events", "resend", "t-1").out
    assert resent(system) == ids


def test_all_events_of_some_time_are_sent_once_more_after_a_question(fraudstream: Command, system: System) -> None:
    refused = fraudstream("events", "resend", "--since", "9999d")
    assert refused.code == 1
    assert resent(system) == set()
    assert len(json.loads(fraudstream("events", "resend", "--since", "9999d", "--yes", "--json").out)["resent"]) == 4
    assert len(resent(system)) == 4
    assert json.loads(fraudstream("events", "resend", "--since", "1m", "--yes", "--json").out) == {"resent": []}


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (ClientError({"Error": {"Code": "InternalServerError"}}, "UpdateItem"), 1)],
)
def test_who_breaks_off_is_told_what_was_sent_and_how_to_go_on(
    fraudstream: Command, system: System, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    send, calls = resending.resend, iter([None, None])

    def send_two(*arguments: Any) -> bool:
        for _ in calls:
            return send(*arguments)
        raise error

    monkeypatch.setattr(resending, "resend", send_two)
    ran = fraudstream("events", "resend", "--since", "9999d", "--yes")
    assert ran.code == code
    assert "2 of 4 events were sent once more; the same again sends all of them" in ran.err
    assert len(resent(system)) == 2


def test_an_event_of_a_newer_version_is_sent_once_more_with_the_others(fraudstream: Command, system: System) -> None:
    newer = {"transactionId": "t-1", "eventId": "t-1:NEWER", "eventType": "NEWER", "eventTime": "1790000000000"}
    system.dynamodb.put_item(TableName=OUTBOX, Item=to_item(newer))
    assert "NEWER  t-1:NEWER" in fraudstream("events", "list", "t-1").out
    assert "5 events are sent once more" in fraudstream("events", "resend", "--since", "9999d", "--yes").out
    assert "t-1:NEWER" in resent(system)


def test_an_event_with_an_odd_attribute_keeps_no_other_from_being_sent(fraudstream: Command, system: System) -> None:
    odd = to_item({"transactionId": "case#c-1", "eventId": "case#c-1:x", "eventTime": "1790000000000"})
    system.dynamodb.put_item(TableName=OUTBOX, Item={**odd, "label": {"SS": ["FRAUD"]}, "score": {"NS": ["1"]}})
    assert "case#c-1:x" in fraudstream("events", "list", "case#c-1").out
    assert "5 events are sent once more" in fraudstream("events", "resend", "--since", "9999d", "--yes").out
    assert len(resent(system)) == 5


def test_what_would_be_sent_can_be_looked_at_first(fraudstream: Command, system: System) -> None:
    said = json.loads(fraudstream("events", "resend", "--since", "9999d", "--dry-run", "--json").out)
    assert len(said) == 4
    assert said[0]["eventId"] in fraudstream("events", "resend", "--since", "9999d", "--dry-run").out
    assert resent(system) == set()


def test_a_transaction_without_events_is_no_success(
    fraudstream: Command, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = fraudstream("events", "resend", "t-3")
    assert (ran.code, ran.err) == (1, "error: this stack tells other systems nothing: see the setting events\n")
    monkeypatch.setenv("FRAUDSTREAM_EVENTS", "LABEL_SET")
    ran = fraudstream("events", "resend", "t-3")
    assert (ran.code, ran.err) == (1, "error: the outbox has no event of this transaction (any more)\n")
    assert resent(system) == set()


def test_it_has_to_be_said_which(fraudstream: Command) -> None:
    for arguments in ((), ("t-1", "--since", "2h")):
        ran = fraudstream("events", "resend", *arguments)
        assert ran.code == 1
        assert "name a transaction, or give an age" in ran.err
    assert "this stack tells other systems nothing" in fraudstream("events", "list", "nobody").out
