"""An analyst's day in a real browser: alerts worked to closed, a customer blocked and looked up, a rule published."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import CASE, Desk, open_first, ready
from tests.console_harness import RULE


@pytest.fixture
def bare(desk: Desk) -> Iterator[Page]:
    """A tab without JavaScript."""
    page = desk.tab(java_script_enabled=False)
    yield page
    page.context.close()
    assert desk.problems == []


def notice(page: Page) -> str:
    return page.locator("p.note[role=status]").first.inner_text()


def test_an_alert_is_worked_to_closed_by_keys_alone(tab: Page, desk: Desk) -> None:
    tab.goto(f"{desk.origin}/queue?who=nobody")
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    tab.wait_for_url(CASE)
    ready(tab)
    tab.keyboard.press("a")
    expect(tab.locator("p.note")).to_contain_text("You have this case now")
    expect(tab.locator("p.note")).to_be_focused()
    ready(tab)
    tab.keyboard.press("f")
    tab.keyboard.type("the customer denies it")
    tab.keyboard.press("Enter")
    expect(tab.locator("p.note")).to_contain_text("It is labelled FRAUD, and its alert is closed.")
    ready(tab)
    done = tab.locator("main p code").first.inner_text()
    tab.keyboard.press("n")
    tab.wait_for_url(lambda address: f"id={done}&" not in address)
    expect(tab.locator('form[action="/case/take"] button')).to_be_visible()
    ready(tab)
    tab.keyboard.press("?")
    expect(tab.locator("#help")).to_be_visible()


def test_single_keys_can_be_turned_off(desk: Desk) -> None:
    tab = desk.tab(viewport={"width": 1280, "height": 800})
    tab.goto(f"{desk.origin}/queue?who=nobody")
    ready(tab)
    tab.click("#help-button")
    tab.uncheck("#keys-on")
    tab.keyboard.press("Escape")
    tab.reload()
    ready(tab)
    for key in ("?", "j", "/"):
        tab.keyboard.press(key)
    expect(tab.locator("#help")).to_be_hidden()
    expect(tab.locator("tr.chosen")).to_have_count(0)
    expect(tab.locator("#q")).not_to_be_focused()
    tab.click("#help-button")
    expect(tab.locator("#keys-on")).not_to_be_checked()
    tab.check("#keys-on")
    tab.keyboard.press("Escape")
    tab.locator("body").press("j")
    expect(tab.locator("tr.chosen")).to_have_count(1)
    tab.context.close()
    assert desk.problems == []


def test_ten_alerts_are_worked_to_closed_without_javascript(bare: Page, desk: Desk) -> None:
    closed: set[str] = set()
    open_first(bare, desk, "?who=nobody&sort=oldest")
    for number in range(10):
        name = bare.locator("main p code").first.inner_text()
        bare.fill("#note", "looked at")
        bare.click(f'button[value="{"FRAUD" if number % 2 else "LEGITIMATE"}"]')
        assert "its alert is closed" in notice(bare)
        closed.add(name)
        bare.get_by_role("link", name="Next case").click()
    assert len(closed) == 10
    bare.goto(f"{desk.origin}/audit")
    done = bare.locator("main table").inner_text()
    assert all(name in done for name in closed)


def test_a_case_is_noted_snoozed_woken_and_handed_over_without_javascript(bare: Page, desk: Desk) -> None:
    name = open_first(bare, desk)
    bare.click('form[action="/case/take"] button')
    for action, field, said in (
        ("note", "called twice", "The note is kept"),
        ("snooze", "calls back", "The case waits until"),
    ):
        form = bare.locator(f'form[action="/case/{action}"]')
        bare.locator("details", has=form).locator("summary").click()
        form.locator('input[name="text"]').fill(field)
        form.locator("button").click()
        assert said in notice(bare)
    bare.goto(f"{desk.origin}/queue?state=snoozed")
    assert name in bare.inner_text("main")
    bare.goto(f"{desk.origin}/case?id={name}")
    bare.click('form[action="/case/wake"] button')
    assert "in the queue again" in notice(bare)
    form = bare.locator('form[action="/case/hand-over"]')
    bare.locator("details", has=form).locator("summary").click()
    form.locator('input[name="to"]').fill("ben")
    form.locator('input[name="text"]').fill("speaks Dutch")
    form.locator("button").click()
    assert "ben's now" in notice(bare)


def test_a_customer_is_blocked_looked_up_and_taken_off_the_list(tab: Page, desk: Desk) -> None:
    open_first(tab, desk)
    tab.get_by_text("Block, trust or list one of them").click()
    form = tab.locator('form[action="/case/list"]')
    form.locator('select[name="list"]').select_option("blocked")
    form.locator('input[name="reason"]').fill("account taken over")
    form.locator("button").click()
    assert "is on the list blocked now" in notice(tab)
    token = tab.locator("#who ~ dl dd code").first.inner_text()
    tab.locator("#q").fill(token)
    tab.locator("#q").press("Enter")
    expect(tab.locator("h1")).to_have_text(token)
    assert "blocked as customer" in tab.inner_text("main")
    assert tab.locator("#transactions ~ div tbody tr").count() > 0
    tab.goto(f"{desk.origin}/lists")
    tab.locator("tbody details summary").first.click()
    tab.locator('form[action="/lists/remove"] input[name="reason"]').first.fill("cleared")
    tab.locator('form[action="/lists/remove"] button').first.click()
    assert "off the list now" in notice(tab)


def publish(page: Page, reason: str, at_once: str) -> None:
    """Publish the draft, and answer what is asked once more, where the page says what counts at once."""
    page.locator('input[name="reason"]').fill(reason)
    page.get_by_role("button", name="Publish it").click()
    expect(page.locator('section[aria-labelledby="live"]')).to_contain_text(at_once)
    page.get_by_role("button", name="Yes, publish it").click()
    expect(page.locator("p.note")).to_contain_text("is active within a minute")


def test_a_rule_is_written_checked_published_and_taken_back(tab: Page, desk: Desk) -> None:
    tab.goto(f"{desk.origin}/rules/edit")
    draft = tab.locator("#draft")
    before = draft.input_value()
    draft.fill(before.rstrip() + RULE.replace("amountBase", "amountBaze"))
    tab.get_by_role("button", name="Check it").click()
    expect(tab.locator("p.note.bad").first).to_contain_text("amountBase")
    tab.locator("#draft").fill(before.rstrip() + RULE)
    tab.get_by_role("button", name="Check it").click()
    expect(tab.locator("#changes ~ ul")).to_contain_text("large-night-transfer added")
    publish(tab, "large transfers", "No rule that is new or changed is live")
    tab.locator("tbody details summary").first.click()
    tab.locator('form[action="/rules/roll-back"] input[name="reason"]').first.fill("too many")
    tab.get_by_role("button", name="Make it active").first.click()
    tab.get_by_role("button", name="Yes, make it active").click()
    expect(tab.locator("p.note")).to_contain_text("is active again")
    tab.goto(f"{desk.origin}/audit")
    assert "publish rules" in tab.inner_text("main")


def test_keys_that_are_pressed_before_the_page_is_whole_are_not_lost(tab: Page, desk: Desk) -> None:
    """A script of the test presses them at the last moment: all is read, and the page's own script not yet told."""
    tab.goto(f"{desk.origin}/queue?who=nobody")
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    tab.wait_for_url(CASE)
    tab.add_init_script(
        """document.addEventListener("DOMContentLoaded", () => {
            for (const key of ["f", "s", "e", "e", "n"])
                document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        });"""
    )
    tab.reload()
    tab.wait_for_load_state("load")
    expect(tab.locator("#note")).to_be_focused()
    expect(tab.locator("#note")).to_have_value("seen")


