"""The kind of fraud and what was done with a payment: said in the console, shown, and recorded."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from fraudstream.transactions.decisions.decision import Action, FraudType, Truth
from fraudstream.transactions.storage.store import newest_item
from fraudstream_tools.operations.review.labels import LabelError, act_now, label_now
from tests.console_harness import ANNA, Browser, words
from tests.integration.cli.review_harness import TRANSACTIONS, System


def stored(system: System, name: str) -> dict[str, str]:
    item = newest_item(system.dynamodb, TRANSACTIONS, name)
    assert item
    return {key: value["S"] for key, value in item.items() if "S" in value}


def send(browser: Browser, form: str, **fields: str) -> str:
    hidden = browser.form(browser.page("/case", id="t-1"), f"/case/{form}")
    return words(browser.send(f"/case/{form}", **hidden, **fields))


def test_the_kind_of_fraud_is_said_with_the_decision(browser: Browser, system: System) -> None:
    system.alert("t-1")
    said = send(browser, "decide", label="FRAUD", kind="ACCOUNT_TAKEOVER", note="new device, new payee")
    assert "It is labelled FRAUD" in said
    assert "kind of fraud account taken over" in said
    assert "FRAUD (ACCOUNT_TAKEOVER), new device, new payee" in said
    assert stored(system, "t-1")["fraudType"] == "ACCOUNT_TAKEOVER"
    (record,) = browser.records()
    assert record["after"] == {"label": "FRAUD", "fraudType": "ACCOUNT_TAKEOVER"}


def test_what_is_legitimate_has_no_kind_whatever_the_page_holds(browser: Browser, system: System) -> None:
    system.alert("t-1")
    send(browser, "decide", label="FRAUD", kind="FIRST_PARTY", note="denied")
    assert 'value="FIRST_PARTY" selected' in browser.page("/case", id="t-1")
    said = send(browser, "decide", label="LEGITIMATE", kind="FIRST_PARTY", note="cleared")
    assert "It is labelled LEGITIMATE" in said
    assert stored(system, "t-1")["label"] == "LEGITIMATE"
    assert browser.records()[-1]["after"] == {"label": "LEGITIMATE"}


def test_a_kind_of_what_is_legitimate_is_refused_before_the_alert_is_taken(browser: Browser, system: System) -> None:
    system.alert("t-1")
    alert = browser.system.queue.get("t-1")
    with pytest.raises(LabelError, match="what is legitimate has no kind of fraud"):
        browser.system.work.decide(
            "t-1", Truth.LEGITIMATE, "cleared", alert=alert, seen=None, fraud_type=FraudType.FIRST_PARTY
        )
    assert browser.system.queue.get("t-1") == alert
    assert browser.records() == []


def test_what_was_done_is_said_shown_and_recorded(browser: Browser, system: System) -> None:
    system.alert("t-1")
    assert "what was done nobody has said it" in words(browser.page("/case", id="t-1"))
    assert "what was done blocked: no money moved" in send(browser, "action", action="BLOCKED")
    assert stored(system, "t-1")["actionTaken"] == "BLOCKED"
    (record,) = browser.records()
    assert (record["action"], record["target"], record["by"]) == ("tell-action", "transaction#t-1", ANNA.arn)
    assert record["after"] == {"actionTaken": "BLOCKED"}


def test_a_button_that_is_pressed_twice_decides_once(browser: Browser, system: System) -> None:
    system.alert("t-1")
    form = browser.form(browser.page("/case", id="t-1"), "/case/decide") | {"label": "FRAUD", "note": "denied"}
    with ThreadPoolExecutor(4) as presses:
        pages = list(presses.map(lambda _: browser.send("/case/decide", **form), range(4)))
    assert len(pages) == 4
    assert [(record["action"], record["outcome"]) for record in browser.records()] == [("label-transaction", "MADE")]


def test_what_a_colleague_has_said_meanwhile_is_not_replaced_unseen(browser: Browser, system: System) -> None:
    system.store("t-1")
    page = browser.page("/case", id="t-1")
    told, decided = (browser.form(page, f"/case/{form}") for form in ("action", "decide"))
    label_now(system.dynamodb, TRANSACTIONS, "t-1", Truth.FRAUD, "analyst")
    act_now(system.dynamodb, TRANSACTIONS, "t-1", Action.BLOCKED)
    said = words(browser.send("/case/action", **told, action="ALLOWED"))
    assert "Nothing was changed: somebody has said meanwhile what was done with it" in said
    said = words(browser.send("/case/decide", **decided, label="LEGITIMATE", note="cleared"))
    assert "Nothing was changed: it was labelled as FRAUD meanwhile" in said
    there = stored(system, "t-1")
    assert (there["actionTaken"], there["label"]) == ("BLOCKED", "FRAUD")
    assert browser.records() == []


def test_a_record_says_what_was_there_and_not_what_a_form_says(browser: Browser, system: System) -> None:
    system.store("t-1")
    send(browser, "action", action="BLOCKED")
    send(browser, "decide", label="FRAUD", note="denied")
    send(browser, "action", action="REVERSED")
    send(browser, "decide", label="LEGITIMATE", note="cleared")
    befores = [(record["before"], record["after"]) for record in browser.records()]
    assert befores == [
        ({"actionTaken": None}, {"actionTaken": "BLOCKED"}),
        ({"label": None}, {"label": "FRAUD"}),
        ({"actionTaken": "BLOCKED"}, {"actionTaken": "REVERSED"}),
        ({"label": "FRAUD"}, {"label": "LEGITIMATE"}),
    ]
    form = browser.form(browser.page("/case", id="t-1"), "/case/action") | {"seen": "4111 1111 1111 1111"}
    assert "Nothing was changed" in words(browser.send("/case/action", **form, action="BLOCKED"))
    assert "4111" not in str(browser.records())


@pytest.mark.parametrize(("action", "fields"), [("decide", {"label": "FRAUD", "kind": "MAGIC"}), ("action", {})])
def test_what_the_page_does_not_offer_is_refused(
    browser: Browser, system: System, action: str, fields: dict[str, str]
) -> None:
    system.alert("t-1")
    form = browser.form(browser.page("/case", id="t-1"), f"/case/{action}")
    answer = browser.client.post(
        f"/case/{action}",
        data={"csrf": browser.session.csrf, "note": "x"} | form | fields,
        headers={"Origin": "http://127.0.0.1:4711", "Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 400
    assert browser.records() == []
