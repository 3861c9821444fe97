"""What an analyst does in the console, from the queue to closed alerts; and what is recorded of it."""

import json
import re
from datetime import UTC, datetime

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import EntityKind
from fraudstream.transactions.storage.attributes import from_item
from tests.console_harness import ANNA, BEN, Browser, browser_on, words
from tests.integration.cli.review_harness import ALERTS, BUCKET, NOW, System

CARD = "tok_" + "c" * 22
CUSTOMER = "tok_" + "p" * 22


def stored_alert(system: System, transaction_id: str) -> dict[str, object]:
    return from_item(system.dynamodb.get_item(TableName=ALERTS, Key={"transactionId": {"S": transaction_id}})["Item"])


def test_an_alert_is_worked_from_the_queue_to_closed(browser: Browser, system: System) -> None:
    system.alert("t-1", customer=CUSTOMER, card_token=CARD, amount_minor=99_900)
    assert "t-1" in browser.page("/queue")
    case = browser.page("/case", id="t-1")
    assert "999.00 EUR" in words(case)
    why = "The card was used unusually often in a short time. CARD_VELOCITY, from card-velocity, +2.5 points"
    assert why in words(case)
    taken = browser.send("/case/take", **browser.form(case, "/case/take"))
    assert "You have this case now, with 1 alert." in words(taken)
    closed = browser.send(
        "/case/decide", **browser.form(taken, "/case/decide"), label="FRAUD", note="customer denies it"
    )
    assert "It is labelled FRAUD, and its alert is closed." in words(closed)
    assert system.item("t-1")["label"] == "FRAUD"
    assert stored_alert(system, "t-1")["status"] == "CLOSED"
    assert "t-1" not in browser.page("/queue")
    done = browser.page("/queue", state="closed")
    assert "t-1" in done
    assert "decision age customer" in words(done), "it waits no more"
    audit = words(browser.page("/audit"))
    assert "anna label transaction t-1 customer denies it" in audit
    assert "anna take alert t-1" in audit
    assert "2 records; the newest 2 are shown" in audit


def test_what_was_drawn_by_chance_is_marked_and_found(browser: Browser, system: System) -> None:
    system.alert("t-flagged", customer="tok_other")
    system.alert("t-drawn", customer=CUSTOMER, score=2, rules=(), drawn=0.01)
    queue = browser.page("/queue", rule="exploration")
    assert "t-drawn" in queue
    assert "t-flagged" not in queue
    assert "APPROVE by chance" in words(queue)
    case = browser.page("/case", id="t-drawn")
    assert "is here by chance: 1 % of what is approved is looked at" in words(case)
    assert "by chance" not in words(browser.page("/case", id="t-flagged"))
    closed = browser.send("/case/decide", **browser.form(case, "/case/decide"), label="FRAUD", note="never ordered")
    assert "It is labelled FRAUD, and its alert is closed." in words(closed)


def test_of_two_analysts_one_is_told_of_the_other(aws: MinistackServer, browser: Browser, system: System) -> None:
    system.alert("t-1")
    ben = browser_on(aws, BEN).enter()
    annas, bens = (each.page("/case", id="t-1") for each in (browser, ben))
    browser.send("/case/take", **browser.form(annas, "/case/take"))
    refused = words(ben.send("/case/decide", **ben.form(bens, "/case/decide"), label="LEGITIMATE", note="looks fine"))
    assert "Nothing was changed: anna works on this alert" in refused
    assert "label" not in system.item("t-1")
    assert [record["outcome"] for record in ben.records() if record["userId"] == BEN.user_id] == [
        "MADE",
        "REFUSED",
    ]


def test_who_decides_on_an_old_page_is_told_of_the_newer_decision(
    aws: MinistackServer, browser: Browser, system: System
) -> None:
    system.alert("t-1")
    ben = browser_on(aws, BEN).enter()
    form = ben.form(ben.page("/case", id="t-1"), "/case/decide")
    browser.send("/case/decide", **form | {"csrf": browser.session.csrf}, label="FRAUD", note="denied")
    said = words(ben.send("/case/decide", **form, label="LEGITIMATE", note="looks fine"))
    assert "Nothing was changed: the alert was closed as FRAUD meanwhile" in said
    assert system.item("t-1")["label"] == "FRAUD"


