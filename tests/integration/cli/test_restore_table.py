"""`fraudstream restore table` says what must not stay as it brings it back: erased people, and earlier tokens."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from fraudstream.contract import RECEIPTS_PREFIX
from fraudstream.detection.stores.decisions.alerts import AlertStore
from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.operations.recovery.changed_since import erasures_since, restored_to
from fraudstream_tools.operations.review.assignments import Assignments
from tests.aws_harness import create_table
from tests.cli_harness import Command
from tests.integration.cli.review_harness import ALERTS, BUCKET, NOW, TRANSACTIONS, System
from tests.integration.console.privacy_harness import ANN, NEWER

BACKUP = "restored"


@pytest.fixture
def desk(fraudstream: Command, system: System) -> Command:
    """A stack that has lost two transactions, of a token of each number; a restored table has them."""
    create_table(system.dynamodb, BACKUP)
    for name, customer in (("older", ANN), ("newer", NEWER)):
        system.store(name, customer=customer)
    for item in system.dynamodb.scan(TableName=TRANSACTIONS)["Items"]:
        system.dynamodb.put_item(TableName=BACKUP, Item=item)
        key = {name: item[name] for name in ("transactionId", "timestamp")}
        system.dynamodb.delete_item(TableName=TRANSACTIONS, Key=key)
    return fraudstream


def erase(system: System, name: str) -> str:
    key = f"{RECEIPTS_PREFIX}2026-01-05-{name}.json"
    system.s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    return key


def restored(desk: Command, *options: str) -> tuple[dict[str, Any], str]:
    ran = desk("restore", "table", BACKUP, "--json", *options)
    assert ran.code == 0, ran.err
    return json.loads(ran.out), ran.err


def test_nothing_is_to_be_done_again_where_nobody_was_erased(desk: Command) -> None:
    counts, said = restored(desk)
    assert (counts["added"], counts["earlierTokens"], counts["erasedSince"]) == (4, 0, [])
    assert said == ""


@pytest.mark.parametrize(("into", "has_decisions"), [("transactions", True), ("alerts", False)])
def test_only_transactions_are_to_be_redriven(desk: Command, into: str, *, has_decisions: bool) -> None:
    source = BACKUP if has_decisions else ALERTS
    ran = desk("restore", "table", source, "--into", into, "--dry-run")
    assert ran.code == 0, ran.err
    assert ("redrive them" in ran.out) == has_decisions


def test_who_was_erased_since_is_to_be_erased_again(desk: Command, system: System) -> None:
    receipts = [erase(system, "a"), erase(system, "b")]
    for option in ("--dry-run", "--overwrite"):
        counts, said = restored(desk, option)
        assert counts["erasedSince"] == receipts
        assert "2 erasures ended" in said
        assert "erase them again" in said


def test_receipts_that_cannot_be_listed_are_no_promise(
    desk: Command, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    del system
    monkeypatch.setenv("FRAUDSTREAM_BUCKET", "bucket-of-somebody-else")
    counts, said = restored(desk)
    assert (counts["added"], counts["erasedSince"]) == (4, None)
    assert "erase those people again" in said


def test_tokens_of_an_earlier_number_are_to_be_given_the_newest(desk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUDSTREAM_TOKEN_KEYS", "2")
    counts, said = restored(desk)
    assert counts["earlierTokens"] == 1
    assert "fraudstream tokens rekey" in said


def test_erasures_that_ended_before_the_restored_second_are_not_told(desk: Command, system: System) -> None:
    del desk
    erase(system, "before")
    time.sleep(1.1)
    moment = datetime.now(UTC).replace(microsecond=0)
    receipt = erase(system, "after")
    assert erasures_since(system.s3, BUCKET, moment) == [receipt]
    assert len(erasures_since(system.s3, BUCKET, None)) == 2


def test_the_second_is_what_aws_says_of_the_table(desk: Command, system: System) -> None:
    del desk
    assert restored_to(system.dynamodb, BACKUP) is None
    moment = datetime(2026, 11, 23, 9, 59, tzinfo=UTC)

    def say(parsed: dict[str, Any], **_: object) -> None:
        parsed["Table"]["RestoreSummary"] = {"RestoreDateTime": moment, "RestoreInProgress": False}

    system.dynamodb.meta.events.register("after-call.dynamodb.DescribeTable", say)
    assert restored_to(system.dynamodb, BACKUP) == moment


@pytest.fixture
def labelled_since(fraudstream: Command, system: System) -> Command:
    """A stack that has lost its alerts; a restored table has all of them open, and two were labelled since."""
    for name in ("waits", "labelled", "reopened", "approval-waits"):
        system.alert(name)
    label(system, "reopened", at=NOW + 1000)
    said = Label(label=Truth.FRAUD, label_source="analyst", labeled_at=NOW + 1000)
    AlertStore(system.dynamodb, ALERTS, retention_days=1).close("reopened", said)
    Assignments(system.dynamodb, ALERTS).reopen("reopened", "arn:ann", case_id="case")
    system.dynamodb.create_table(
        TableName=BACKUP,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "transactionId", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "transactionId", "KeyType": "HASH"}],
    )
    for item in system.dynamodb.scan(TableName=ALERTS)["Items"]:
        system.dynamodb.put_item(TableName=BACKUP, Item=item)
        system.dynamodb.delete_item(TableName=ALERTS, Key={"transactionId": item["transactionId"]})
    label(system, "labelled", at=NOW + 2000)
    label(system, "approval-waits", at=NOW + 2000, is_learnt=False)
    return fraudstream


def label(system: System, name: str, *, at: int, is_learnt: bool = True) -> None:
    values = {":fraud": "FRAUD", ":at": at}
    learnt = ", learntLabel = :fraud, learntLabeledAt = :at" if is_learnt else ""
    system.dynamodb.update_item(
        TableName=TRANSACTIONS,
        Key=to_item({"transactionId": name, "timestamp": NOW}),
        UpdateExpression=f"SET label = :fraud, labeledAt = :at{learnt}",
        ExpressionAttributeValues=to_item(values),
    )


def test_alerts_labelled_after_the_restored_second_are_closed_again(labelled_since: Command, system: System) -> None:
    def state() -> dict[str, str]:
        items = system.dynamodb.scan(TableName=ALERTS)["Items"]
        return {str(each["transactionId"].get("S")): str(each["status"].get("S")) for each in items}

    looked, _ = restored(labelled_since, "--into", "alerts", "--dry-run")
    assert (looked["closedAgain"], state()) == (1, {})
    counts, _ = restored(labelled_since, "--into", "alerts")
    assert (counts["added"], counts["closedAgain"]) == (4, 1)
    assert state() == {"waits": "OPEN", "labelled": "CLOSED", "reopened": "OPEN", "approval-waits": "OPEN"}
    again, _ = restored(labelled_since, "--into", "alerts")
    assert (again["kept"], again["closedAgain"]) == (1, 0)
