"""Two people and the alerts of one customer: nobody loses a case, or what it waits for, without being asked."""

from collections.abc import Callable
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.cases.case import CaseEventKind, ReviewCase
from fraudstream_tools.operations.cases.store import CaseStore
from fraudstream_tools.operations.review.alert_summary import AlertStatus
from fraudstream_tools.operations.review.assignments import HeldByColleagueError
from tests.console_harness import ANNA, BEN, Browser, act, browser_on, case_of, words
from tests.integration.cli.review_harness import System

CUSTOMER = "tok_" + "p" * 22


@pytest.fixture
def ben(aws: MinistackServer, system: System) -> Browser:
    assert system
    return browser_on(aws, BEN).enter()


@pytest.fixture
def elsewhere(aws: MinistackServer, system: System) -> Browser:
    """Anna at another console: one answers the forms of cases one after the other."""
    assert system
    return browser_on(aws).enter()


@pytest.fixture
def annas_case(browser: Browser, system: System) -> Browser:
    """Have anna take a case of two alerts and snooze it; a third alert comes later."""
    for name in ("ra-0", "ra-1"):
        system.alert(name, customer=CUSTOMER)
    act(browser, "ra-0", "take")
    act(browser, "ra-0", "snooze", hours="24", text="customer calls back")
    system.alert("rb-0", customer=CUSTOMER)
    return browser


def test_a_decision_leaves_a_colleagues_case_and_its_snooze_with_them(annas_case: Browser, ben: Browser) -> None:
    waits_until = case_of(annas_case, "ra-0").snoozed_until
    assert waits_until is not None
    assert "It is labelled FRAUD" in act(ben, "rb-0", "decide", label="FRAUD", note="denied")
    case = case_of(annas_case, "rb-0")
    assert set(case.alerts) == {"ra-0", "ra-1", "rb-0"}
    assert (case.assignee, case.snoozed_until) == (ANNA.arn, waits_until)
    # Her own decision ends what it waits for.
    act(annas_case, "ra-0", "decide", label="FRAUD", note="called back")
    assert (case_of(annas_case, "ra-0").assignee, case_of(annas_case, "ra-0").snoozed_until) == (ANNA.arn, None)


def test_a_reopened_alert_leaves_an_open_case_with_its_colleague(annas_case: Browser, ben: Browser) -> None:
    act(annas_case, "ra-0", "decide", label="FRAUD", note="called back")
    said = act(ben, "ra-0", "reopen", text="found the parcel")
    assert "The alert is open again, and yours; anna has its case" in said
    assert case_of(annas_case, "ra-0").assignee == ANNA.arn
    # A case that is closed is nobody's work: whoever opens it again has it.
    for browser, name in ((ben, "ra-0"), (annas_case, "ra-1"), (annas_case, "rb-0")):
        act(browser, name, "decide", label="FRAUD", note="denied")
    assert (case_of(ben, "ra-1").status, case_of(ben, "ra-1").assignee) == (AlertStatus.CLOSED, ANNA.arn)
    assert "The case is open again, and yours" in act(ben, "ra-1", "reopen", text="found the parcel")
    assert case_of(ben, "ra-1").assignee == BEN.arn


def test_a_new_alert_of_a_colleagues_case_is_taken_over_with_it(annas_case: Browser, ben: Browser) -> None:
    page = words(ben.page("/case", id="rb-0"))
    assert "Nobody has this alert" in page
    assert "anna has the case that it belongs to." in page
    assert "Take it over from anna" in page
    alert = ben.system.queue.get("rb-0")
    assert alert is not None
    with pytest.raises(HeldByColleagueError, match="works on this case"):
        ben.system.work.take(alert)
    # What is refused leaves no trace on the alert.
    assert ben.system.queue.get("rb-0") == alert
    assert "You have this case now, with 3 alerts" in act(ben, "rb-0", "take")
    assert case_of(annas_case, "ra-0").assignee == BEN.arn


def test_an_alert_and_its_case_are_taken_over_from_two_colleagues(
    aws: MinistackServer, annas_case: Browser, ben: Browser
) -> None:
    act(annas_case, "ra-0", "decide", label="FRAUD", note="called back")
    act(ben, "ra-0", "reopen", text="found the parcel")
    page = words(ben.page("/case", id="ra-0"))
    assert "You have this alert" in page
    assert "anna has the case that it belongs to." in page
    carl = browser_on(aws, Operator(user_id="AIDAcarl", arn="arn:aws:iam::1:user/carl")).enter()
    assert "Take it over from ben and anna" in words(carl.page("/case", id="ra-0"))
    assert "You have this case now" in act(carl, "ra-0", "take")
    assert "You have this case" in words(carl.page("/case", id="ra-1"))


