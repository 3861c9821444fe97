"""Which alerts are in a case: each is in one; the first work on it keeps all of it; it ends with its last alert."""

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream_tools.operations.cases.case import CaseEventKind
from fraudstream_tools.operations.review.alert_summary import AlertStatus
from tests.console_harness import BEN, Browser, act, browser_on, case_of, words
from tests.integration.cli.review_harness import System
from tests.integration.console.test_cases import decide_all, in_queue

CARD, CUSTOMER, OTHER = ("tok_" + letter * 22 for letter in "cpq")


@pytest.fixture
def reopened(browser: Browser, system: System) -> Browser:
    """Have somebody close a case, take what is raised later, and open the first one again."""
    system.alert("a-1", customer=CUSTOMER)
    act(browser, "a-1", "decide", label="LEGITIMATE", note="paid so before")
    system.alert("a-2", customer=CUSTOMER)
    act(browser, "a-2", "take")
    act(browser, "a-1", "reopen", text="the customer denies it now")
    return browser


def test_a_case_ends_with_its_last_alert_though_another_cases_page_decides_it(reopened: Browser) -> None:
    assert case_of(reopened, "a-1").case_id != case_of(reopened, "a-2").case_id
    assert "Of this case, nothing is open any more" in decide_all(reopened, "a-2")
    for name in ("a-1", "a-2"):
        case = case_of(reopened, name)
        assert (case.alerts, case.status) == ((name,), AlertStatus.CLOSED)
        assert case.events[-1].what is CaseEventKind.CLOSED
        assert case.events[-1].text == f"FRAUD, all of them: {name}"


def test_an_alert_of_another_customers_case_ends_that_case(browser: Browser, system: System) -> None:
    system.alert("a-1", customer=CUSTOMER, card_token=CARD)
    system.alert("a-2", customer=OTHER, card_token=CARD)
    act(browser, "a-1", "take")
    act(browser, "a-1", "decide", label="FRAUD", note="denied")
    system.alert("b-1", customer=OTHER)
    decide_all(browser, "b-1")
    assert case_of(browser, "a-2").alerts == ("a-1", "a-2")
    assert case_of(browser, "a-2").status is AlertStatus.CLOSED
    assert case_of(browser, "b-1").alerts == ("b-1",)


def test_what_is_decided_beside_another_customers_case_ends_its_own(browser: Browser, system: System) -> None:
    system.alert("a-1", customer=CUSTOMER, card_token=CARD)
    system.alert("a-2", customer=OTHER, card_token=CARD)
    act(browser, "a-1", "take")
    system.alert("b-1", customer=OTHER)
    decide_all(browser, "a-2")
    assert case_of(browser, "a-1").status is AlertStatus.CLOSED
    assert (case_of(browser, "b-1").alerts, case_of(browser, "b-1").status) == (("b-1",), AlertStatus.CLOSED)


def test_a_page_says_that_it_shows_alerts_of_other_customers(browser: Browser, system: System) -> None:
    system.alert("a-1", customer=CUSTOMER, card_token=CARD)
    system.alert("a-2", customer=OTHER, card_token=CARD)
    assert "Alerts of this customer transaction" in words(browser.page("/case", id="a-1"))
    act(browser, "a-1", "take")
    assert "Alerts of this customer, and of others in the case" in words(browser.page("/case", id="a-1"))


def test_whoever_takes_a_case_leaves_alerts_in_the_case_they_are_in(reopened: Browser) -> None:
    for name in ("a-1", "a-2"):
        act(reopened, name, "give-back")
    assert "Take it" in words(reopened.page("/case", id="a-2"))
    assert "You have this case now, with 1 alert." in act(reopened, "a-2", "take")
    assert case_of(reopened, "a-2").alerts == ("a-2",)
    assert in_queue(reopened, who="nobody") == ["a-1"]


@pytest.mark.parametrize(("action", "state"), [("snooze", "snoozed"), ("note", "open")])
def test_the_first_work_on_a_case_keeps_all_of_it(browser: Browser, system: System, action: str, state: str) -> None:
    system.alert("a-1", customer=CUSTOMER, score=90)
    system.alert("a-2", customer=CUSTOMER, card_token=CARD)
    system.alert("a-3", customer=OTHER, card_token=CARD)
    fields = {"hours": "4"} if action == "snooze" else {}
    act(browser, "a-2", action, text="the bank calls back", **fields)
    assert set(case_of(browser, "a-1").alerts) == {"a-1", "a-2", "a-3"}
    assert [in_queue(browser, state=each) for each in ("open", "snoozed")] == (
        [[], ["a-1"]] if state == "snoozed" else [["a-1"], []]
    )
    # What is raised later is seen, until somebody takes it or works on it.
    system.alert("b-1", customer=CUSTOMER)
    act(browser, "a-2", action, text="they called", **fields)
    assert "b-1" in in_queue(browser)


def test_a_snooze_that_is_refused_leaves_the_alert_as_it_was(
    aws: MinistackServer, browser: Browser, system: System
) -> None:
    system.alert("a-1", customer=CUSTOMER)
    act(browser, "a-1", "take")
    system.alert("a-2", customer=CUSTOMER)
    ben = browser_on(aws, BEN).enter()
    assert "works on this case" in act(ben, "a-2", "snooze", text="the bank calls back", hours="4")
    alert = browser.system.queue.get("a-2")
    assert alert is not None
    assert alert.case_id is None
