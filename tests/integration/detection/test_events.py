"""What other systems are told: each decision and label that stands, whatever becomes of the analyzer's calls."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from fraudstream.contract import EVENT_FIELDS, OUTBOX_RETENTION_DAYS, EventType
from fraudstream.detection.stores.decisions.alerts import AlertStore
from fraudstream.detection.stores.decisions.outbox import Outbox
from fraudstream.durations import DAY
from fraudstream.transactions.decisions.decision import Label, Truth, Verdict
from tests.integration.detection.analyzer_harness import NOW, World, refusal, suspicious, transaction


def label(world: World, number: int, truth: Truth, at: int, source: str = "analyst") -> None:
    world.change(suspicious(number), {"label": truth, "labelSource": source, "labeledAt": at})


def kinds(world: World) -> set[str]:
    return set(world.events())


def test_a_flagged_transaction_is_told_with_its_reasons_and_rules(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    world.analyze()
    assert world.decision("t2") is not None
    told = world.events()
    assert set(told) == {"t3:CASE_OPENED", "t3:TRANSACTION_FLAGGED"}
    event = told["t3:TRANSACTION_FLAGGED"]
    decision = world.decision("t3")
    assert decision is not None
    assert decision.decision is Verdict.REVIEW
    assert tuple(name for name in event if name != "expiresAt") == EVENT_FIELDS
    assert event | {"expiresAt": 0} == {
        "eventId": "t3:TRANSACTION_FLAGGED",
        "eventType": "TRANSACTION_FLAGGED",
        "eventVersion": "1",
        "eventTime": str(decision.decided_at),
        "environment": "test",
        "transactionId": "t3",
        "customerId": "tok_ann",
        "type": "PAYMENT",
        "amountMinor": "2000",
        "currency": "EUR",
        "decision": "REVIEW",
        "score": str(decision.score),
        "reasonCodes": "CARD_VELOCITY,COUNTRY_MISMATCH",
        "ruleIds": "often,abroad",
        "inlineDecision": "",
        "label": "",
        "labelSource": "",
        "expiresAt": 0,
    }


def test_a_decision_unlike_the_inline_one_is_told_as_revised(world: World) -> None:
    answered = {"score": 3, "rulesetVersion": "r", "decidedAt": NOW}
    world.store(transaction(1), inline=answered | {"decision": "DECLINE"})
    world.store(transaction(2), inline=answered | {"decision": "APPROVE"})
    world.analyze()
    (event,) = world.events().values()
    assert (event["eventId"], event["decision"], event["inlineDecision"]) == (
        "t1:DECISION_REVISED",
        "APPROVE",
        "DECLINE",
    )


def test_labels_are_told_and_the_first_one_closes_the_case(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    world.analyze()
    label(world, 3, Truth.FRAUD, NOW + 70_000)
    label(world, 0, Truth.LEGITIMATE, NOW + 70_000, "Ann said so, on the phone")
    world.analyze()
    first = f"t3:LABEL_SET:{NOW + 70_000}:FRAUD"
    told = world.events()
    assert kinds(world) == {
        "t3:CASE_OPENED",
        "t3:TRANSACTION_FLAGGED",
        "t3:CASE_CLOSED",
        first,
        f"t0:LABEL_SET:{NOW + 70_000}:LEGITIMATE",
    }
    assert (told[first]["label"], told[first]["labelSource"]) == ("FRAUD", "analyst")
    # A source is a code: no sentence about a person gets out.
    assert told[f"t0:LABEL_SET:{NOW + 70_000}:LEGITIMATE"]["labelSource"] == ""
    label(world, 3, Truth.LEGITIMATE, NOW + 80_000)
    world.analyze()
    assert kinds(world) - set(told) == {f"t3:LABEL_SET:{NOW + 80_000}:LEGITIMATE"}
    assert world.events()["t3:CASE_CLOSED"]["label"] == "FRAUD"


def test_a_label_after_the_outbox_has_forgotten_closes_no_case_again(world: World) -> None:
    """Chargebacks come weeks after the analyst's label, and the outbox keeps an event for days."""
    world.store(*(suspicious(number) for number in range(4)))
    world.analyze()
    label(world, 3, Truth.LEGITIMATE, NOW + 70_000)
    world.analyze()
    world.forget_events()
    weeks_later = NOW + 70_000 + OUTBOX_RETENTION_DAYS * DAY
    label(world, 3, Truth.FRAUD, weeks_later)
    world.analyze()
    assert kinds(world) == {f"t3:LABEL_SET:{weeks_later}:FRAUD"}


