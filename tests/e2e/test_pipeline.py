"""What a customer of the deployed system sees, from the first POST to the report."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from embedded_aws.cloud import LocalCloud
from tests.e2e.api_harness import Client, payment
from tests.waiting_harness import PATIENCE_SECONDS

Decided = Callable[[str], dict[str, Any]]


def items(cloud: LocalCloud, table: str) -> list[dict[str, Any]]:
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return [item for page in pages for item in page["Items"]]


def test_a_posted_transaction_is_pending_at_once_and_decided_soon(client: Client, decided: Decided) -> None:
    transaction = payment()
    answer = client.post(transaction)

    assert answer.status_code == 201
    assert answer.json()["status"] == "PENDING"
    assert answer.json()["decision"] is None
    followed = client.follow(answer)
    assert (followed.status_code, followed.json()["transactionId"]) == (200, transaction["transactionId"])

    found = decided(transaction["transactionId"])
    assert found["status"] == "DECIDED"
    assert found["decision"] == "APPROVE"
    assert 0 <= found["score"] <= 100
    assert found["rulesetVersion"]


def test_a_repeated_post_returns_the_state_and_another_payload_409(client: Client, decided: Decided) -> None:
    transaction = payment()
    assert client.post(transaction).status_code == 201
    decided(transaction["transactionId"])

    again = client.post(transaction)
    assert again.status_code == 200
    assert again.json()["decision"] == "APPROVE"
    assert client.post(transaction | {"amountMinor": 1}).status_code == 409


def test_a_person_behind_a_transaction_is_nowhere_to_be_found(
    client: Client, cloud: LocalCloud, decided: Decided
) -> None:
    secrets = {
        "customerId": "customer-jane-doe-4711",
        "ipAddress": "203.0.113.77",
        "deviceId": "device-serial-0815",
        "cardToken": "card-token-31337",
    }
    transaction = payment(**secrets)
    answer = client.post(transaction)
    decided(transaction["transactionId"])
    cloud.wait_until_idle(PATIENCE_SECONDS)

    tables = [cloud.outputs[name] for name in ("transactionsTable", "profilesTable", "alertsTable")]
    stored = json.dumps([items(cloud, table) for table in tables], default=repr)
    functions = [cloud.outputs[name] for name in ("processorFunction", "analyzerFunction", "reportFunction")]
    logged = "".join(cloud.log_file(function).read_text() for function in functions)
    for value in secrets.values():
        assert value not in answer.text
        assert value not in stored
        assert value not in logged


def test_impossible_travel_is_noticed_and_raises_an_alert_with_reasons(
    client: Client, cloud: LocalCloud, decided: Decided
) -> None:
    now = int(time.time() * 1000)
    person = {"customerId": "customer-traveller", "cardToken": "card-traveller", "channel": "POS"}
    columbus = payment(**person, timestamp=now - 1_200_000, latitude=39.96, longitude=-83.0)
    tokyo = payment(**person, timestamp=now, latitude=35.68, longitude=139.69)
    assert client.post(columbus).status_code == 201
    decided(columbus["transactionId"])
    assert client.post(tokyo).status_code == 201
    found = decided(tokyo["transactionId"])

    assert found["decision"] in {"REVIEW", "DECLINE"}
    assert "IMPOSSIBLE_TRAVEL" in {reason["code"] for reason in found["reasons"]}
    assert all(reason["message"] for reason in found["reasons"])
    alerts = {item["transactionId"]["S"]: item for item in items(cloud, cloud.outputs["alertsTable"])}
    assert alerts[tokyo["transactionId"]]["status"]["S"] == "OPEN"


def test_the_report_accounts_for_every_transaction(client: Client, cloud: LocalCloud, decided: Decided) -> None:
    for _ in range(5):
        transaction = payment()
        assert client.post(transaction).status_code == 201
        decided(transaction["transactionId"])
    cloud.wait_until_idle(PATIENCE_SECONDS)

    today = datetime.now(UTC).date().isoformat()
    result = cloud.invoke(cloud.outputs["reportFunction"], {"task": "daily-report", "date": today})
    stored = [item for item in items(cloud, cloud.outputs["transactionsTable"]) if item["kind"]["S"] == "TXN"]
    received_today = [
        item
        for item in stored
        if datetime.fromtimestamp(int(item["receivedAt"]["N"]) / 1000, UTC).date().isoformat() == today
    ]

    assert result["stored"] == result["decided"] == result["logged"] == len(received_today)
    assert result["undecided"] == 0
    bucket = cloud.client("s3")
    report = {
        key.rsplit(".", 1)[1]: bucket.get_object(Bucket=cloud.outputs["bucketName"], Key=key)["Body"].read()
        for key in result["keys"]
    }
    assert set(report) == {"html", "json", "csv"}
    assert report["html"].startswith(b"<!doctype html>")
    assert b"http://" not in report["html"].replace(b"http://www.w3.org/", b"")
    assert json.loads(report["json"])["schemaVersion"]


def test_the_daily_schedule_writes_a_report_of_yesterday(cloud: LocalCloud) -> None:
    result = cloud.run_schedule(cloud.outputs["dailySchedule"])
    assert result["date"] < datetime.now(UTC).date().isoformat()


def test_the_hourly_schedule_merges_the_log_of_hours_that_are_over(cloud: LocalCloud) -> None:
    result = cloud.run_schedule(cloud.outputs["hourlySchedule"])
    assert set(result) == {"hours", "restated", "remade"}
    assert all(hour < datetime.now(UTC).strftime("%Y-%m-%dT%H") for hour in result["hours"])
