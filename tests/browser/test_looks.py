"""Each page of the console on a desk and on a phone, in light and in darkness: axe finds nothing, and it fits.

Reports run no script, axe's neither; `accessibility/check.mjs` looks at them.
"""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import Desk

SCREENS = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_every_page_can_be_read_by_everybody_and_fits(
    desk: Desk, pages: dict[str, str], screen: str, scheme: str
) -> None:
    size = SCREENS[screen]
    page = desk.tab(viewport=size, color_scheme=scheme)
    folder = os.environ.get("FRAUDSTREAM_SCREENSHOTS")
    found: list[str] = []
    for name, address in pages.items():
        page.goto(desk.origin + address)
        if folder:
            page.screenshot(path=Path(folder) / f"console-{name}-{screen}-{scheme}.png", full_page=True)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size["width"]:
            found.append(f"{name} is {width} pixels wide")
        for rule in Axe().run(page).response["violations"]:
            places = ", ".join(" ".join(node["target"]) for node in rule["nodes"])
            found.append(f"{name}: {rule['id']}: {rule['help']}: {places}")
    page.context.close()
    assert found == []
    assert desk.problems == []
