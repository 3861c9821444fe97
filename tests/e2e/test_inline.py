"""Decisions that a customer waits for, and the final ones that follow."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from embedded_aws.cloud import LocalCloud
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.storage.attributes import from_item
from tests.e2e.api_harness import Client, payment
from tests.ids_harness import new_id
from tests.waiting_harness import PATIENCE_SECONDS

BURST = 12
STRICTNESS = list(Verdict)


@contextmanager
def held_back(cloud: LocalCloud, function: str) -> Generator[None]:
    """Keep a function's streams from it while the block runs."""
    mappings = cloud.mappings(cloud.outputs[function])
    for each in mappings:
        each.set_enabled(enabled=False)
    try:
        yield
    finally:
        for each in mappings:
            each.set_enabled(enabled=True)


def final(client: Client, transaction_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := client.get(transaction_id).json())["decisionStage"] != "FINAL":
        assert time.monotonic() < deadline, f"{transaction_id} has no final decision after {PATIENCE_SECONDS} s"
        time.sleep(0.1)
    return found


def test_a_burst_is_approved_at_once_and_judged_stricter_at_last(
    client: Client, cloud: LocalCloud, decided: Callable[[str], dict[str, Any]]
) -> None:
    decided(client.post(payment(), prefer="wait=5").json()["transactionId"])  # from then on an environment is ready
    names = {"cardToken": f"card-{new_id()}", "customerId": f"c-{new_id()}"}
    burst: dict[str, Any] = {**names, "cardCountry": "DE", "ipCountry": "VN", "amountMinor": 12_500}
    # All of them before the analyzer has judged the first, however slow the machine is.
    with held_back(cloud, "analyzerFunction"):
        answers = [client.post(payment(**burst), prefer="wait=5") for _ in range(BURST)]
    assert [answer.status_code for answer in answers] == [201] * BURST
    first = answers[0].json()
    assert (first["decisionStage"], first["status"]) == ("INLINE", "DECIDED")
    assert answers[0].headers["preference-applied"] == "wait"

    stricter: list[str] = []
    for answer in answers:
        told = answer.json()
        found = final(client, told["transactionId"])
        assert found["inlineDecision"] == told["inlineDecision"]
        verdicts = [STRICTNESS.index(Verdict(each["decision"])) for each in (found, told["inlineDecision"])]
        if verdicts[0] > verdicts[1]:
            stricter.append(told["transactionId"])
    assert stricter, "the last of the burst were judged without the first"
    alerts = cloud.client("dynamodb")
    for transaction_id in stricter:
        key = {"transactionId": {"S": transaction_id}}
        alert = from_item(alerts.get_item(TableName=cloud.outputs["alertsTable"], Key=key)["Item"])
        assert "STRICTER_THAN_INLINE" in alert["reasonCodes"]
    again = client.post(payment(), prefer="wait=0")
    assert "preference-applied" not in again.headers