def test_a_later_label_tells_of_the_closing_that_the_first_one_could_not(world: World) -> None:
    """The function died between closing and telling, at each attempt, and the record was given up."""
    world.store(*(suspicious(number) for number in range(4)))
    world.analyze()
    label(world, 3, Truth.LEGITIMATE, NOW + 70_000)
    given = Label(label=Truth.LEGITIMATE, label_source="analyst", labeled_at=NOW + 70_000)
    AlertStore(world.dynamodb, "alerts", 400).close("t3", given)
    world.records()
    label(world, 3, Truth.FRAUD, NOW + 80_000)
    world.analyze()
    assert "t3:CASE_CLOSED" in kinds(world)


def test_a_case_that_somebody_closed_before_the_analyzer_saw_the_label_is_told(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    world.analyze()
    label(world, 3, Truth.FRAUD, NOW + 70_000)
    # The console and `alerts close` close an alert at once, by the same label.
    given = Label(label=Truth.FRAUD, label_source="analyst", labeled_at=NOW + 70_000)
    assert AlertStore(world.dynamodb, "alerts", 400).close("t3", given).shows_label
    world.analyze()
    assert "t3:CASE_CLOSED" in kinds(world)


def test_a_case_that_an_older_version_closed_is_not_closed_again(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    world.analyze()
    label(world, 3, Truth.LEGITIMATE, NOW + 70_000)
    labels = world.records()
    world.analyze(labels)
    world.dynamodb.update_item(
        TableName="alerts", Key={"transactionId": {"S": "t3"}}, UpdateExpression="REMOVE firstClosedAt"
    )
    world.forget_events()
    # Its last attempt died between closing and telling, and the new version takes it up.
    world.analyze(labels)
    assert kinds(world) == {f"t3:LABEL_SET:{NOW + 70_000}:LEGITIMATE", "t3:CASE_CLOSED"}
    world.forget_events()
    label(world, 3, Truth.FRAUD, NOW + 80_000)
    world.analyze()
    assert kinds(world) == {f"t3:LABEL_SET:{NOW + 80_000}:FRAUD"}


def test_what_is_delivered_again_changes_no_event(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    records = world.records()
    world.analyze(records)
    label(world, 3, Truth.FRAUD, NOW + 70_000)
    labels = world.records()
    world.analyze(labels)
    told = world.events()
    world.analyze([*records, *labels])
    assert world.events() == told


def test_a_decision_that_fails_is_not_told(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    records = world.records()

    def fail(**_: Any) -> None:
        raise refusal("TransactWriteItems")

    recover = world.interfere("TransactWriteItems", fail)
    analysis = world.analyze(records)
    recover()
    assert len(analysis.failures) == 1
    assert (world.decision("t3"), world.events()) == (None, {})
    assert world.analyze(records).failures == []
    assert kinds(world) == {"t3:CASE_OPENED", "t3:TRANSACTION_FLAGGED"}


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_what_stands_in_the_way_of_a_decision_for_a_moment_is_waited_for(world: World, reason: str) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    refused: list[str] = []

    def refuse_once(**_: Any) -> None:
        if refused:
            return
        refused.append("TransactWriteItems")
        error: Any = {
            "Error": {"Code": "TransactionCanceledException", "Message": ""},
            "CancellationReasons": [{"Code": "None"}, {"Code": reason}],
        }
        raise ClientError(error, "TransactWriteItems")

    recover = world.interfere("TransactWriteItems", refuse_once)
    analysis = world.analyze()
    recover()
    assert (refused, analysis.failures) == (["TransactWriteItems"], [])
    assert kinds(world) == {"t3:CASE_OPENED", "t3:TRANSACTION_FLAGGED"}


def test_a_transaction_that_was_decided_meanwhile_keeps_its_decision(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))

    def rival(**_: Any) -> None:
        world.change(suspicious(3), {"decision": "DECLINE", "score": 99, "rulesetVersion": "r", "decidedAt": NOW})

    recover = world.interfere("TransactWriteItems", rival)
    assert world.analyze().failures == []
    recover()
    decision = world.decision("t3")
    assert decision is not None
    assert decision.score == 99
    assert world.events() == {}


def test_only_chosen_types_are_put(world: World) -> None:
    outbox = Outbox(world.dynamodb, "outbox", types=[EventType.CASE_CLOSED], environment="test")
    said = Label(label=Truth.FRAUD, label_source="chargeback", labeled_at=NOW)
    outbox.tell_label(transaction(1), said, closes_alert=True)
    assert kinds(world) == {"t1:CASE_CLOSED"}
