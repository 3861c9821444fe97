"""What was typed into a form that is refused: it comes back into its field, and stands nowhere else."""

import itertools
import re
from html import unescape
from typing import Any, NoReturn

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from embedded_aws.ministack.server import MinistackServer
from fraudstream_tools.operations.cases.deciding import CaseDecisions
from tests.console_harness import BEN, Browser, browser_on, draft_of, with_rule, words
from tests.integration.cli.review_harness import System

LONG = "Клиент подтвердил, что карта была украдена. " * 8


def field(page: str, action: str, name: str) -> str:
    """Return what a text field of a form has."""
    form = page.partition(f'action="{action}"')[2].partition("</form>")[0]
    found = re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', form)
    return unescape(found[1]) if found else ""


class Expired:
    """A client of AWS whose credentials have ended."""

    def __getattr__(self, name: str) -> object:
        def refuse(*_: object, **__: object) -> None:
            raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "expired"}}, name)

        return refuse


@pytest.mark.parametrize("text", [LONG, "ref. 4111 1111 1111 1111, a long story <b>"])
def test_a_refused_note_stands_in_its_field_once(
    browser: Browser, system: System, capfd: pytest.CaptureFixture[str], text: str
) -> None:
    system.alert("t-1")
    for action, name in (("note", "text"), ("decide", "note"), ("snooze", "text")):
        form = browser.form(browser.page("/case", id="t-1"), f"/case/{action}")
        page = browser.send(f"/case/{action}", **form, **{name: text}, label="FRAUD", hours="24")
        assert "Nothing was changed" in words(page)
        assert field(page, f"/case/{action}", name) == text
        assert "You had written" not in words(page)
        assert field(browser.page("/case", id="t-1"), f"/case/{action}", name) == ""
    assert "4111" not in "".join(capfd.readouterr()) + repr(browser.session)


def test_what_a_colleague_was_faster_with_is_shown_and_kept_for_the_field(
    aws: MinistackServer, browser: Browser, system: System
) -> None:
    system.alert("t-1")
    form = browser.form(browser.page("/case", id="t-1"), "/case/decide")
    ben = browser_on(aws, BEN).enter()
    ben.send("/case/take", **ben.form(ben.page("/case", id="t-1"), "/case/take"))
    page = browser.send("/case/decide", **form, label="FRAUD", kind="ACCOUNT_TAKEOVER", note="told me all of it")
    assert "You had written: told me all of it" in words(page)
    assert "You had written" not in words(browser.page("/queue"))
    page = browser.send("/case/take", **browser.form(page, "/case/take"))
    assert field(page, "/case/decide", "note") == "told me all of it"
    assert '<option value="ACCOUNT_TAKEOVER" selected>' in page


def test_another_transactions_fields_stay_empty(browser: Browser, system: System) -> None:
    for name in ("t-1", "t-2"):
        system.alert(name, customer=f"tok_{name}")
    browser.send("/case/note", **browser.form(browser.page("/case", id="t-1"), "/case/note"), text=LONG)
    browser.send("/case/note", **browser.form(browser.page("/case", id="t-1"), "/case/note"), text=LONG)
    assert LONG not in browser.page("/case", id="t-2")


def test_a_note_outlives_credentials_that_end(browser: Browser, system: System) -> None:
    system.alert("t-1")
    form = browser.form(browser.page("/case", id="t-1"), "/case/decide")
    dynamodb = browser.system.dynamodb
    browser.system.dynamodb = Expired()  # pyright: ignore[reportAttributeAccessIssue]
    sent = {"csrf": browser.session.csrf, **form, "label": "FRAUD", "note": "a long reason"}
    answer = browser.client.post("/case/decide", data=sent, headers={"Origin": str(browser.client.base_url)})
    assert answer.status_code == 502
    assert "copy what you have written here, and start the console again" in words(answer.text)
    assert "You had written: a long reason" in words(answer.text)
    browser.system.dynamodb = dynamodb
    assert field(browser.page("/case", id="t-1"), "/case/decide", "note") == "a long reason"


def test_who_starts_a_local_system_again_is_told_to_start_the_console_too(browser: Browser, system: System) -> None:
    system.alert("t-1")
    form = browser.form(browser.page("/case", id="t-1"), "/case/note")
    refuse_connections(browser.system.dynamodb)
    sent = {"csrf": browser.session.csrf, **form, "text": "called twice"}
    answer = browser.client.post("/case/note", data=sent, headers={"Origin": str(browser.client.base_url)})
    assert answer.status_code == 502
    assert "start it again: what it left" in words(answer.text)
    assert "Then copy what you have written here, and start the console again" in words(answer.text)
    assert "You had written: called twice" in words(answer.text)


