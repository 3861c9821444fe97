"""`cases`: the same work as in the console, by command."""

import json
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.transactions.decisions.decision import Truth
from fraudstream_tools.cli.review import cases
from fraudstream_tools.cli.support.shown.review.case_words import NOTHING
from fraudstream_tools.console.system import ConsoleSystem
from fraudstream_tools.operations.investigation import search
from fraudstream_tools.operations.review.alert_summary import AlertSummary
from tests.aws_harness import create_profiles_table
from tests.cli_harness import Command
from tests.console_harness import BEN, PROFILES, browser_on, desk_command, put_ruleset
from tests.integration.cli.review_harness import System


@pytest.fixture
def fraudstream(aws: MinistackServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return desk_command(aws, capsys, monkeypatch)


def as_json(fraudstream: Command, *command: str) -> Any:
    return json.loads(fraudstream("cases", *command, "--json").out)


def test_a_case_is_worked_from_the_queue_to_closed_and_opened_again(fraudstream: Command, system: System) -> None:
    for name in ("a-1", "a-2"):
        system.alert(name, customer="tok_p")
    (queued,) = as_json(fraudstream, "list", "--free")
    assert queued["case"] is None
    assert len(queued["alerts"]) == 2
    untaken = fraudstream("cases", "show", "a-1").out
    assert "nobody has taken it yet; 2 alerts" in untaken
    assert ("a-1" in untaken, "a-2" in untaken) == (True, True)
    assert [each["transactionId"] for each in as_json(fraudstream, "show", "a-1")["alerts"]] == ["a-1", "a-2"]
    assert "with 2 alerts" in fraudstream("cases", "take", "a-1").out
    assert as_json(fraudstream, "list", "--free") == []
    fraudstream("cases", "note", "a-1", "--note", "called")
    fraudstream("cases", "snooze", "a-1", "--for", "4h", "--note", "calls back")
    assert [each["case"]["version"] > 1 for each in as_json(fraudstream, "list", "--state", "snoozed")] == [True]
    fraudstream("cases", "wake", "a-1")
    said = fraudstream("cases", "decide", "a-1", "--fraud", "--whole", "--note", "denied").out
    assert "a-1: FRAUD, and 1 more of the case" in said
    assert as_json(fraudstream, "list") == []
    fraudstream("cases", "reopen", "a-2", "--note", "called again")
    said = fraudstream("cases", "hand-over", "a-2", "--to", "ben", "--note", "speaks Dutch").out
    assert "Nobody of this name has worked here yet" in said
    case = as_json(fraudstream, "show", "a-2")
    assert case["assignee"].endswith("ben")
    assert [event["what"] for event in case["events"]][-3:] == ["closed", "reopened", "handed over"]
    shown = fraudstream("cases", "show", "a-2").out
    assert "noted by" in shown
    assert "DECLINE" in shown
    assert len(json.loads(fraudstream("audit", "--json").out)) == 9


def test_each_step_tells_a_program_the_case_as_it_is_then(fraudstream: Command, system: System) -> None:
    system.alert("a-1", customer="tok_p")
    me = as_json(fraudstream, "take", "a-1")["assignee"]
    steps = (
        ("note", "a-1", "--note", "called"),
        ("snooze", "a-1", "--for", "4h", "--note", "calls back"),
        ("wake", "a-1"),
        ("decide", "a-1", "--fraud", "--note", "denied"),
        ("reopen", "a-1", "--note", "called again"),
    )
    told = [as_json(fraudstream, *step) for step in steps]
    assert [each["events"][-1]["by"] for each in told] == [me] * len(steps)
    assert [each["status"] for each in told] == ["OPEN", "OPEN", "OPEN", "CLOSED", "OPEN"]
    assert "snoozedUntil" in told[1]
    assert as_json(fraudstream, "hand-over", "a-1", "--to", "ben", "--note", "speaks Dutch")["assignee"] != me
    refused = fraudstream("cases", "take", "a-1")
    assert refused.code == 1
    assert "ask them, or take it over (`fraudstream cases take --over`)" in refused.err
    assert as_json(fraudstream, "take", "a-1", "--over")["assignee"] == me
    (closed,) = json.loads(fraudstream("alerts", "close", "a-1", "--legitimate", "--json").out)
    assert closed == {"transactionId": "a-1", "label": "LEGITIMATE", "hadOpenAlert": True}


def test_what_cannot_be_done_is_said_and_changes_nothing(fraudstream: Command, system: System) -> None:
    system.alert("a-1")
    assert "has no alert" in fraudstream("cases", "take", "nobody").err
    assert "take it first" in fraudstream("cases", "wake", "a-1").err
    assert "it is open" in fraudstream("cases", "reopen", "a-1", "--note", "x").err
    assert "holds a card number" in fraudstream("cases", "note", "a-1", "--note", "4111 1111 1111 1111").err
    assert "no closed case is like that" in fraudstream("cases", "list", "--state", "closed").out


def test_what_is_not_snoozed_is_not_woken(fraudstream: Command, system: System) -> None:
    system.alert("a-1")
    fraudstream("cases", "take", "a-1")
    before = as_json(fraudstream, "show", "a-1")
    refused = fraudstream("cases", "wake", "a-1")
    assert (refused.code, refused.out) == (1, "")
    assert "nothing was changed: this case is not snoozed" in refused.err
    assert as_json(fraudstream, "show", "a-1") == before
    assert [each["action"] for each in json.loads(fraudstream("audit", "--json").out)] == ["take-alert"]


def test_a_list_that_is_cut_off_says_so(fraudstream: Command, system: System) -> None:
    for name in ("a", "b", "c"):
        system.alert(f"{name}-1", customer="tok_" + name * 22)
    for form in ((), ("--json",)):
        assert fraudstream("cases", "list", "--limit", 2, *form).err == "the first 2; --limit shows more\n"
        assert fraudstream("cases", "list", "--limit", 4, *form).err == ""


def test_the_list_names_the_currency_of_its_values_and_what_has_no_rate(fraudstream: Command, system: System) -> None:
    system.alert("in-euros", customer="tok_p", amount_minor=123_456)
    system.alert("without-rate", customer="tok_q", currency="NGN")
    assert "value in" not in fraudstream("cases", "list").out
    put_ruleset(system)
    heading, *rows = fraudstream("cases", "list").out.splitlines()
    assert "value in EUR" in heading
    assert [row.split()[:3] for row in rows] == [["in-euros", "1", "1,234.56"], ["without-rate", "1", NOTHING]]


def test_the_list_of_closed_cases_says_what_they_turned_out_to_be(fraudstream: Command, system: System) -> None:
    system.alert("a-1", customer="tok_p")
    fraudstream("cases", "decide", "a-1", "--fraud", "--note", "denied")
    assert "closed as fraud" in fraudstream("cases", "list", "--state", "closed").out


@pytest.fixture
def ben(aws: MinistackServer) -> ConsoleSystem:
    return browser_on(aws, BEN).system


def alert_of(someone: ConsoleSystem, name: str) -> AlertSummary:
    alert = someone.queue.get(name)
    assert alert is not None
    return alert


def test_a_new_alert_of_a_colleagues_case_is_taken_over_as_is_said(
    fraudstream: Command, system: System, ben: ConsoleSystem
) -> None:
    system.alert("a-1", customer="tok_p")
    ben.work.take(alert_of(ben, "a-1"))
    system.alert("a-2", customer="tok_p")
    refused = fraudstream("cases", "take", "a-2").err
    assert f"{BEN.arn} works on this case: ask them, or take it over (`fraudstream cases take --over`)" in refused
    assert "caseId" not in as_json(fraudstream, "show", "a-2")["alerts"][0]
    taken = as_json(fraudstream, "take", "a-2", "--over")
    assert {each["assignee"] for each in (taken, *taken["alerts"])} == {taken["events"][-1]["by"]}
    assert [each["transactionId"] for each in taken["alerts"]] == ["a-1", "a-2"]


def test_a_colleagues_decision_is_not_changed_unknowingly(
    fraudstream: Command, system: System, ben: ConsoleSystem
) -> None:
    system.alert("a-1")
    ben.work.decide("a-1", Truth.FRAUD, "denied", alert=alert_of(ben, "a-1"), seen=None)
    again = ("cases", "decide", "a-1", "--legitimate", "--note", "cleared")
    refused = fraudstream(*again)
    assert refused.code == 1
    assert f"nothing was changed: a-1 was closed as FRAUD, says analyst, by {BEN.arn}." in refused.err
    assert "decide all the same with --over" in " ".join(refused.err.split())
    assert system.item("a-1")["label"] == "FRAUD"
    assert fraudstream(*again, "--over").out == "a-1: LEGITIMATE\n"
    # What is open again is decided like any other.
    fraudstream("cases", "reopen", "a-1", "--note", "called again")
    assert fraudstream("cases", "decide", "a-1", "--fraud", "--note", "denied").code == 0


def test_a_kind_of_what_is_legitimate_leaves_the_alert_as_it_was(
    fraudstream: Command, system: System, ben: ConsoleSystem
) -> None:
    system.alert("a-1")
    alert = alert_of(ben, "a-1")
    refused = fraudstream("cases", "decide", "a-1", "--legitimate", "--type", "FIRST_PARTY", "--note", "cleared")
    assert "nothing was changed: what is legitimate has no kind of fraud" in refused.err
    assert alert_of(ben, "a-1") == alert


def test_a_case_is_shown_with_what_is_open_of_it_and_what_the_rest_was(fraudstream: Command, system: System) -> None:
    for name in ("a-1", "a-2", "a-3"):
        system.alert(name, customer="tok_p")
    fraudstream("cases", "take", "a-1")
    fraudstream("cases", "decide", "a-1", "--fraud", "--note", "denied")
    fraudstream("cases", "decide", "a-2", "--legitimate", "--note", "cleared")
    rows = [line.split() for line in fraudstream("cases", "show", "a-1").out.splitlines()]
    at = next(row.index("state") - len(row) for row in rows if "state" in row)
    assert at == -2, "before the rules"
    states = {row[0]: row[row.index("tok_p") + 1] for row in rows if "tok_p" in row}
    assert states == {"a-1": "FRAUD", "a-2": "LEGITIMATE", "a-3": "open"}


def test_closing_what_a_colleague_has_says_so(fraudstream: Command, system: System, ben: ConsoleSystem) -> None:
    system.alert("a-1", customer="tok_p")
    ben.work.take(alert_of(ben, "a-1"))
    system.alert("a-2", customer="tok_p")
    for name in ("a-2", "a-1"):
        closed = fraudstream("alerts", "close", name, "--fraud")
        assert (closed.code, closed.out) == (0, f"{name}: FRAUD\n")
        assert closed.err == f"{name}: {BEN.arn} worked on it\n"
    again = fraudstream("alerts", "close", "a-1", "--legitimate")
    assert again.err == "a-1 was closed as FRAUD before\n"


def test_who_sees_a_part_of_the_alerts_is_told(
    fraudstream: Command, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_profiles_table(system.dynamodb, PROFILES)
    token = "tok_" + "p" * 22
    for number in range(3):
        system.alert(f"a-{number}", customer=token)
    assert fraudstream("cases", "list").err == ""
    monkeypatch.setattr(cases, "_LOOKED_AT", 2)
    monkeypatch.setattr(search, "ALERTS", 2)
    assert "cases of the newest 2 alerts: others are not looked at" in " ".join(
        fraudstream("cases", "list").err.split()
    )
    assert "the newest 2 alerts, 2 open" in fraudstream("search", token).out
