"""What the queue and Today say of cases: what they are worth, what became of them, and which is the oldest."""

import time

from embedded_aws.ministack.server import MinistackServer
from fraudstream.detection.stores.decisions.alerts import close_alert
from fraudstream.durations import HOUR
from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.cli.support.shown.review.case_words import NOTHING
from fraudstream_tools.operations.cases.store import CaseStore
from fraudstream_tools.operations.review.labels import label_now
from tests.console_harness import BEN, Browser, browser_on, words
from tests.integration.cli.review_harness import ALERTS, NOW, TRANSACTIONS, System
from tests.integration.console.test_cases import act

CUSTOMER, OTHER = ("tok_" + letter * 22 for letter in "pq")


def row_of(page: str, name: str) -> str:
    """Return what a person reads in the row of a case."""
    (row,) = (row for row in page.partition("<tbody>")[2].split("<tr>") if f">{name}<" in row)
    return words(f"<main>{row.partition('</tr>')[0]}")


def closed_by_a_chargeback(system: System, name: str) -> None:
    label = label_now(system.dynamodb, TRANSACTIONS, name, Truth.FRAUD, "chargeback")
    close_alert(system.dynamodb, ALERTS, name, label)


def test_a_closed_case_tells_each_label_and_how_often_where_they_differ(browser: Browser, system: System) -> None:
    for name, score in (("a-1", 90), ("a-2", 80), ("a-3", 70)):
        system.alert(name, customer=CUSTOMER, score=score)
    system.alert("b-1", customer=OTHER)
    act(browser, "a-1", "take")
    for name, label in (("a-1", "FRAUD"), ("a-2", "LEGITIMATE"), ("a-3", "LEGITIMATE"), ("b-1", "LEGITIMATE")):
        act(browser, name, "decide", label=label, note="asked")
    page = browser.page("/queue", state="closed")
    assert "closed: fraud 1, legitimate 2" in row_of(page, "a-1")
    assert "closed as legitimate" in row_of(page, "b-1")


def test_a_case_that_is_still_open_is_not_called_closed(browser: Browser, system: System) -> None:
    for name in ("a-1", "a-2"):
        system.alert(name, customer=CUSTOMER)
    act(browser, "a-1", "take")
    act(browser, "a-1", "decide", label="FRAUD", note="denied")
    assert "still open; closed so far: fraud 1" in row_of(browser.page("/queue", state="closed"), "a-1")
    act(browser, "a-2", "decide", label="FRAUD", note="denied")
    both = browser.page("/queue", state="closed")
    assert "closed as fraud" in words(both)
    assert "still open" not in words(both)


def test_a_closed_alert_that_is_in_no_case_tells_its_label(browser: Browser, system: System) -> None:
    system.alert("a-1")
    closed_by_a_chargeback(system, "a-1")
    assert "closed as fraud" in row_of(browser.page("/queue", state="closed"), "a-1")


def test_the_oldest_case_of_which_today_speaks_is_one_that_nobody_has(
    aws: MinistackServer, browser: Browser, system: System
) -> None:
    now = int(time.time() * 1000)
    system.alert("older", customer=CUSTOMER, at=now - 5 * HOUR)
    system.alert("newer", customer=OTHER, at=now - 2 * HOUR)
    assert "2 open cases: 2 that nobody has. Of those" in words(browser.page("/"))
    act(browser_on(aws, BEN).enter(), "older", "take")
    said = words(browser.page("/"))
    assert "2 open cases: 1 that nobody has, 1 that others have" in said
    assert "the oldest has waited for 2 h" in said
    assert "older" not in said.partition("What waits")[2].partition("age cases")[0]
    act(browser, "newer", "take")
    said = words(browser.page("/"))
    assert "2 open cases: 0 that nobody has, 1 that you have , 1 that others have." in said
    assert "the oldest" not in said
    assert "Open the queue" in said


def test_what_has_no_exchange_rate_is_not_worth_nothing(browser: Browser, system: System) -> None:
    now = int(time.time() * 1000)
    for name in ("a-1", "a-2"):
        system.alert(name, customer=CUSTOMER, currency="NGN", at=now)
    assert f"2 {NOTHING}" in row_of(browser.page("/queue"), "a-1")
    assert f"under an hour 1 {NOTHING} " in words(browser.page("/"))
    system.alert("a-3", customer=CUSTOMER, amount_minor=1250, score=99, at=now)
    assert "12.50 EUR without NGN" in row_of(browser.page("/queue"), "a-3")
    said = words(browser.page("/"))
    assert "under an hour 1 12.50 without NGN 1 to 4 hours 0 0.00" in said


def test_what_cannot_be_read_keeps_nobody_from_the_other_cases(browser: Browser, system: System) -> None:
    for name in ("a-1", "a-2"):
        system.alert(name, customer=CUSTOMER)
    act(browser, "a-1", "take")
    (kept,) = CaseStore(system.dynamodb, ALERTS).of_entity(f"customer#{CUSTOMER}")
    for name, entity in (("case#x", f"case#customer#{CUSTOMER}"), ("case#y", "case#customer#tok_y"), ("case#z", "z")):
        damaged = {"transactionId": name, "createdAt": NOW, "entity": entity}
        system.dynamodb.put_item(TableName=ALERTS, Item=to_item(damaged))
    system.alert("a-3", customer=OTHER)
    system.dynamodb.update_item(
        TableName=ALERTS,
        Key=to_item({"transactionId": "a-3"}),
        UpdateExpression="SET assignee = :number",
        ExpressionAttributeValues=to_item({":number": 5}),
    )
    assert ">a-1<" in browser.page("/queue")
    browser.page("/")
    assert "note" in browser.page("/case", id="a-2")
    assert CaseStore(system.dynamodb, ALERTS).of_entity(f"customer#{CUSTOMER}") == [kept]


def test_a_case_that_cannot_be_read_says_which_item_is_to_be_looked_at(browser: Browser, system: System) -> None:
    system.alert("a-1", customer=CUSTOMER)
    act(browser, "a-1", "take")
    (kept,) = CaseStore(system.dynamodb, ALERTS).of_entity(f"customer#{CUSTOMER}")
    system.dynamodb.update_item(
        TableName=ALERTS,
        Key=to_item({"transactionId": f"case#{kept.case_id}"}),
        UpdateExpression="SET events = :text",
        ExpressionAttributeValues=to_item({":text": "gone"}),
    )
    assert f"look at the item case#{kept.case_id} in the table of alerts" in act(browser, "a-1", "note", text="called")