def test_enter_that_chooses_characters_of_a_word_decides_nothing(tab: Page, desk: Desk) -> None:
    """As in Japanese: Enter says which characters are meant, and the note goes on."""
    open_first(tab, desk)
    ready(tab)
    tab.keyboard.press("f")
    tab.keyboard.insert_text("\u4e0d\u6b63")
    tab.locator("#note").evaluate(
        """note => note.dispatchEvent(
            new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true }))"""
    )
    tab.keyboard.insert_text("\u5229\u7528")
    tab.keyboard.press("Enter")
    expect(tab.locator("p.note")).to_contain_text("It is labelled FRAUD")
    expect(tab.locator("main")).to_contain_text("FRAUD, \u4e0d\u6b63\u5229\u7528")


def test_a_draft_is_checked_and_its_names_completed_while_it_is_written(tab: Page, desk: Desk) -> None:
    tab.goto(f"{desk.origin}/rules/edit")
    draft = tab.locator("#draft")
    before = draft.input_value()
    draft.fill(before.rstrip() + RULE.replace("amountBase", "amountBaze"))
    expect(tab.locator("#said")).to_contain_text("amountBaze")
    draft.fill(before.rstrip() + RULE.replace("amountBase > most", "amountBas"))
    draft.press("Control+End")
    place = draft.input_value().index("amountBas\n") + len("amountBas")
    draft.evaluate("(at, place) => at.setSelectionRange(place, place)", place)
    draft.press("e")
    draft.press("Backspace")
    expect(tab.locator("#offered")).to_be_visible()
    draft.press("ArrowDown")
    chosen = tab.locator('#offered li[aria-selected="true"]').inner_text()
    draft.press("Enter")
    assert f"and {chosen}\n" in draft.input_value()
    tab.keyboard.type(" > most")
    expect(tab.locator("#said")).to_contain_text("nothing wrong")


