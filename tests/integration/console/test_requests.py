"""How many requests to AWS a page makes; it does not grow with what the tables hold."""

import re
from datetime import UTC, datetime

from tests.console_harness import Browser
from tests.integration.cli.review_harness import NOW, System

PATHS = ("/", "/queue", "/queue?sort=score", "/case?id=t-0", "/search?q=tok_customer", "/lists", "/rules", "/reports")
MOST = {
    "/": 11,
    "/queue": 18,
    "/queue?sort=score": 18,
    "/case?id=t-0": 10,
    "/search?q=tok_customer": 6,
    "/lists": 6,
    "/rules": 2,
    "/reports": 1,
}
"""What docs/console.md says; with the ruleset at hand, which is read every half minute."""


def made(browser: Browser, path: str) -> int:
    found = re.search(r"made (\d+) requests? to AWS", browser.client.get(path).text)
    assert found
    return int(found[1])


def test_the_number_of_requests_does_not_grow_with_transactions(browser: Browser, system: System) -> None:
    system.alert("t-0")
    browser.page("/")  # reads the ruleset
    few = {path: made(browser, path) for path in PATHS}
    for number in range(1, 40):
        system.alert(f"t-{number}", at=NOW + number)
    for number in range(400):
        system.store(f"approved-{number}")
    many = {path: made(browser, path) for path in PATHS}
    assert many == few


def test_no_page_makes_more_requests_than_it_promises(browser: Browser, system: System) -> None:
    for number in range(3):
        system.alert(f"t-{number}", at=NOW + number)
    browser.page("/")
    assert {path: made(browser, path) <= most for path, most in MOST.items()} == dict.fromkeys(MOST, True)


def test_the_page_of_records_reads_at_most_fifty(browser: Browser, system: System) -> None:
    system.alert("t-1")
    for _ in range(30):
        form = browser.form(browser.page("/case", id="t-1"), "/case/take")
        browser.send("/case/take", **form)
        browser.send("/case/give-back", **browser.form(browser.page("/case", id="t-1"), "/case/give-back"))
    assert made(browser, f"/audit?date={datetime.now(UTC).date()}") == 51
