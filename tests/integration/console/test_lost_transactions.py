"""Alerts whose transactions are gone: both expire by themselves, and AWS deletes each when it likes."""

from fraudstream.transactions.storage.attributes import to_item
from tests.console_harness import Browser, act, words
from tests.integration.cli.review_harness import NOW, TRANSACTIONS, System

CUSTOMER = "tok_" + "p" * 22


def lose(system: System, name: str) -> None:
    for key in (NOW, 0):
        system.dynamodb.delete_item(TableName=TRANSACTIONS, Key=to_item({"transactionId": name, "timestamp": key}))


def test_the_page_of_an_alert_without_its_transaction_leads_on(browser: Browser, system: System) -> None:
    system.alert("a-1", customer=CUSTOMER, score=97)
    system.alert("a-2", customer=CUSTOMER, score=71)
    system.alert("b-1", customer="tok_" + "q" * 22, score=60)
    lose(system, "a-1")
    assert 'href="/case?id=a-1&amp;queue=sort%3Dscore"' in browser.page("/queue", sort="score")
    page = browser.page("/case", id="a-1", queue="sort=score")
    assert "DECLINE with a score of 97 of 100" in words(page)
    assert "The transaction is not stored any more, so nothing can be decided about it" in words(page)
    assert "goes by itself some days after" in words(page)
    # What else is in its row of the queue has no other way there.
    assert 'href="/case?id=a-2&amp;queue=sort%3Dscore"' in page
    assert "<code>b-1</code>" in browser.page("/queue/next", after="a-1", queue="sort=score")


def test_what_was_written_comes_back_where_the_transaction_goes_meanwhile(browser: Browser, system: System) -> None:
    system.alert("a-1", customer=CUSTOMER)
    form = browser.form(browser.page("/case", id="a-1"), "/case/decide")
    lose(system, "a-1")
    said = words(browser.send("/case/decide", **form, label="FRAUD", note="the customer denies it"))
    assert "Nothing was changed: a-1: its transaction is not stored any more" in said
    assert "You had written: the customer denies it" in said
    assert "An alert without its transaction" in said
    alert = browser.system.queue.get("a-1")
    assert alert is not None
    assert (alert.assignee, alert.case_id) == (None, None)


def test_an_alert_without_its_transaction_stays_in_its_case(browser: Browser, system: System) -> None:
    system.alert("a-1", customer=CUSTOMER)
    system.alert("a-2", customer=CUSTOMER)
    act(browser, "a-1", "take")
    lose(system, "a-1")
    assert 'href="/case?id=a-2"' in browser.page("/case", id="a-1")
    assert "1 more alert is still open" in act(browser, "a-2", "decide", label="FRAUD", note="denied")


def test_what_has_neither_transaction_nor_alert_has_no_page(browser: Browser) -> None:
    answer = browser.client.get("/case", params={"id": "a-1"})
    assert answer.status_code == 404
    assert "no transaction with this id is stored (any more)" in words(answer.text)
