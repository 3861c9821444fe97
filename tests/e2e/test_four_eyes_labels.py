"""A deployed system that asks for two people: a label of one is neither learnt nor logged, one of two is, once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.credentials import Credentials

from fraudstream.transactions.decisions.decision import Truth
from fraudstream_tools.operations.approving import ApprovalError
from fraudstream_tools.operations.cases.closing import CaseClosing
from fraudstream_tools.operations.review.label_approval import LabelApproval
from proofs.running.console import console_of
from proofs.running.deployed import RunningSystem, deployed
from tests.console_harness import ANNA, BEN
from tests.e2e.api_harness import Client, payment
from tests.waiting_harness import PATIENCE_SECONDS


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    with deployed(tmp_path_factory.mktemp("cloud"), "eyes", {"fraudstream:fourEyes": "labels"}) as running:
        yield running


def closing(system: RunningSystem, person: Any) -> tuple[LabelApproval, CaseClosing]:
    console = console_of(system.cloud, "eyes")
    console.operator, console.four_eyes = person, tuple(system.cloud.outputs["fourEyes"].split(","))
    assert console.label_approval is not None
    return console.label_approval, console.closing


def item_of(system: RunningSystem, name: str) -> dict[str, Any]:
    console = console_of(system.cloud, "eyes")
    found = console.dynamodb.query(
        TableName=console.transactions,
        KeyConditionExpression="transactionId = :id AND #timestamp > :zero",
        ExpressionAttributeNames={"#timestamp": "timestamp"},
        ExpressionAttributeValues={":id": {"S": name}, ":zero": {"N": "0"}},
        ConsistentRead=True,
    )
    return found["Items"][0]


def report_of(system: RunningSystem) -> dict[str, Any]:
    """Return today's report, with the hours so far merged."""
    today = datetime.now(UTC).date().isoformat()
    system.run_task("hourly-roll-up", openHours=True)
    system.run_task("daily-report", date=today)
    s3, bucket = system.cloud.client("s3"), system.cloud.outputs["bucketName"]
    return json.load(s3.get_object(Bucket=bucket, Key=f"reports/date={today}/report.json")["Body"])


def learnt(system: RunningSystem, name: str) -> str | None:
    system.cloud.wait_until_idle(PATIENCE_SECONDS)
    return item_of(system, name).get("learntLabel", {}).get("S")


def test_a_label_is_learnt_logged_and_reported_once_two_people_stand_for_it(system: RunningSystem) -> None:
    keys = Credentials(system.cloud.credentials.access_key, system.cloud.credentials.secret_key)
    client = Client(system.api_url, keys)
    posted = payment()
    name = posted["transactionId"]
    assert client.post(posted).status_code == 201
    system.cloud.wait_until_idle(PATIENCE_SECONDS)
    (annas, anna), (_, ben) = closing(system, ANNA), closing(system, BEN)

    anna.reviews.decide(name, Truth.FRAUD, "denied", alert=None, seen=None, open_case=lambda _: "")
    assert learnt(system, name) is None
    assert report_of(system)["people"]["labels"] == {"written": 0, "unrecorded": 0, "examples": []}
    (waiting,) = annas.waiting()
    with pytest.raises(ApprovalError, match="somebody else"):
        anna.approve_label(name, waiting.digest, reason="mine")
    assert learnt(system, name) is None

    ben.approve_label(name, waiting.digest, reason="the bank says so")
    assert learnt(system, name) == "FRAUD"
    report = report_of(system)
    assert report["people"]["labels"] == {"written": 1, "unrecorded": 0, "examples": []}
    assert {each["action"]: each["done"] for each in report["people"]["actions"]} == {
        "label-transaction": 1,
        "approve-labels": 1,
    }
    assert report["currencies"][0]["fraudValue"] == posted["amountMinor"]
    assert list(annas.waiting()) == []
