"""Cases: alerts of one customer or card that are worked on together, with notes, state, assignee and history."""

import re
import time
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.detection.stores.decisions.alerts import close_alert
from fraudstream.durations import DAY, HOUR
from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.operations.cases.case import CaseEventKind, case_key
from fraudstream_tools.operations.cases.queue import CaseQuery, CaseQueue, CaseState
from fraudstream_tools.operations.review.alert_summary import AlertStatus
from fraudstream_tools.operations.review.assignments import AlertTakenError
from fraudstream_tools.operations.review.labels import label_now
from tests.console_harness import ANNA, BEN, Browser, act, browser_on, case_of, words
from tests.integration.cli.review_harness import ALERTS, NOW, TRANSACTIONS, System

CARD, CUSTOMER, OTHER = ("tok_" + letter * 22 for letter in "cpq")


def decide_all(browser: Browser, name: str) -> str:
    """Label an alert and all that the page offers with it, and give what the next page says."""
    page = browser.page("/case", id=name)
    also = re.findall(r'<option value="([^"]+)">this and the', page)
    fields = browser.form(page, "/case/decide") | {"label": "FRAUD", "note": "all of them"}
    return words(browser.send("/case/decide", **fields, also=also[0] if also else ""))


def in_queue(browser: Browser, **query: str) -> list[str]:
    page = browser.page("/queue", **query)
    return [re.split('["&]', part)[0] for part in page.split('href="/case?id=')[1:]]


def test_alerts_of_one_customer_or_card_are_one_row_of_the_queue(browser: Browser, system: System) -> None:
    system.alert("a-1", customer=CUSTOMER, card_token=CARD, score=70)
    system.alert("a-2", customer=CUSTOMER, score=90)
    system.alert("a-3", customer=OTHER, card_token=CARD, score=60)
    system.alert("of-another", customer="tok_" + "r" * 22, amount_minor=99)
    assert in_queue(browser) == ["a-2", "of-another"]
    (found, _) = browser.system.case_queue.find(CaseQuery(), among=100)
    assert [alert.transaction_id for alert in found.alerts] == ["a-2", "a-1", "a-3"]
    assert found.value == pytest.approx(sum(alert.amount_base or 0 for alert in found.alerts))


def test_a_customer_with_more_alerts_than_a_page_has_is_worked_off_in_turns(browser: Browser, system: System) -> None:
    for number in range(120):
        system.alert(f"a-{number:03}", customer=CUSTOMER, card_token=CARD, at=NOW + number)
    assert "Of this case, at least 50 more alerts are open. Take 51 of this customer" in words(
        browser.page("/case", id="a-119")
    )
    assert "You have this case now, with 51 alerts." in act(browser, "a-119", "take")
    assert "at least 51 more alerts are still open" in decide_all(browser, "a-119")
    # The newest are closed, and the page of an older one finds those that are open all the same.
    act(browser, "a-000", "take")
    assert "more alerts are still open" in decide_all(browser, "a-000")
    assert "Of this case, nothing is open any more" in decide_all(browser, "a-010")
    assert browser.system.queue.open_of_customer(CUSTOMER, 200) == []


def test_taking_keeps_the_case_with_all_its_alerts_and_the_card_they_share(browser: Browser, system: System) -> None:
    system.alert("a-1", customer=CUSTOMER, card_token=CARD)
    system.alert("a-2", customer=CUSTOMER)
    system.alert("a-3", customer=OTHER, card_token=CARD)
    before = words(browser.page("/case", id="a-1"))
    assert "Of this case, 1 more alert is open. 1 more alert of this card is open at another customer: a-3" in before
    assert "Take all 3 of this customer and card" in before
    assert "with 3 alerts" in act(browser, "a-1", "take")
    assert "of this card" not in words(browser.page("/case", id="a-1"))
    case = case_of(browser, "a-3")
    # Cases are read by their ids, and stand in no index by status.
    assert "statusShard" not in system.dynamodb.get_item(TableName=ALERTS, Key=case_key(case.case_id))["Item"]
    assert set(case.alerts) == {"a-1", "a-2", "a-3"}
    assert (case.assignee, case.entity, case.status) == (ANNA.arn, f"customer#{CUSTOMER}", AlertStatus.OPEN)
    assert [event.what for event in case.events] == [CaseEventKind.OPENED, CaseEventKind.TAKEN, CaseEventKind.JOINED]
    # What is raised later belongs to the open case, too.
    system.alert("a-4", customer=CUSTOMER)
    act(browser, "a-4", "take")
    assert case_of(browser, "a-4").case_id == case.case_id


