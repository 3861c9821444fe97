"""Commands leave the records that the console leaves: who changed what, and what was refused."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.audit.records import AuditLog, AuditOutcome
from tests.aws_harness import create_profiles_table
from tests.cli_harness import Command
from tests.console_harness import PROFILES, RULES, put_ruleset
from tests.integration.cli.review_harness import BUCKET, System

TOKEN = "tok_" + "k" * 22
CARD = "4111111111111111"


@pytest.fixture
def desk(fraudstream: Command, system: System, monkeypatch: pytest.MonkeyPatch) -> Command:
    create_profiles_table(system.dynamodb, PROFILES)
    monkeypatch.setenv("FRAUDSTREAM_PROFILES_TABLE", PROFILES)
    system.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    put_ruleset(system)
    return fraudstream


def records(system: System) -> list[Mapping[str, Any]]:
    """Return today's records, oldest first."""
    log = AuditLog(system.s3, BUCKET, Operator(user_id="", arn=""))
    found, _ = log.of_day(datetime.now(UTC).date(), 100)
    return [msgspec.to_builtins(each) for each in reversed(found)]


def told(system: System) -> list[tuple[str, str]]:
    return [(each["action"], each["target"]) for each in records(system)]


def test_labels_and_actions_leave_records(desk: Command, system: System) -> None:
    for name in ("t-1", "t-2"):
        system.alert(name)
    assert desk("label", "t-1", "--fraud").code == 0
    assert desk("labels", "set", "t-1", "--fraud", "--type", "FIRST_PARTY", "--source", "chargeback").code == 0
    assert desk("labels", "action", "t-1", "REVERSED").code == 0
    assert desk("alerts", "close", "t-2", "--legitimate").code == 0
    assert told(system) == [
        ("label-transaction", "transaction#t-1"),
        ("label-transaction", "transaction#t-1"),
        ("tell-action", "transaction#t-1"),
        ("label-transaction", "transaction#t-2"),
    ]
    assert records(system)[1]["after"] == {"label": "FRAUD", "labelSource": "chargeback", "fraudType": "FIRST_PARTY"}
    before: list[dict[str, str | None]] = [{"label": None}, {"label": "FRAUD"}, {"actionTaken": None}, {"label": None}]
    assert [each["before"] for each in records(system)] == before


def test_a_label_that_is_refused_is_recorded_as_such(desk: Command, system: System) -> None:
    assert desk("label", "nobody", "--fraud").code == 1
    assert [each["outcome"] for each in records(system)] == ["MADE", "REFUSED"]


@pytest.mark.parametrize("command", [("label", CARD, "--fraud"), ("labels", "action", CARD, "BLOCKED")])
def test_a_record_holds_no_card_number_that_was_typed_for_an_id(
    desk: Command, system: System, command: tuple[str, ...]
) -> None:
    assert desk(*command).code == 1
    found = records(system)
    assert [each["outcome"] for each in found] == ["MADE", "REFUSED"]
    assert CARD not in json.dumps(found)


def test_a_file_of_labels_leaves_one_record(desk: Command, system: System, tmp_path: Path) -> None:
    system.store("t-1")
    file = tmp_path / "labels.csv"
    file.write_text("transactionId,label,source,labeledAt\nt-1,FRAUD,chargeback,2026-11-23T10:00:00Z\n")
    ran = desk("labels", "import", file)
    assert ran.code in (0, 1), ran.err
    assert told(system) == [("import-labels", "labels")]
    assert records(system)[0]["after"] == {"sources": ["chargeback"], "payments": 1}


def test_lists_leave_records(desk: Command, system: System) -> None:
    assert desk("lists", "add", "blocked", "card", TOKEN, "--reason", "tried at ten shops").code == 0
    assert desk("lists", "remove", "blocked", "card", TOKEN, "--reason", "cleared").code == 0
    added, removed = records(system)
    assert (added["action"], added["target"], added["reason"]) == ("add-to-list", f"card#{TOKEN}", "tried at ten shops")
    assert (removed["action"], removed["before"]["list"]) == ("remove-from-list", "blocked")


def test_a_deployed_ruleset_leaves_a_record(desk: Command, system: System, tmp_path: Path) -> None:
    for name in ("ruleset.yaml", "rates.yaml", "lists.yaml"):
        (tmp_path / name).write_bytes((RULES / name).read_bytes())
    with (tmp_path / "ruleset.yaml").open("a") as file:
        file.write("# stricter\n")
    ran = desk("rules", "deploy", tmp_path, "--reason", "stricter", "--yes")
    assert ran.code == 0, ran.err
    (record,) = records(system)
    assert (record["action"], record["target"], record["reason"]) == ("publish-rules", "ruleset", "stricter")


def test_a_change_that_is_stopped_is_recorded_as_in_doubt(system: System) -> None:
    log = AuditLog(system.s3, BUCKET, Operator(user_id="AIDAann", arn="arn:aws:iam::1:user/ann"))
    for stop in (KeyboardInterrupt, SystemExit):
        with pytest.raises(stop), log.recorded("publish-rules", "ruleset", reason="x"):
            raise stop
    found, _ = log.of_day(datetime.now(UTC).date(), 100)
    first, second = (each.id for each in found if each.outcome == "MADE")
    assert {each.doubts for each in found if each.outcome == "UNKNOWN"} == {first, second}


@pytest.mark.parametrize("broken", [KeyboardInterrupt(), ReadTimeoutError(endpoint_url="https://s3")])
def test_a_change_that_never_began_does_not_stand_as_made(
    system: System, monkeypatch: pytest.MonkeyPatch, broken: BaseException
) -> None:
    log = AuditLog(system.s3, BUCKET, Operator(user_id="AIDAann", arn="arn:aws:iam::1:user/ann"))
    put, begun = system.s3.put_object, list[str]()

    def lose_the_first_answer(**asked: Any) -> object:
        answer = put(**asked)
        if not begun:
            begun.append("the record")
            raise broken
        return answer

    monkeypatch.setattr(system.s3, "put_object", lose_the_first_answer)
    with pytest.raises(type(broken)), log.recorded("publish-rules", "ruleset", reason="x"):
        begun.append("the change")
    assert begun == ["the record"]
    found = {each.outcome: each for each in log.of_day(datetime.now(UTC).date(), 100)[0]}
    assert set(found) == {"MADE", "REFUSED"}
    assert found[AuditOutcome.REFUSED].refuses == found[AuditOutcome.MADE].id


def test_a_record_that_cannot_be_written_is_why_nothing_is_done(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = AuditLog(system.s3, BUCKET, Operator(user_id="AIDAann", arn="arn:aws:iam::1:user/ann"))

    def unreachable(**_: Any) -> object:
        raise EndpointConnectionError(endpoint_url="https://s3")

    monkeypatch.setattr(system.s3, "put_object", unreachable)
    with pytest.raises(EndpointConnectionError), log.recorded("publish-rules", "ruleset", reason="x"):
        raise AssertionError
