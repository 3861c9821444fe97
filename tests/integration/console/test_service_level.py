"""How long cases wait, which alarms ring, and the way to the team's own system."""

import time

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.durations import DAY, HOUR
from fraudstream_tools.console.pages import queue, today
from fraudstream_tools.operations.cases.queue import CaseQuery, CaseState
from fraudstream_tools.operations.cases.service_level import ServiceLevel
from tests.console_harness import Browser, act, words
from tests.integration.cli.review_harness import System
from tests.integration.console.test_cases import in_queue

CUSTOMER, OTHER = ("tok_" + letter * 22 for letter in "pq")


@pytest.fixture
def promised(browser: Browser) -> Browser:
    browser.system.service_level = ServiceLevel(hours=24, expiry_days=30)
    return browser


def ago(milliseconds: int) -> int:
    return int(time.time() * 1000) - milliseconds


def test_a_case_that_waits_longer_than_promised_is_marked(promised: Browser, system: System) -> None:
    system.alert("fresh", at=ago(HOUR), customer=CUSTOMER)
    system.alert("old", at=ago(2 * DAY), customer=OTHER)
    page = promised.page("/queue")
    assert "1 of these is late" in words(page)
    late, *others = [row for row in page.split("<tr>") if ">late<" in row]
    assert ">old<" in late
    assert others == []
    assert "1 that nobody has is older than the 24 hours" in words(promised.page("/"))
    act(promised, "old", "take")
    assert "0 that nobody has are older" in words(promised.page("/"))


def test_what_nobody_takes_leaves_the_queue_and_can_still_be_worked(promised: Browser, system: System) -> None:
    system.alert("fresh", at=ago(HOUR), customer=CUSTOMER)
    system.alert("old", at=ago(31 * DAY), customer=OTHER)
    assert in_queue(promised) == ["fresh"]
    assert in_queue(promised, state="expired") == ["old"]
    act(promised, "old", "take")
    assert set(in_queue(promised)) == {"fresh", "old"}
    assert in_queue(promised, state="expired") == []


def test_a_new_alert_brings_an_expired_case_back(promised: Browser, system: System) -> None:
    system.alert("old", at=ago(31 * DAY), customer=CUSTOMER)
    assert in_queue(promised) == []
    system.alert("new", at=ago(HOUR), customer=CUSTOMER)
    (case,) = promised.system.case_queue.find(CaseQuery(), among=10)
    assert {alert.transaction_id for alert in case.alerts} == {"old", "new"}


def test_what_has_expired_hides_nothing_that_waits(
    promised: Browser, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        system.alert(f"old-{number}", at=ago(31 * DAY + number), customer=OTHER)
    system.alert("taken", at=ago(40 * DAY), customer=CUSTOMER)
    act(promised, "taken", "take")
    for number in range(2):
        system.alert(f"fresh-{number}", at=ago((2 - number) * HOUR), customer=f"tok_{number:022}")
    monkeypatch.setattr(today, "LOOKED_AT", 4)
    monkeypatch.setattr(queue, "LOOKED_AT", 4)
    said = words(promised.page("/"))
    assert "3 open cases: 2 that nobody has, 1 that you have" in said
    assert "Only those of the oldest 4 alerts were counted." in said
    assert in_queue(promised, sort="oldest") == ["taken", "fresh-0", "fresh-1"]


def test_without_a_promise_nothing_is_late_and_nothing_expires(browser: Browser, system: System) -> None:
    system.alert("old", at=ago(300 * DAY))
    page = browser.page("/queue")
    assert "late" not in words(page)
    assert browser.system.case_queue.find(CaseQuery(state=CaseState.EXPIRED), among=10) == []
    assert ServiceLevel.of_outputs(None, None) == ServiceLevel()
    assert ServiceLevel.of_outputs("8", "0") == ServiceLevel(hours=8)


def test_alarms_of_this_stack_that_ring_are_told(aws: MinistackServer, browser: Browser) -> None:
    assert "watches deployed stacks alone" in words(browser.page("/"))
    cloudwatch = browser.system.cloudwatch = aws.client("cloudwatch")
    browser.system.environment = "test"
    for name in ("alarm-dead-letters-test", "alarm-undecided-test", "alarm-dead-letters-other"):
        cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace="any", MetricName="any", Statistic="Sum", Period=60, EvaluationPeriods=1,
            Threshold=1, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
    assert "alarms none rings" in words(browser.page("/"))
    for name in ("alarm-dead-letters-test", "alarm-dead-letters-other"):
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="three messages are there")
    said = words(browser.page("/"))
    assert "three messages are there" in said
    assert said.count("dead-letters") == 1
    assert "undecided" not in said


def test_a_transaction_leads_to_the_teams_own_system(browser: Browser, system: System) -> None:
    system.store("t/1")
    assert "Look it up in your system" not in browser.page("/case", id="t/1")
    browser.system.back_office = "https://office.example.com/payments/{transactionId}?from=console"
    page = browser.page("/case", id="t/1")
    assert 'href="https://office.example.com/payments/t%2F1?from=console" rel="noreferrer noopener"' in page


def test_today_says_what_it_counts_where_cases_are_snoozed(
    browser: Browser, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        system.alert(f"a-{number}", at=ago((3 - number) * HOUR), customer=f"tok_{number:022}")
    assert "were counted" not in words(browser.page("/"))
    act(browser, "a-0", "snooze", hours="4", text="the shop answers on Monday")
    monkeypatch.setattr(today, "LOOKED_AT", 2)
    assert "Only those of the oldest 2 alerts were counted." in words(browser.page("/"))