def test_who_decides_a_case_is_told_what_is_open_of_its_card(browser: Browser, system: System) -> None:
    for name, customer in (("a-1", CUSTOMER), ("a-2", OTHER), ("a-3", OTHER)):
        system.alert(name, customer=customer, card_token=CARD)
    said = act(browser, "a-1", "decide", label="FRAUD", note="denied")
    assert "nothing is open any more; 2 alerts of its card are open at another customer." in said
    # Of a case that holds them, they are the rest.
    act(browser, "a-2", "take")
    said = act(browser, "a-2", "decide", label="FRAUD", note="denied")
    assert "1 more alert is still open." in said
    assert "of its card" not in said


def test_of_two_who_take_alerts_of_a_customer_one_is_told_of_the_other(
    aws: MinistackServer, browser: Browser, system: System
) -> None:
    for name in ("a-1", "a-2"):
        system.alert(name, customer=CUSTOMER)
    ben = browser_on(aws, BEN).enter()
    form = ben.form(ben.page("/case", id="a-2"), "/case/take")
    act(browser, "a-1", "take")
    system.alert("a-3", customer=CUSTOMER)
    assert "changed: anna works on" in words(ben.send("/case/take", **form))
    alert = browser.system.queue.get("a-3")
    assert alert is not None
    with pytest.raises(AlertTakenError, match="works on this case"):
        ben.system.work.take(alert)
    assert case_of(browser, "a-2").assignee == ANNA.arn


def test_notes_are_kept_with_the_case_by_whoever_writes_them(
    aws: MinistackServer, browser: Browser, system: System
) -> None:
    system.alert("a-1", customer=CUSTOMER)
    assert "The note is kept" in act(browser, "a-1", "note", text="called twice, nobody answers")
    ben = browser_on(aws, BEN).enter()
    act(ben, "a-1", "note", text="answers after 6 pm")
    page = words(browser.page("/case", id="a-1"))
    assert "ben : answers after 6 pm" in page
    assert "anna : called twice, nobody answers" in page
    assert "Nobody has this case" in page
    assert "2 notes" in words(browser.page("/queue"))
    refused = act(browser, "a-1", "note", text="card 4111 1111 1111 1111")
    assert "Nothing was changed: the reason holds a card number" in refused


def test_a_snoozed_case_leaves_the_queue_and_comes_back_by_itself_or_by_hand(browser: Browser, system: System) -> None:
    system.alert("a-1", customer=CUSTOMER)
    assert "The case waits until" in act(browser, "a-1", "snooze", hours="4", text="customer calls back")
    assert in_queue(browser) == []
    assert in_queue(browser, state="snoozed") == ["a-1"]
    later = int(time.time() * 1000) + 5 * HOUR
    in_five_hours = CaseQueue(browser.system.queue, browser.system.cases, clock=lambda: later)
    assert [each.first.transaction_id for each in in_five_hours.find(CaseQuery(), among=100)] == ["a-1"]
    assert in_five_hours.find(CaseQuery(state=CaseState.SNOOZED), among=100) == []
    assert "in the queue again" in act(browser, "a-1", "wake")
    assert in_queue(browser) == ["a-1"]


def test_a_snoozed_case_stays_away_however_many_newer_cases_are_open(browser: Browser, system: System) -> None:
    system.alert("a-1", customer=CUSTOMER)
    act(browser, "a-1", "snooze", hours="4", text="customer calls back")
    key = case_key(case_of(browser, "a-1").case_id)
    snoozed = system.dynamodb.get_item(TableName=ALERTS, Key=key)["Item"]
    puts: list[Any] = []
    for number in range(1004):
        name = f"other-{number}"
        others = {"transactionId": f"case#{name}", "caseId": name}
        newer = to_item({**others, "createdAt": int(snoozed["createdAt"]["N"]) + 1 + number})
        puts.append({"PutRequest": {"Item": snoozed | newer}})
    for start in range(0, len(puts), 25):
        system.dynamodb.batch_write_item(RequestItems={ALERTS: puts[start : start + 25]})
    assert in_queue(browser, state="snoozed") == ["a-1"]
    assert in_queue(browser) == []


