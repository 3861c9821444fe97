"""A policy names the attributes that people may write, and not their types: what they write stops nobody."""

from typing import Any

import pytest

from fraudstream.contract import EntityKind
from fraudstream.detection.stores.decisions.store import DecisionStore
from fraudstream.detection.stores.lists.listings import MOST_LISTS, item_key
from fraudstream.reporting.log.record import LogEvent, read_stream_record
from fraudstream.transactions.decisions.decision import Truth, Verdict
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.storage.item import decode_readable
from fraudstream_tools.operations.lists.entity_lists import EntityLists
from infra.people import OF_ALERTS, OF_LABELS
from tests.integration.detection.analyzer_harness import NOW, World, suspicious, transaction
from tests.integration.detection.test_listed_entities import CARD, ME, decide

ODD: list[dict[str, Any]] = [
    {"SS": ["x"]},
    {"NS": ["1"]},
    {"BS": [b"x"]},
    {"L": [{"SS": ["x"]}]},
    {"M": {}},
    {"S": "x"},
]
KEYS = {"transactionId", "timestamp"}


def write(world: World, table: str, key: dict[str, object], attribute: str, value: dict[str, Any]) -> None:
    world.dynamodb.update_item(
        TableName=table,
        Key=to_item(key),
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": attribute},
        ExpressionAttributeValues={":value": value},
    )


@pytest.mark.parametrize("attribute", sorted({*OF_LABELS} - KEYS))
def test_a_transaction_is_read_decided_and_logged_beside_an_odd_attribute(world: World, attribute: str) -> None:
    for number, value in enumerate(ODD):
        sale = transaction(number, customer_id=f"tok_{number}")
        world.store(sale)
        write(world, "transactions", {"transactionId": f"t{number}", "timestamp": NOW + number}, attribute, value)
    inserts = [each for each in world.records() if each["eventName"] == "INSERT"]
    for _ in range(2):
        assert world.analyze(inserts).failures == []
    decisions = DecisionStore(world.dynamodb, "transactions", world.pool)
    assert decisions.decided([transaction(number) for number in range(len(ODD))]) == [True] * len(ODD)
    assert all(decode_readable(item).decision for item in world.items("transactions"))
    logged = [line.event for each in world.records() for line in read_stream_record(each)]
    assert logged == [LogEvent.DECIDED] * len(ODD)


@pytest.mark.parametrize("attribute", sorted({*OF_ALERTS} - KEYS - {"status", "statusShard"}))
def test_an_alert_with_an_odd_attribute_stops_no_label(world: World, attribute: str) -> None:
    world.store(*map(suspicious, range(1, 7)))
    world.analyze()
    flagged = world.items("alerts")
    assert flagged
    for name, value in zip([item["transactionId"]["S"] for item in flagged], ODD, strict=False):
        write(world, "alerts", {"transactionId": name}, attribute, value)
    label = {"label": Truth.FRAUD, "labelSource": "ANALYST", "labeledAt": NOW + 9}
    for number in range(1, 7):
        world.change(suspicious(number), label)
    assert world.analyze().failures == []
    assert all(item["learntLabel"] == {"S": "FRAUD"} for item in world.items("transactions"))


@pytest.mark.parametrize("attribute", ["erasedAt", "erasedFor", "state", "version", "expiresAt", "somethingElse"])
def test_an_entry_of_a_list_counts_beside_an_odd_attribute(world: World, attribute: str) -> None:
    EntityLists(world.dynamodb, "profiles", clock=lambda: NOW).add("blocked", EntityKind.CARD, CARD, by=ME, reason="x")
    for number, value in enumerate(ODD):
        if attribute != "version":
            write(world, "profiles", {"entity": item_key(f"card#{CARD}")}, attribute, value)
        assert decide(world, number).decision is Verdict.DECLINE


def test_a_decision_names_no_list_that_there_is_not(world: World) -> None:
    lists = EntityLists(world.dynamodb, "profiles", clock=lambda: NOW)
    for name in ("blocked", "4111 1111 1111 1111", "blocked:x", "x" * 10_000):
        lists.add(name, EntityKind.CARD, CARD, by=ME, reason="x")
    assert decide(world, 1).listed_as == ("blocked:card",)


def test_an_entity_on_more_lists_than_anybody_has_is_unreadable(world: World) -> None:
    lists = EntityLists(world.dynamodb, "profiles", clock=lambda: NOW)
    for number in range(MOST_LISTS):
        lists.add(f"list{number}", EntityKind.CARD, CARD, by=ME, reason="x")
    assert decide(world, 1).reasons == ()
    (item,) = [each for each in world.items("profiles") if each["entity"]["S"] == item_key(f"card#{CARD}")]
    item["entries"]["M"]["oneMore"] = item["entries"]["M"]["list0"]
    world.dynamodb.put_item(TableName="profiles", Item=item)
    assert [reason.code for reason in decide(world, 2).reasons] == ["LIST_UNREADABLE"]