def test_an_alert_is_taken_over_only_from_whom_the_page_showed(
    aws: MinistackServer, browser: Browser, system: System
) -> None:
    system.alert("t-1")
    ben = browser_on(aws, BEN).enter()
    ben.send("/case/take", **ben.form(ben.page("/case", id="t-1"), "/case/take"))
    page = browser.page("/case", id="t-1")
    assert "Take it over from ben" in words(page)
    assert "ben has this case, taken " in words(page)
    taken = browser.send("/case/take", **browser.form(page, "/case/take"))
    assert stored_alert(system, "t-1")["assignee"] == ANNA.arn
    back = browser.send("/case/give-back", **browser.form(taken, "/case/give-back"))
    assert "Nobody has this case" in words(back)


def test_with_an_alert_its_persons_others_of_the_customer_are_taken_over(
    aws: MinistackServer, browser: Browser, system: System
) -> None:
    for name in ("t-1", "t-2"):
        system.alert(name, customer=CUSTOMER)
    ben = browser_on(aws, BEN).enter()
    ben.send("/case/take", **ben.form(ben.page("/case", id="t-1"), "/case/take"))
    taken = browser.send("/case/take", **browser.form(browser.page("/case", id="t-1"), "/case/take"))
    assert "You have this case now, with 2 alerts." in words(taken)
    assert {stored_alert(system, name)["assignee"] for name in ("t-1", "t-2")} == {ANNA.arn}


def test_a_customers_open_alerts_become_one_case_that_stays(browser: Browser, system: System) -> None:
    for number in range(3):
        system.alert(f"t-{number}", customer=CUSTOMER, at=NOW + number)
    system.alert("of-another", customer="tok_" + "q" * 22)
    page = browser.page("/case", id="t-1")
    assert "Take all 3 of this customer" in words(page)
    taken = browser.send("/case/take", **browser.form(page, "/case/take"))
    assert "You have this case now, with 3 alerts." in words(taken)
    assert "alerts added by anna" in words(taken)
    cases = {name: stored_alert(system, name).get("caseId") for name in ("t-0", "t-1", "t-2", "of-another")}
    assert cases.pop("of-another") is None
    (case_id,) = set(cases.values())
    browser.send("/case/decide", **browser.form(taken, "/case/decide"), label="FRAUD", note="denied")
    assert stored_alert(system, "t-1")["caseId"] == case_id
    assert stored_alert(system, "t-0")["status"] == "OPEN"


def scopes(page: str) -> dict[str, str]:
    """Return what a decision may be about, as the page offers it, by the words for it."""
    form = page.partition('<select id="also"')[2].partition("</select>")[0]
    return {name: value for value, name in re.findall(r'<option value="([^"]*)">([^<]*)</option>', form)}


@pytest.mark.parametrize("taken", [True, False], ids=["taken", "not-taken"])
def test_what_is_chosen_of_a_case_is_decided_and_what_is_left_is_said(
    browser: Browser, system: System, *, taken: bool
) -> None:
    for number in range(3):
        system.alert(f"t-{number}", customer=CUSTOMER, at=NOW + number)
    page = browser.page("/case", id="t-1")
    if taken:
        page = browser.send("/case/take", **browser.form(page, "/case/take"))
    assert "Of this case, 2 more alerts are open." in words(page)
    assert scopes(page)["this alert alone: 2 more stay open"] == ""
    whole = scopes(page)["this and the 2 more of this case"]
    # What comes later was not on the page, and is not decided by it.
    system.alert("later", customer=CUSTOMER, at=NOW + 9)
    form = browser.form(page, "/case/decide")
    said = browser.send("/case/decide", **form, label="FRAUD", note="denied", also=whole)
    assert "So are 2 more of this case. Of this case, 1 more alert is still open." in words(said)
    assert [stored_alert(system, f"t-{number}")["label"] for number in range(3)] == ["FRAUD"] * 3
    assert stored_alert(system, "later")["status"] == "OPEN"
    assert [each["action"] for each in browser.records()].count("label-transaction") == 3