def test_a_case_is_snoozed_neither_into_the_past_nor_for_ever(browser: Browser, system: System) -> None:
    system.alert("a-1")
    alert = browser.system.queue.get("a-1")
    assert alert is not None
    now = int(time.time() * 1000)
    for until in (now - 1, now + 31 * DAY):
        with pytest.raises(AlertTakenError, match="30 days at most"):
            browser.system.work.snooze(alert, until, "waits")
    assert browser.records() == []


def test_a_case_is_handed_over_with_its_alerts_by_whoever_has_it(
    aws: MinistackServer, browser: Browser, system: System
) -> None:
    for name in ("a-1", "a-2"):
        system.alert(name, customer=CUSTOMER)
    act(browser, "a-1", "take")
    assert "The case is ben's now" in act(browser, "a-1", "hand-over", to="ben", text="speaks Dutch")
    assert {alert.assignee for alert in browser.system.queue.by_ids(["a-1", "a-2"])} == {BEN.arn}
    ben = browser_on(aws, BEN).enter()
    assert "You have this case" in words(ben.page("/case", id="a-1"))
    assert "by anna: to ben: speaks Dutch" in words(ben.page("/case", id="a-1"))
    with pytest.raises(AlertTakenError, match="not yours"):
        browser.system.work.hand_over(case_of(browser, "a-1"), "carl", "mine no more")
    record = next(each for each in browser.records() if each["action"] == "hand-over-case")
    assert (record["before"], record["after"]) == ({"assignee": ANNA.arn}, {"assignee": BEN.arn})


def test_a_case_that_goes_to_an_unknown_name_says_so(aws: MinistackServer, browser: Browser, system: System) -> None:
    for name in ("a-1", "a-2", "a-3"):
        system.alert(name, customer=f"tok_{name}")
        act(browser, name, "take")
    unknown = "Nobody of this name has worked here yet"
    assert unknown in act(browser, "a-1", "hand-over", to="bem", text="speaks Dutch")
    act(browser_on(aws, BEN).enter(), "a-3", "note", text="looked at")
    assert unknown not in act(browser, "a-2", "hand-over", to="ben", text="speaks Dutch")
    assert unknown not in act(browser, "a-3", "hand-over", to="bem", text="has one already")


@pytest.mark.parametrize(
    "to",
    ["anna", "no name", "arn:aws:iam::1:user/anna", "", "4111111111111111", "arn:aws:iam::1:user/4111-1111-1111-1111"],
)
def test_nobody_hands_over_to_what_is_no_colleague(browser: Browser, system: System, to: str) -> None:
    system.alert("a-1")
    act(browser, "a-1", "take")
    assert "Nothing was changed" in act(browser, "a-1", "hand-over", to=to, text="tried")
    assert case_of(browser, "a-1").assignee == ANNA.arn
    assert "4111" not in str(browser.records())


def test_a_case_closes_with_its_last_alert_and_opens_again(browser: Browser, system: System) -> None:
    for name in ("a-1", "a-2"):
        system.alert(name, customer=CUSTOMER)
    act(browser, "a-1", "take")
    act(browser, "a-1", "decide", label="FRAUD", note="denied")
    assert case_of(browser, "a-1").status is AlertStatus.OPEN
    act(browser, "a-2", "decide", label="FRAUD", note="denied too")
    closed = case_of(browser, "a-2")
    assert (closed.status, closed.events[-1].what) == (AlertStatus.CLOSED, CaseEventKind.CLOSED)
    assert in_queue(browser, state="closed") == ["a-1"]

    assert "open again, and yours" in act(browser, "a-2", "reopen", text="customer found the parcel")
    reopened = case_of(browser, "a-2")
    assert (reopened.status, reopened.assignee, reopened.closed_at) == (AlertStatus.OPEN, ANNA.arn, None)
    assert in_queue(browser) == ["a-2"]
    act(browser, "a-2", "decide", label="LEGITIMATE", note="parcel found")
    assert system.item("a-2")["label"] == "LEGITIMATE"
    assert case_of(browser, "a-2").status is AlertStatus.CLOSED


