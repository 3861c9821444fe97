"""A legal hold stays until it is released by name, and both leave records of who did it."""

import json

import pytest

from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.audit.records import AuditLog
from fraudstream_tools.operations.privacy.holds import AlreadyHeldError, Hold, find_hold, set_hold
from tests.aws_harness import create_profiles_table, create_table
from tests.cli_harness import Command
from tests.console_harness import PROFILES
from tests.integration.cli.review_harness import BUCKET, System
from tests.integration.cli.test_records import records

ANN = "tok_" + "a" * 22


@pytest.fixture
def desk(fraudstream: Command, system: System, monkeypatch: pytest.MonkeyPatch) -> Command:
    create_profiles_table(system.dynamodb, PROFILES)
    monkeypatch.setenv("FRAUDSTREAM_PROFILES_TABLE", PROFILES)
    return fraudstream


def test_a_second_hold_is_refused_and_the_first_one_stays(desk: Command, system: System) -> None:
    assert desk("hold", "--customer", ANN, "--reason", "case 4711").code == 0
    (held,) = system.dynamodb.scan(TableName=PROFILES)["Items"]
    ran = desk("hold", "--customer", ANN, "--reason", "case 4712")
    assert ran.code == 1
    assert "under a legal hold since 20" in ran.err
    assert "case 4711" in ran.err
    assert system.dynamodb.scan(TableName=PROFILES)["Items"] == [held]


def test_a_hold_on_somebody_whom_no_profile_knows_says_so(desk: Command, system: System) -> None:
    """An id that was written wrong would keep nobody from being erased."""
    ran = desk("hold", "--customer", ANN, "--reason", "case 4711")
    assert (ran.code, "is it the id that your systems have?" in ran.err) == (0, True)
    system.dynamodb.put_item(TableName=PROFILES, Item=to_item({"entity": f"customer#{ANN}", "state": b"\x01"}))
    assert desk("hold", "--customer", ANN, "--release").err == ""
    assert desk("hold", "--customer", ANN, "--reason", "case 4711").err == ""


def test_one_that_is_set_in_between_is_not_replaced_either(desk: Command, system: System) -> None:
    operator = Operator(user_id="AIDA", arn="arn:aws:iam::123456789012:user/ann")
    audit = AuditLog(system.s3, BUCKET, operator)
    mine, theirs = Hold(ANN, "case 4712", operator.arn, 2), Hold(ANN, "case 4711", operator.arn, 1)

    def overtake(**_: object) -> None:
        system.dynamodb.meta.events.unregister(event, overtake)
        set_hold(system.dynamodb, PROFILES, theirs, tokens=[ANN], audit=audit)

    event = "provide-client-params.dynamodb.PutItem"
    system.dynamodb.meta.events.register(event, overtake)
    with pytest.raises(AlreadyHeldError, match="case 4711"):
        set_hold(system.dynamodb, PROFILES, mine, tokens=[ANN], audit=audit)
    assert find_hold(system.dynamodb, PROFILES, [ANN]) == theirs
    assert [each["outcome"] for each in records(system)] == ["MADE", "MADE", "REFUSED"]
    assert desk("hold", "--customer", ANN, "--release").code == 0


def test_setting_and_releasing_a_hold_leave_records(desk: Command, system: System) -> None:
    desk("hold", "--customer", ANN, "--reason", "case 4711")
    assert desk("hold", "--customer", ANN, "--reason", "case 4712").code == 1
    assert desk("hold", "--customer", ANN, "--release").code == 0
    assert desk("hold", "--customer", ANN, "--release").code == 1
    assert json.loads(desk("hold", "--customer", ANN, "--reason", "case 4712", "--json").out)["held"]
    found = [(each["action"], each["target"], each["reason"], each["outcome"]) for each in records(system)]
    assert found == [
        ("set-hold", f"customer#{ANN}", "case 4711", "MADE"),
        ("release-hold", f"customer#{ANN}", "", "MADE"),
        ("set-hold", f"customer#{ANN}", "case 4712", "MADE"),
    ]
    assert records(system)[1]["before"]["reason"] == "case 4711"


def test_a_hold_after_an_erasure_that_was_broken_off_says_what_is_gone(desk: Command, system: System) -> None:
    assert desk("hold", "--customer", ANN, "--reason", "case 4711").code == 0
    assert "error: nothing was erased: the person" in desk("erase", "--customer", ANN, "--yes").err
    system.dynamodb.put_item(
        TableName=PROFILES, Item=to_item({"entity": f"customer#{ANN}", "version": 2, "erasedAt": 1_767_600_000_000})
    )
    said = desk("erase", "--customer", ANN, "--yes").err
    assert "error: nothing more was erased: the person is under a legal hold" in said
    assert "the erasure that began on 2026-01-05 has removed the person's profile" in said
    assert f"fraudstream hold --customer {ANN} --release" in said


def test_holds_come_back_from_a_restored_table_of_profiles(desk: Command, system: System) -> None:
    dynamodb = system.dynamodb
    assert desk("hold", "--customer", ANN, "--reason", "case 4711").code == 0
    dynamodb.put_item(TableName=PROFILES, Item=to_item({"entity": f"customer#{ANN}", "state": b"", "version": 1}))
    before = find_hold(dynamodb, PROFILES, [ANN])
    create_table(dynamodb, "restored", {"entity": "S"})
    for item in dynamodb.scan(TableName=PROFILES)["Items"]:
        dynamodb.put_item(TableName="restored", Item=item)
        dynamodb.delete_item(TableName=PROFILES, Key={"entity": item["entity"]})
    ran = desk("restore", "table", "restored", "--into", "holds", "--json")
    assert (ran.code, json.loads(ran.out)["added"]) == (0, 1)
    assert find_hold(dynamodb, PROFILES, [ANN]) == before
    assert "under a legal hold" in desk("erase", "--customer", ANN, "--yes").err
    # Profiles are rebuilt and not copied.
    assert dynamodb.scan(TableName=PROFILES)["Count"] == 1
