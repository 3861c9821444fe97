"""How many requests to AWS a page makes, with 50,000 transactions in the tables; it does not grow with them."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.aws_harness import import_items
from tests.console_harness import Browser
from tests.integration.cli.review_harness import ALERTS, BUCKET, NOW, TRANSACTIONS, System

STORED = 50_000
FLAGGED = 5_000
MOST = {
    "/": 15,
    "/queue": 18,
    "/queue?sort=score": 18,
    "/case?id=t-0": 10,
    "/search?q=tok_customer": 6,
    "/lists": 7,
    "/rules": 8,
    "/rules/edit": 3,
    "/models": 5,
    "/reports": 1,
    "/report?date=2026-11-22": 1,
    "/rules/history": 10,
    "/audit": 2,
    "/links?id=t-0": 1,
    "/search/log?q=tok_customer": 0,
}
"""What docs/console.md says; with the ruleset at hand, which is read every half minute."""

Item = Mapping[str, Any]


def made(browser: Browser, path: str) -> int:
    found = re.search(r"made (\d+) requests? to AWS", browser.client.get(path).text)
    assert found
    return int(found[1])


def all_made(browser: Browser) -> dict[str, int]:
    browser.page("/")  # reads the ruleset
    return {path: made(browser, path) for path in MOST}


def multiplied(items: list[Item], count: int) -> Iterator[Item]:
    """Give the items, and as many more like them under other ids as it takes."""
    yield from items
    for number in range(count - len(items)):
        like = items[number % len(items)]
        yield {**like, "transactionId": {"S": f"more-{number}"}}


def fill(system: System, table: str, count: int) -> None:
    items: list[Item] = list(system.dynamodb.scan(TableName=table)["Items"])
    import_items(system.dynamodb, system.s3, BUCKET, table, multiplied(items, count))
    assert system.dynamodb.describe_table(TableName=table)["Table"].get("ItemCount") == count


def test_the_number_of_requests_does_not_grow_with_transactions(browser: Browser, system: System) -> None:
    for number in range(20):
        system.alert(f"t-{number}", at=NOW + number)
    few = all_made(browser)
    # Most are of one customer: a search for them has many pages, of which one is shown.
    fill(system, TRANSACTIONS, STORED)
    assert all_made(browser) == few


def test_no_page_makes_more_requests_than_promised_with_many_alerts(browser: Browser, system: System) -> None:
    for number in range(20):
        system.alert(f"t-{number}", at=NOW + number, customer=f"tok_{number}")
    fill(system, TRANSACTIONS, STORED)
    fill(system, ALERTS, FLAGGED)
    found = all_made(browser)
    assert {path: number for path, number in found.items() if number > MOST[path]} == {}


def test_the_page_of_records_reads_at_most_fifty(browser: Browser, system: System) -> None:
    system.alert("t-1")
    for _ in range(30):
        form = browser.form(browser.page("/case", id="t-1"), "/case/take")
        browser.send("/case/take", **form)
        browser.send("/case/give-back", **browser.form(browser.page("/case", id="t-1"), "/case/give-back"))
    assert made(browser, f"/audit?date={datetime.now(UTC).date()}") == 51