def test_the_name_that_is_picked_is_seen_in_the_persons_own_colours(desk: Desk) -> None:
    page = desk.tab(forced_colors="active")
    page.goto(f"{desk.origin}/rules/edit")
    page.locator("#draft").press("Control+End")
    page.keyboard.type("\ncardCo")
    page.keyboard.press("ArrowDown")
    picked, other = page.locator("#offered li").nth(0), page.locator("#offered li").nth(1)
    expect(picked).to_have_attribute("aria-selected", "true")
    colour = "each => getComputedStyle(each).backgroundColor"
    assert picked.evaluate(colour) != other.evaluate(colour)
    assert picked.evaluate(colour) != page.locator("body").evaluate(colour)
    page.close(run_before_unload=False)
    page.context.close()
    assert desk.problems == []


def listed_in_audit(page: Page) -> str:
    page.get_by_role("link", name="Audit", exact=True).click()
    page.wait_for_url(re.compile("/audit"))
    return page.locator("main table").inner_text()


def test_a_day_found_by_links_alone_is_seen_whole_by_an_auditor(tab: Page, desk: Desk) -> None:
    """From the first page on, nothing but what a person reads and clicks: no address is typed."""
    tab.goto(f"{desk.origin}/")
    tab.get_by_role("link", name="Open the queue").click()
    tab.locator('select[name="who"]').select_option("nobody")
    tab.get_by_role("button", name="Show").click()
    case = tab.locator("table.rows tbody tr").filter(has_text="card").first
    case.locator("th a").click()
    tab.wait_for_url(CASE)
    name = tab.locator("main p code").first.inner_text()
    # A card is blocked.
    tab.get_by_text("Block, trust or list one of them").click()
    which = tab.get_by_label("Which")
    card = next(each for each in which.locator("option").all_inner_texts() if each.startswith("card"))
    which.select_option(label=card)
    form = tab.locator('form[action="/case/list"]')
    form.locator('select[name="list"]').select_option("blocked")
    form.get_by_label("Why").fill("tried at ten shops")
    form.get_by_role("button").click()
    expect(tab.locator("p.note")).to_contain_text("The card is on the list blocked now")
    # What it took part in is found in the log, and what else its customer did.
    tab.locator("#who ~ dl dt", has_text=re.compile("^card$")).locator("xpath=following-sibling::dd[1]/a").click()
    expect(tab.locator("#lists ~ ul")).to_contain_text("blocked as card")
    tab.get_by_role("link", name="Look in the decision log").click()
    expect(tab.locator("main table")).to_contain_text(name)
    tab.get_by_role("link", name=name, exact=True).click()
    tab.locator("#who ~ dl dt", has_text="customer").locator("xpath=following-sibling::dd[1]/a").click()
    expect(tab.locator("#transactions ~ div tbody tr").first).to_be_visible()
    tab.go_back()
    # It is fraud, of a kind, and was blocked.
    tab.get_by_text("Say what was done").click()
    tab.get_by_role("button", name="Note it").click()
    expect(tab.locator("#what ~ dl")).to_contain_text("blocked: no money moved")
    tab.get_by_label("Why", exact=True).first.fill("the holder denies it")
    tab.get_by_label("Kind of fraud").select_option("STOLEN_CARD_DATA")
    tab.get_by_role("button", name="Fraud f").click()
    expect(tab.locator("p.note")).to_contain_text("its alert is closed")
    # A rule is written for a tenth of the customers, and published.
    tab.get_by_role("link", name="Rules", exact=True).click()
    tab.get_by_role("link", name="Edit it").click()
    draft = tab.locator("#draft")
    rule = RULE.replace("large-night-transfer", "tenth").replace("mode: shadow", "share: 0.1")
    draft.fill(draft.input_value().rstrip() + rule)
    publish(tab, "try it on a tenth", "tenth is new and live: +1 points, for 10 % of the customers")
    tab.get_by_role("link", name="Rules", exact=True).click()
    expect(tab.locator("details.rule", has_text="tenth").first).to_contain_text("for 10 % of the customers")
    done = listed_in_audit(tab)
    for what in ("add to list", "tried at ten shops", "tell action", "label transaction", "the holder denies it"):
        assert what in done
    assert "STOLEN_CARD_DATA" in done
    assert "publish rules" in done
    assert "try it on a tenth" in done
    assert name in done
