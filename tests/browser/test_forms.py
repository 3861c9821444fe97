"""What a person has typed into a form: it does nothing by itself, and nobody types it twice."""

import re
import time

from playwright.sync_api import Dialog, Locator, Page, Route, expect

from tests.browser.conftest import Desk, open_first, ready
from tests.console_harness import RULE


def test_enter_decides_nothing_before_a_verdict_is_chosen(tab: Page, desk: Desk) -> None:
    open_first(tab, desk)
    tab.locator("#note").fill("asked the customer, waiting")
    tab.locator("#note").press("Enter")
    tab.get_by_text("Block, trust or list one of them").click()
    expect(tab.locator("#note")).to_have_value("asked the customer, waiting")
    expect(tab.locator("p.note[role=status]")).to_have_count(0)
    tab.locator("#note").blur()
    tab.keyboard.press("l")
    tab.keyboard.press("Enter")
    expect(tab.locator("p.note")).to_contain_text("It is labelled LEGITIMATE")


def test_enter_publishes_no_rules_before_a_button_is_chosen(tab: Page, desk: Desk) -> None:
    tab.goto(f"{desk.origin}/rules/edit")
    draft = tab.locator("#draft")
    draft.fill(draft.input_value().rstrip() + RULE)
    tab.locator('input[name="reason"]').fill("large transfers")
    tab.get_by_role("button", name="Publish it").click()
    why = tab.locator('main input[name="reason"]')
    expect(why).to_have_value("large transfers")
    why.press("Enter")
    why.fill("large transfers at night")
    tab.get_by_role("button", name="Back to the draft").click()
    expect(tab.locator("#changes ~ ul")).to_contain_text("large-night-transfer added")


def write_note(tab: Page, text: str) -> Locator:
    """Write a note on the case that is open, and return where the page shows it."""
    tab.get_by_text("Note", exact=True).first.click()
    form = tab.locator('form[action="/case/note"]')
    form.locator('input[name="text"]').fill(text)
    form.get_by_role("button").click()
    return tab.locator("#history ~ dl dd").first


def test_notes_have_the_whole_width_of_a_phone(desk: Desk) -> None:
    page = desk.tab(viewport={"width": 360, "height": 740})
    open_first(page, desk)
    note = write_note(page, "the customer was called twice, and calls back tomorrow morning")
    expect(note).to_contain_text("calls back tomorrow")
    box = note.bounding_box()
    page.context.close()
    assert box is not None
    assert box["width"] > 300


def test_an_arabic_note_runs_from_the_right_and_moves_nothing_beside_it(tab: Page, desk: Desk) -> None:
    open_first(tab, desk)
    note = write_note(tab, "العميل لم يدفع 1,299.00 EUR")
    expect(note.locator("bdi")).to_have_css("direction", "rtl")
    expect(note).to_have_css("direction", "ltr")


def test_a_text_that_is_too_long_is_said_to_be_before_it_is_sent(tab: Page, desk: Desk) -> None:
    open_first(tab, desk)
    note = tab.locator("#note")
    note.fill("Клиент подтвердил, что карта была украдена. " * 8)
    tab.get_by_role("button", name="Legitimate l").click()
    assert "bytes longer than 500 bytes" in str(note.evaluate("(at) => at.validationMessage"))
    expect(tab.locator("p.note[role=status]")).to_have_count(0)
    note.fill("é" * 250)
    assert note.evaluate("(at) => at.validationMessage") == ""


def test_a_changed_draft_is_left_only_by_who_says_so(tab: Page, desk: Desk) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    tab.on("dialog", stay)
    tab.goto(f"{desk.origin}/rules/edit")
    tab.locator("#draft").click()
    tab.get_by_role("link", name="Rules", exact=True).click()
    expect(tab.locator("h1")).to_have_text("Rules")
    tab.go_back()
    draft = tab.locator("#draft")
    draft.fill(draft.input_value().rstrip() + RULE)
    tab.get_by_role("button", name="Check it").click()
    expect(tab.locator("#changes ~ ul")).to_contain_text("large-night-transfer added")
    assert asked == []
    ready(tab)
    draft.click()
    tab.get_by_role("link", name="Rules", exact=True).click()
    expect(tab.locator("h1")).to_have_text("Edit the rules")
    assert "large-night-transfer" in draft.input_value()
    assert asked == ["beforeunload"]


PRESS_AGAIN = """([button]) => {
    const working = document.getElementById("working");
    new MutationObserver(() => {
        sessionStorage.said = working.textContent;
        button.click();
    }).observe(working, { childList: true });
}"""
"""Keeps what is said while an answer is waited for, and presses the button once more then."""


def test_what_takes_long_is_said_to_go_on_and_sent_once(tab: Page, desk: Desk) -> None:
    sent: list[str] = []

    def answer_late(route: Route) -> None:
        sent.append(route.request.url)
        time.sleep(1)
        route.continue_()

    tab.route(re.compile("/case/take"), answer_late)
    open_first(tab, desk)
    ready(tab)
    button = tab.locator('form[action="/case/take"] button')
    button.evaluate_all(PRESS_AGAIN)
    button.click()
    expect(tab.locator("p.note")).to_contain_text("You have this case now")
    assert tab.evaluate("sessionStorage.said") == "Working on it…"
    assert len(sent) == 1
