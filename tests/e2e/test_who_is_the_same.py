"""Whoever changes addresses is still found, and strangers are not taken for one person."""

import time
from collections.abc import Callable
from typing import Any

from tests.e2e.api_harness import Client, payment

Decided = Callable[[str], dict[str, Any]]
DECLINED = {"authorizationResult": "DECLINED", "responseCode": "05", "amountMinor": 100, "channel": "ECOMMERCE"}


def judge(client: Client, decided: Decided, **fields: Any) -> dict[str, Any]:
    sent = payment(**fields)
    assert client.post(sent).status_code == 201
    return decided(sent["transactionId"])


def codes(found: dict[str, Any]) -> set[str]:
    return {reason["code"] for reason in found["reasons"]}


def test_card_testing_from_ever_new_addresses_of_one_network_is_caught(client: Client, decided: Decided) -> None:
    network = f"2001:db8:{time.time_ns() % 65_536:x}:7"
    found = [
        judge(client, decided, **DECLINED, ipAddress=f"{network}:{host:x}::{host:x}", cardToken=f"{network}-{host}")
        for host in range(1, 8)
    ]
    assert "CARD_TESTING" not in codes(found[0])
    assert "CARD_TESTING" in codes(found[-1])
    assert found[-1]["decision"] != "APPROVE"


def test_strangers_whose_device_and_address_are_unknown_are_not_one_person(client: Client, decided: Decided) -> None:
    nobody = {"deviceId": "unknown", "ipAddress": "10.0.0.1"}
    for number in range(7):
        judge(client, decided, **DECLINED, **nobody, cardToken=f"stranger-{time.time_ns()}-{number}")
    found = judge(client, decided, **nobody, cardToken=f"stranger-{time.time_ns()}")
    assert found["decision"] == "APPROVE"
    assert "CARD_TESTING" not in codes(found)
    assert "deviceId" not in found
    assert "ipAddress" not in found


def test_guests_are_not_one_person(client: Client, decided: Decided) -> None:
    found = [judge(client, decided, customerId="guest", cardToken=f"guest-{time.time_ns()}") for _ in range(3)]
    assert len({each["customerId"] for each in found}) == 3
