"""An analyst at work in the console of the deployed system: what is blocked there, the next transaction meets."""

from collections.abc import Callable
from typing import Any

from embedded_aws.cloud import LocalCloud
from proofs.running.console import console_of
from tests.console_harness import Browser, words
from tests.e2e.api_harness import Client, payment
from tests.waiting_harness import PATIENCE_SECONDS


def test_a_customer_is_blocked_and_the_next_payment_is_worked_to_closed(
    client: Client, cloud: LocalCloud, decided: Callable[[str], dict[str, Any]]
) -> None:
    analyst = Browser(console_of(cloud, "e2e")).enter()
    # Other tests of the same system leave records, too.
    earlier = analyst.records()
    first = payment()
    client.post(first)
    customer = decided(first["transactionId"])["customerId"]

    page = analyst.page("/case", id=first["transactionId"])
    blocked = analyst.send(
        "/case/list",
        **analyst.form(page, "/case/list"),
        entity=f"customer#{customer}",
        list="blocked",
        days="1",
        reason="takeover",
    )
    assert "The customer is on the list blocked now" in words(blocked)

    second = payment(customerId=first["customerId"])
    client.post(second)
    assert decided(second["transactionId"])["decision"] == "DECLINE"
    cloud.wait_until_idle(PATIENCE_SECONDS)
    assert second["transactionId"] in analyst.page("/queue", sort="newest")
    assert second["transactionId"] in analyst.page("/search", q=customer)

    page = analyst.page("/case", id=second["transactionId"])
    taken = analyst.send("/case/take", **analyst.form(page, "/case/take"))
    closed = analyst.send("/case/decide", **analyst.form(taken, "/case/decide"), label="FRAUD", note="takeover")
    assert "It is labelled FRAUD, and its alert is closed." in words(closed)
    cloud.wait_until_idle(PATIENCE_SECONDS)
    assert decided(second["transactionId"])["label"] == "FRAUD"
    assert second["transactionId"] not in analyst.page("/queue", sort="newest")
    own = analyst.records()[len(earlier) :]
    assert [each["action"] for each in own] == ["add-to-list", "take-alert", "label-transaction"]