def refuse_connections(client: Any) -> None:
    """Have nothing listen any more where a client asks."""

    def refuse(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1/")

    client.meta.events.register("before-send.*.*", refuse)


def lose_answers(client: Any, operation: str, number: int) -> None:
    """Have AWS do what a client asks for, and lose one of the answers."""
    answers = itertools.count(1)

    def lose(**_: object) -> None:
        if next(answers) == number:
            raise ReadTimeoutError(endpoint_url="https://dynamodb.us-east-2.amazonaws.com")

    client.meta.events.register(f"after-call.*.{operation}", lose)


def test_what_may_be_done_is_not_said_to_have_failed(browser: Browser, system: System) -> None:
    system.alert("t-1")
    form = browser.form(browser.page("/case", id="t-1"), "/case/decide")
    # Case, alert and label: the third one is written, and nobody hears of it.
    lose_answers(browser.system.dynamodb, "UpdateItem", 3)
    sent = {"csrf": browser.session.csrf, **form, "label": "FRAUD", "note": "a long reason"}
    answer = browser.client.post("/case/decide", data=sent, headers={"Origin": str(browser.client.base_url)})
    assert system.item("t-1")["label"] == "FRAUD"
    assert (answer.status_code, "That did not work" in answer.text) == (502, False)
    assert "Some or all of what you asked for may be done all the same" in words(answer.text)
    assert '<a href="/case?id=t-1">look at it</a>' in answer.text


def test_a_fault_of_the_program_is_a_page_that_keeps_what_was_typed(
    browser: Browser, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.alert("t-1")
    form = browser.form(browser.page("/case", id="t-1"), "/case/decide")

    def fail(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("tok_ann")

    sent = {"csrf": browser.session.csrf, **form, "label": "FRAUD", "note": "a long reason"}
    headers = {"Origin": str(browser.client.base_url)}
    with monkeypatch.context() as broken:
        broken.setattr(CaseDecisions, "decide", fail)
        answer = browser.client.post("/case/decide", data=sent, headers=headers)
        assert answer.status_code == 500
        assert "a fault of fraudstream itself (RuntimeError at " in words(answer.text)
        assert "FRAUDSTREAM_TRACEBACK=1" in words(answer.text)
        assert "tok_ann" not in answer.text
        broken.setenv("FRAUDSTREAM_TRACEBACK", "1")
        with pytest.raises(RuntimeError):
            browser.client.post("/case/decide", data=sent, headers=headers)
    assert field(browser.page("/case", id="t-1"), "/case/decide", "note") == "a long reason"


def test_rules_that_may_be_stored_are_looked_for_before_they_are_sent_again(browser: Browser) -> None:
    page = browser.page("/rules/edit")
    sent = {**browser.form(page, "/rules/check"), "draft": with_rule(draft_of(page)), "reason": "large transfers"}
    sent |= browser.form(browser.send("/rules/publish", **sent), "/rules/publish")
    # Behind the record.
    lose_answers(browser.system.s3, "PutObject", 2)
    headers = {"Origin": str(browser.client.base_url)}
    answer = browser.client.post("/rules/publish", data={"csrf": browser.session.csrf, **sent}, headers=headers)
    assert answer.status_code == 502
    assert "some or all of the ruleset may be stored all the same" in words(answer.text)
    assert "large transfers" in words(browser.page("/rules/history"))


@pytest.mark.parametrize("action", ["check", "publish", "watch"])
def test_a_draft_outlives_credentials_that_end(browser: Browser, action: str) -> None:
    page = browser.page("/rules/edit")
    draft, form = with_rule(draft_of(page)), browser.form(page, "/rules/check")
    browser.system.s3 = Expired()  # pyright: ignore[reportAttributeAccessIssue]
    sent = {"csrf": browser.session.csrf, **form, "draft": draft, "reason": "large transfers"}
    answer = browser.client.post(f"/rules/{action}", data=sent, headers={"Origin": str(browser.client.base_url)})
    assert answer.status_code == 502
    assert draft_of(answer.text).strip() == draft.strip()
    assert field(answer.text, "/rules/check", "reason") == "large transfers"
    assert browser.form(answer.text, "/rules/check")["base"] == form["base"]
    assert "credentials" in words(answer.text)