def test_what_is_not_chosen_stays_open_and_is_said_to(browser: Browser, system: System) -> None:
    for number in range(3):
        system.alert(f"t-{number}", customer=CUSTOMER, at=NOW + number)
    form = browser.form(browser.page("/case", id="t-1"), "/case/decide")
    said = browser.send("/case/decide", **form, label="FRAUD", note="denied", also="")
    assert "and its alert is closed. Of this case, 2 more alerts are still open." in words(said)
    assert {stored_alert(system, name)["status"] for name in ("t-0", "t-2")} == {"OPEN"}
    for name, rest in (("t-0", "1 more alert is still open"), ("t-2", "nothing is open any more")):
        form = browser.form(browser.page("/case", id=name), "/case/decide")
        assert rest in words(browser.send("/case/decide", **form, label="FRAUD", note="denied", also=""))


def test_what_a_colleague_has_of_a_case_is_not_decided_along(
    aws: MinistackServer, browser: Browser, system: System
) -> None:
    system.alert("bens", customer=CUSTOMER)
    ben = browser_on(aws, BEN).enter()
    ben.send("/case/take", **ben.form(ben.page("/case", id="bens"), "/case/take"))
    for name in ("t-1", "t-2"):
        system.alert(name, customer=CUSTOMER)
    page = browser.page("/case", id="t-1")
    assert "this alert alone: 2 more stay open" in scopes(page)
    assert scopes(page)["this and the 1 more of this case that no colleague has"].split() == ["t-2"]
    form = browser.form(page, "/case/decide")
    said = browser.send("/case/decide", **form, label="FRAUD", note="denied", also="t-2 bens")
    assert "So is 1 more of this case. 1 of those you chose was left: a colleague was faster. Of this case, 1" in words(
        said
    )
    assert (stored_alert(system, "bens")["status"], stored_alert(system, "bens")["assignee"]) == ("OPEN", BEN.arn)


def test_an_entity_is_blocked_until_a_date_and_taken_off_again(browser: Browser, system: System) -> None:
    system.alert("t-1", customer=CUSTOMER, card_token=CARD)
    form = browser.form(browser.page("/case", id="t-1"), "/case/list")
    listed = browser.send("/case/list", **form, entity=f"card#{CARD}", list="blocked", days="7", reason="card testing")
    assert "The card is on the list blocked now (added)." in words(listed)
    done = browser.page("/audit")
    assert f'card <a href="/search?q={CARD}">' in done
    assert re.search(r"until: \d{4}-\d\d-\d\d ", words(done)), "a date, and no number of milliseconds"
    assert "blocked" in words(listed).partition("Who is involved")[2].partition("Block, trust")[0]
    (entry,) = browser.system.lists.show().entries
    assert (entry.kind, entry.token, entry.entry.by) == (EntityKind.CARD, CARD, ANNA.arn)
    assert entry.entry.until == pytest.approx(entry.entry.since + 7 * 86_400_000, abs=60_000)
    page = browser.page("/lists")
    assert "card testing" in words(page)
    off = browser.send("/lists/remove", **browser.form(page, "/lists/remove"), reason="customer called")
    assert "The card is off the list now." in words(off)
    assert browser.system.lists.show().entries == ()
    made = [(each["action"], each["target"], each["reason"]) for each in browser.records()]
    assert made == [
        ("add-to-list", f"card#{CARD}", "card testing"),
        ("remove-from-list", f"card#{CARD}", "customer called"),
    ]


def test_an_entry_without_an_end_is_not_shown_as_removed(browser: Browser) -> None:
    browser.system.lists.add("blocked", EntityKind.CARD, CARD, by=ANNA.arn, reason="card testing", until=None)
    page = browser.page("/lists")
    assert 'data-is="until">no end<' in page
    assert "removed" not in words(page)


@pytest.mark.parametrize(
    ("note", "why"),
    [
        ("   ", "the reason is empty"),
        ("\u200b", "the reason is empty"),
        ("\u2800 \u3164\u034f", "the reason is empty"),
        ("card 4111 1111 1111 1111", "the reason holds a card number"),
        ("card 4111\u200b111111111111", "the reason holds a card number"),
    ],
)
def test_a_decision_needs_a_note_that_may_be_kept(browser: Browser, system: System, note: str, why: str) -> None:
    system.alert("t-1")
    form = browser.form(browser.page("/case", id="t-1"), "/case/decide")
    assert f"Nothing was changed: {why}" in words(browser.send("/case/decide", **form, label="FRAUD", note=note))
    assert browser.records() == []
    assert stored_alert(system, "t-1")["status"] == "OPEN"