def test_what_somebody_has_of_a_colleagues_case_is_given_back_alone(annas_case: Browser, ben: Browser) -> None:
    act(annas_case, "ra-0", "decide", label="FRAUD", note="called back")
    act(ben, "ra-0", "reopen", text="found the parcel")
    assert "What you had of the case is given back; anna has it." in act(ben, "ra-0", "give-back")
    assert [each.assignee for each in ben.system.queue.by_ids(["ra-0", "ra-1"])] == [None, ANNA.arn]
    assert case_of(annas_case, "ra-0").assignee == ANNA.arn


def test_a_case_is_its_holders_also_where_nobody_has_what_is_open_of_it(annas_case: Browser, ben: Browser) -> None:
    act(annas_case, "ra-0", "decide", label="FRAUD", note="called back")
    act(ben, "ra-0", "reopen", text="found the parcel")
    act(ben, "ra-0", "give-back")
    for name in ("ra-1", "rb-0"):
        act(annas_case, name, "decide", label="FRAUD", note="called back")
    listed = {who: "ra-0" in annas_case.page("/queue", who=who) for who in ("me", "nobody", BEN.arn)}
    assert listed == {"me": True, "nobody": False, BEN.arn: False}
    assert "anna" in words(ben.page("/queue"))


def in_between(monkeypatch: pytest.MonkeyPatch, what: Callable[[], object]) -> None:
    """Have something happen once, after somebody has looked at a case and before they write it."""
    change = CaseStore.change

    def later(store: CaseStore, *arguments: Any, **more: Any) -> ReviewCase:
        monkeypatch.setattr(CaseStore, "change", change)
        what()
        return store.change(*arguments, **more)

    monkeypatch.setattr(CaseStore, "change", later)


def test_a_case_stays_open_whose_last_alert_is_decided_as_another_joins(
    browser: Browser, ben: Browser, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.alert("ra-0", customer=CUSTOMER)
    act(ben, "ra-0", "note", text="called")

    def join() -> None:
        system.alert("rb-0", customer=CUSTOMER)
        act(ben, "rb-0", "note", text="the same customer")

    in_between(monkeypatch, join)
    act(browser, "ra-0", "decide", label="FRAUD", note="denied")
    case = case_of(browser, "rb-0")
    assert (case.status, case.alerts) == (AlertStatus.OPEN, ("ra-0", "rb-0"))
    assert case.events[-1].what is CaseEventKind.DECIDED
    act(browser, "rb-0", "decide", label="FRAUD", note="denied too")
    assert case_of(browser, "rb-0").status is AlertStatus.CLOSED


@pytest.mark.parametrize("action", [("take", {}), ("note", {"text": "x"}), ("snooze", {"hours": "24", "text": "x"})])
def test_an_open_alert_opens_the_case_again_that_it_joins_as_it_closes(
    browser: Browser,
    elsewhere: Browser,
    system: System,
    monkeypatch: pytest.MonkeyPatch,
    action: tuple[str, dict[str, str]],
) -> None:
    system.alert("ra-0", customer=CUSTOMER)
    act(elsewhere, "ra-0", "note", text="called")
    system.alert("rb-0", customer=CUSTOMER)
    name, fields = action
    in_between(monkeypatch, lambda: act(elsewhere, "ra-0", "decide", label="FRAUD", note="denied"))
    act(browser, "rb-0", name, **fields)
    case = case_of(browser, "rb-0")
    assert (case.status, case.closed_at, case.alerts) == (AlertStatus.OPEN, None, ("ra-0", "rb-0"))
    assert "rb-0" in browser.page("/queue", state="snoozed" if name == "snooze" else "open")


def test_a_note_on_a_closed_alert_leaves_its_case_closed(browser: Browser, ben: Browser, system: System) -> None:
    system.alert("ra-0", customer=CUSTOMER)
    act(browser, "ra-0", "decide", label="FRAUD", note="denied")
    act(ben, "ra-0", "note", text="the bank agrees")
    assert case_of(browser, "ra-0").status is AlertStatus.CLOSED
