"""Each page of the console on a desk and on a phone, in light and in darkness: axe finds nothing, and it fits.

Reports run no script, axe's neither; `accessibility/check.mjs` looks at them.
"""

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from starlette.routing import Route

from fraudstream.reporting.daily.schema.report import BaseTotal
from fraudstream.reporting.render.html import to_html
from fraudstream.transactions.decisions.decision import Truth, Verdict
from fraudstream_tools.console.app import make_app
from fraudstream_tools.console.sessions import ConsoleSession
from tests.browser.conftest import Desk
from tests.console_harness import RULE
from tests.unit.reporting.decision_log_harness import Stream, report_of, transaction

SCREENS = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
CUT_OFF = """[...document.querySelectorAll("main form :is(input:not([type=hidden]), select, textarea, button)")]
    .map((each) => [each, each.getBoundingClientRect()])
    .filter(([, at]) => at.width > 1 && (at.left < 0 || at.right > window.innerWidth + 1))
    .map(([each]) => `${each.form.action} ${each.name || each.textContent}`)"""
"""Which controls of forms are not seen whole without scrolling sideways."""
PAGES = {
    "today": "/",
    "queue": "/queue",
    "labels": "/labels",
    "lists": "/lists",
    "rules": "/rules",
    "edit": "/rules/edit",
    "history": "/rules/history",
    "models": "/models",
    "reports": "/reports",
    "audit": "/audit",
    "search": "/search",
    "nothing": "/search?q=nobody",
}


@pytest.fixture(scope="module")
def pages(desk: Desk) -> dict[str, str]:
    """The pages, with a case, and the customer whose it is."""
    page = desk.tab()
    page.goto(f"{desk.origin}/queue")
    links = page.locator("table.rows tbody tr").first.locator("a")
    found = {"case": links.nth(0).get_attribute("href"), "customer": links.nth(1).get_attribute("href")}
    page.goto(desk.origin + str(found["case"]))
    page.locator('form[action="/case/take"] button').click()
    found["links"] = page.get_by_role("link", name="Who else used them").get_attribute("href")
    page.goto(desk.origin + str(found["customer"]))
    found["in-the-log"] = page.get_by_role("link", name="Look in the decision log").get_attribute("href")
    page.close()
    return PAGES | {name: str(address) for name, address in found.items()}


@pytest.fixture(scope="module")
def waiting(strict: Desk) -> dict[str, str]:
    """The pages on which somebody approves what waits, and is told that their own waits."""
    page = strict.tab()
    page.goto(f"{strict.origin}/labels")
    row = page.locator("tr", has=page.locator('form[action="/labels/approve"]')).first
    case = row.locator("th a").get_attribute("href")
    page.close()
    return {"labels-that-wait": "/labels", "lists-that-wait": "/lists", "case-that-waits": str(case)}


def ask(page: Page, desk: Desk) -> None:
    """Publish a rule up to the page that asks once more."""
    page.goto(f"{desk.origin}/rules/edit")
    draft = page.locator("#draft")
    draft.fill(draft.input_value().rstrip() + RULE.replace("    mode: shadow\n", ""))
    page.locator('input[name="reason"]').fill("large transfers")
    page.get_by_role("button", name="Publish it").click()
    page.wait_for_url(re.compile("/rules/publish"))


def faults(page: Page, name: str, screen: str, scheme: str) -> list[str]:
    """Say what is wrong with how a page looks: it scrolls sideways, a form is cut off, or axe finds something."""
    if folder := os.environ.get("FRAUDSTREAM_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"console-{name}-{screen}-{scheme}.png", full_page=True)
    # What is unfolded must fit, too.
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    found: list[str] = []
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > SCREENS[screen]["width"]:
        found.append(f"{name} is {width} pixels wide")
    found += [f"{name}: {place} is cut off" for place in page.evaluate(CUT_OFF)]
    for rule in Axe().run(page).response["violations"]:
        places = ", ".join(" ".join(node["target"]) for node in rule["nodes"])
        found.append(f"{name}: {rule['id']}: {rule['help']}: {places}")
    return found


@pytest.fixture(scope="module")
def looked_at(
    desk: Desk, strict: Desk, pages: dict[str, str], waiting: dict[str, str]
) -> tuple[tuple[Desk, dict[str, str]], ...]:
    """All of them, by the console that has them."""
    return ((desk, pages), (strict, waiting))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_every_page_can_be_read_by_everybody_and_fits(
    looked_at: tuple[tuple[Desk, dict[str, str]], ...], screen: str, scheme: str
) -> None:
    found: list[str] = []
    for desk, pages in looked_at:
        page = desk.tab(viewport=SCREENS[screen], color_scheme=scheme)
        for name, address in pages.items():
            page.goto(desk.origin + address)
            found += faults(page, name, screen, scheme)
        if pages.keys() >= PAGES.keys():
            ask(page, desk)
            found += faults(page, "publish", screen, scheme)
        page.context.close()
        assert desk.problems == []
    assert found == []


@pytest.mark.parametrize("width", [320, 390])
def test_a_report_of_large_sums_fits_a_phone(chromium: Browser, tmp_path: Path, width: int) -> None:
    stream = Stream()
    stream.store_decide_and_label(transaction(1), Verdict.DECLINE, Truth.FRAUD)
    large = dict.fromkeys(("value", "flagged_value", "caught_value", "missed_value", "open_value"), 1_234_567_890_12)
    total = BaseTotal(currency="EUR", without_rate=(), **large)
    report = msgspec.structs.replace(report_of(stream, tmp_path), total=total)
    page = chromium.new_page(viewport={"width": width, "height": 844})
    page.set_content(to_html(report).decode())
    assert "1,234,567,890.12 EUR" in page.inner_text("main")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_no_page_is_left_out(looked_at: tuple[tuple[Desk, dict[str, str]], ...]) -> None:
    paths = {urlsplit(address).path for _, pages in looked_at for address in pages.values()}
    nothing: Any = None
    routes = [each for each in make_app(nothing, ConsoleSession(port=0)).routes if isinstance(each, Route)]
    left_out = {each.path for each in routes if "GET" in (each.methods or ())} - paths
    assert left_out == {"/queue/next", "/report"}, "one leads on, the other is a report, which has checks of its own"