def test_a_note_is_kept_without_what_turns_texts_around(browser: Browser, system: System) -> None:
    system.alert("t-1")
    form = browser.form(browser.page("/case", id="t-1"), "/case/note")
    browser.send("/case/note", **form, text="said \u202egnp.exe\x1b[31m\u200b,\tno \u200d\U0001f469\u200d\U0001f467")
    assert browser.records()[0]["reason"] == "said gnp.exe[31m, no \u200d\U0001f469\u200d\U0001f467"


def test_a_record_says_who_what_why_before_and_after_and_is_never_overwritten(browser: Browser, system: System) -> None:
    system.alert("t-1")
    form = browser.form(browser.page("/case", id="t-1"), "/case/decide")
    browser.send("/case/decide", **form, label="FRAUD", note="denied")
    (key,) = [each["Key"] for each in system.s3.list_objects_v2(Bucket=BUCKET, Prefix="audit/")["Contents"]]
    assert key.startswith(f"audit/date={datetime.now(UTC).date()}/{ANNA.user_id}/")
    record = json.loads(system.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    assert {name: record[name] for name in ("by", "userId", "action", "target", "reason", "before", "after")} == {
        "by": ANNA.arn,
        "userId": ANNA.user_id,
        "action": "label-transaction",
        "target": "transaction#t-1",
        "reason": "denied",
        "before": {"label": None},
        "after": {"label": "FRAUD"},
    }
    assert len(system.s3.list_object_versions(Bucket=BUCKET, Prefix=key).get("Versions", [])) <= 1


def test_a_change_that_cannot_be_recorded_is_not_made(browser: Browser, system: System) -> None:
    system.alert("t-1")
    form = browser.form(browser.page("/case", id="t-1"), "/case/take")
    browser.system.bucket = "bucket-that-is-not-there"
    answer = browser.client.post("/case/take", data=form, headers={"Origin": "http://127.0.0.1:4711"})
    assert answer.status_code == 502
    assert "AWS refused PutObject" in words(answer.text)
    assert "assignee" not in stored_alert(system, "t-1")


def test_search_finds_transactions_by_id_and_customers_by_token(browser: Browser, system: System) -> None:
    system.alert("t-1", customer=CUSTOMER)
    system.store("quiet", customer=CUSTOMER)
    assert "12.50 EUR" in words(browser.page("/search", q="quiet"))
    assert "t-1" in words(browser.page("/search", q=CUSTOMER))
    assert "No transaction with this id is stored" in words(browser.page("/search", q="nobody"))


def test_a_transaction_without_an_alert_is_labelled_too(browser: Browser, system: System) -> None:
    system.store("quiet")
    form = browser.form(browser.page("/case", id="quiet"), "/case/decide")
    said = browser.send("/case/decide", **form, label="FRAUD", note="chargeback")
    assert "It is labelled FRAUD." in words(said)
    assert system.item("quiet")["label"] == "FRAUD"


def test_rules_are_told_in_words_with_who_changed_them(browser: Browser) -> None:
    page = words(browser.page("/rules"))
    assert "card-velocity" in page
    assert "Hits when:" in page
    assert "active" in words(browser.page("/rules/history"))


def test_what_is_not_there_is_said_in_a_sentence(browser: Browser) -> None:
    for path, status in (("/case?id=none", 404), ("/case", 404), ("/report?date=x", 400), ("/nowhere", 404)):
        answer = browser.client.get(path)
        assert answer.status_code == status
        assert "That did not work" in answer.text


def test_an_address_without_a_page_says_where_the_pages_are(browser: Browser) -> None:
    for path, status, said in (
        ("/nowhere", 404, "there is no page at this address: the links above"),
        ("/static/nowhere.js", 404, "there is no page at this address"),
        ("/case/take", 405, "this address only takes what a page sends"),
    ):
        answer = browser.client.get(path)
        assert (answer.status_code, said in words(answer.text)) == (status, True)