def test_a_closed_alert_names_who_decided_and_not_who_had_it(
    aws: MinistackServer, browser: Browser, system: System
) -> None:
    for name in ("a-1", "a-2"):
        system.alert(name, customer=CUSTOMER)
    act(browser, "a-1", "take")
    assert "as fraud by anna" in act(browser, "a-1", "decide", label="FRAUD", note="denied")
    ben = browser_on(aws, BEN).enter()
    assert "as legitimate by ben" in act(ben, "a-1", "decide", label="LEGITIMATE", note="called: it was him")
    # What comes from elsewhere is nobody's decision here, whoever has the case.
    for name in ("a-1", "a-2"):
        label = label_now(system.dynamodb, TRANSACTIONS, name, Truth.FRAUD, "chargeback")
        close_alert(system.dynamodb, ALERTS, name, label)
        page = words(browser.page("/case", id=name))
        assert "ago as fraud , says chargeback." in page
        assert "as fraud by" not in page


def test_a_later_alert_of_a_closed_cases_customer_begins_another(browser: Browser, system: System) -> None:
    system.alert("a-1", customer=CUSTOMER)
    act(browser, "a-1", "decide", label="FRAUD", note="denied")
    system.alert("a-2", customer=CUSTOMER)
    act(browser, "a-2", "take")
    assert case_of(browser, "a-2").case_id != case_of(browser, "a-1").case_id
    assert "Other cases of this customer a-1 : closed" in words(browser.page("/case", id="a-2"))


def test_an_open_alert_cannot_be_reopened(browser: Browser, system: System) -> None:
    system.alert("a-1")
    alert = browser.system.queue.get("a-1")
    assert alert is not None
    with pytest.raises(AlertTakenError, match="it is open"):
        browser.system.work.reopen(alert, "tried")


def test_the_queue_is_filtered_and_sorted(browser: Browser, system: System) -> None:
    system.alert("small", at=NOW, score=90, amount_minor=100)
    system.alert("large", at=NOW + 1, score=40, amount_minor=100_000, rules=("new-device",), customer="tok_other")
    act(browser, "small", "take")
    assert in_queue(browser) == ["large", "small"]
    assert in_queue(browser, sort="score") == ["small", "large"]
    assert in_queue(browser, sort="oldest") == ["small", "large"]
    assert in_queue(browser, sort="newest") == ["large", "small"]
    assert in_queue(browser, who="me") == ["small"]
    assert in_queue(browser, who=BEN.arn) == []
    assert in_queue(browser, who="nobody") == ["large"]
    assert in_queue(browser, least="500") == ["large"]
    assert in_queue(browser, rule="card-velocity") == ["small"]
    system.alert("likely", at=NOW + 2, score=95, amount_minor=40_000, customer="tok_third")
    assert in_queue(browser) == ["likely", "large", "small"]
    assert in_queue(browser, sort="value") == ["large", "likely", "small"]
    assert in_queue(browser, sort="nonsense", channel="nonsense", least="nonsense") == ["likely", "large", "small"]


def test_everything_that_is_done_to_a_case_is_recorded(browser: Browser, system: System) -> None:
    system.alert("a-1", customer=CUSTOMER)
    steps: list[tuple[str, dict[str, Any]]] = [
        ("take", {}),
        ("note", {"text": "noted"}),
        ("snooze", {"hours": "4", "text": "waits"}),
        ("wake", {}),
        ("decide", {"label": "FRAUD", "note": "denied"}),
        ("reopen", {"text": "again"}),
        ("hand-over", {"to": "ben", "text": "yours"}),
    ]
    for action, fields in steps:
        act(browser, "a-1", action, **fields)
    assert [(each["action"], each["outcome"]) for each in browser.records()] == [
        (name, "MADE")
        for name in (
            *("take-alert", "note-case", "snooze-case", "wake-case"),
            *("label-transaction", "reopen-case", "hand-over-case"),
        )
    ]
    assert [event.what.value for event in case_of(browser, "a-1").events] == [
        *("opened", "taken", "noted", "snoozed", "woken", "closed", "reopened", "handed over")
    ]
