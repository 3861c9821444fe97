"""Events of the whole system arrive at a webhook of this machine."""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from embedded_aws.cloud import LocalCloud
from fraudstream.contract import EventType
from fraudstream.detection.events import OutboundEvent
from fraudstream.transactions.decisions.decision import Truth
from fraudstream_tools.operations.recovery.resending import events_of, resend
from fraudstream_tools.operations.review.labels import label_now
from proofs.running.deployed import WEBHOOK_SECRET
from proofs.running.webhook import Receiver
from tests.e2e.api_harness import Client, payment
from tests.ids_harness import new_id
from tests.waiting_harness import PATIENCE_SECONDS


def test_a_flagged_transaction_and_its_label_are_posted_once(
    client: Client, cloud: LocalCloud, decided: Callable[[str], dict[str, Any]], webhook: Receiver
) -> None:
    run = new_id()[:8]
    ids = [f"told-{run}-{number}" for number in range(8)]
    states: dict[str, dict[str, Any]] = {}
    for each in ids:
        posted = payment(
            transactionId=each,
            customerId=f"{run}-customer",
            cardToken=f"{run}-card",
            deviceId=f"{run}-phone",
            amountMinor=900_000,
            cardCountry="DE",
            ipCountry="VN",
        )
        assert client.post(posted).status_code == 201
        # Lanes decide at the same time: a burst is seen for certain only by who comes after its decisions.
        states[each] = decided(each)
    flagged = {each for each, state in states.items() if state["decision"] != "APPROVE"}
    assert flagged
    name = min(flagged)
    label_now(cloud.client("dynamodb"), cloud.outputs["transactionsTable"], name, Truth.FRAUD, "chargeback")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and f"{name}:CASE_CLOSED" not in {each["eventId"] for each in webhook.got}:
        time.sleep(0.05)
    cloud.wait_until_idle(PATIENCE_SECONDS)
    events = [msgspec.convert(each, OutboundEvent) for each in webhook.got if each["transactionId"] in ids]
    assert sorted(each.event_id for each in events if each.event_type == "TRANSACTION_FLAGGED") == sorted(
        f"{each}:TRANSACTION_FLAGGED" for each in flagged
    )
    of_name = {each.event_type: each for each in events if each.transaction_id == name}
    assert set(of_name) == {"CASE_OPENED", "TRANSACTION_FLAGGED", "LABEL_SET", "CASE_CLOSED"}
    assert of_name[EventType.LABEL_SET].label_source == "chargeback"
    told = of_name[EventType.TRANSACTION_FLAGGED]
    state = states[name]
    assert (told.decision, told.score) == (state["decision"], str(state["score"]))
    assert told.customer_id == state["customerId"]
    assert told.reason_codes.split(",") == list(dict.fromkeys(reason["code"] for reason in state["reasons"]))
    assert {each["Authorization"] for each in webhook.headers} == {WEBHOOK_SECRET}

    # A receiver that has lost them asks again, and gets the same ids.
    dynamodb, outbox = cloud.client("dynamodb"), cloud.outputs["outboxTable"]
    kept = events_of(dynamodb, outbox, name)
    assert {each["eventId"] for each in kept} == {each.event_id for each in of_name.values()}
    before = len(webhook.got)
    assert all(resend(dynamodb, outbox, each) for each in kept)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and len(webhook.got) < before + len(kept):
        time.sleep(0.05)
    assert sorted(each["eventId"] for each in webhook.got[before:]) == sorted(each["eventId"] for each in kept)
