"""How many requests to AWS a page makes, with 50,000 transactions in the tables; it does not grow with them."""

import re
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fraudstream.contract import DECISION_LOG_PREFIX
from fraudstream_tools.analytics.log_questions import FetchedLog
from tests.aws_harness import import_items
from tests.console_harness import Browser
from tests.integration.cli.review_harness import ALERTS, BUCKET, NOW, TRANSACTIONS, System
from tests.integration.console.test_log_search import EVER
from tests.unit.analytics.log_harness import happened

STORED = 50_000
FLAGGED = 5_000
MOST = {
    "/": 14,
    "/queue": 14,
    "/queue?sort=score": 14,
    "/case?id=t-0": 10,
    "/case?id=with-card": 19,
    "/search?q=tok_customer": 6,
    "/lists": 7,
    "/rules": 8,
    "/rules/edit": 3,
    "/models": 5,
    "/reports": 1,
    "/report?date=2026-11-22": 1,
    "/rules/history": 10,
    "/audit": 2,
    "/labels": 2,
}
"""What docs/console.md says; with the ruleset at hand, which is read every half minute."""

Item = Mapping[str, Any]


def made(browser: Browser, path: str) -> int:
    found = re.search(r"made (\d+) requests? to AWS", browser.client.get(path).text)
    assert found
    return int(found[1])


def all_made(browser: Browser) -> dict[str, int]:
    browser.system.four_eyes = ("labels",)
    browser.system.monotonic = lambda: 0.0  # on a slow machine, half a minute may go by between two pages
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
    system.alert("with-card", card_token="tok_" + "c" * 22)
    few = all_made(browser)
    # Most are of one customer: a search for them has many pages, of which one is shown.
    fill(system, TRANSACTIONS, STORED)
    assert all_made(browser) == few


def test_no_page_makes_more_requests_than_promised_with_many_alerts(browser: Browser, system: System) -> None:
    for number in range(20):
        system.alert(f"t-{number}", at=NOW + number, customer=f"tok_{number}")
    system.alert("with-card", customer="tok_with_card", card_token="tok_" + "c" * 22)
    fill(system, TRANSACTIONS, STORED)
    fill(system, ALERTS, FLAGGED)
    found = all_made(browser)
    assert {path: number for path, number in found.items() if number > MOST[path]} == {}


def multiply(connection: duckdb.DuckDBPyConnection, path: Path, times: int) -> None:
    """Put copies of a file's transactions beside them, under other ids."""
    rows = connection.read_parquet(str(path), hive_partitioning=False)
    copies = connection.sql("SELECT * FROM range($times) AS copies(n)", params={"times": times})
    named = {each: f'"{each}"' for each in rows.columns} | {"transactionId": "transactionId || '-' || n"}
    every = ", ".join(f'{value} AS "{each}"' for each, value in named.items())
    more = path.with_suffix(".more")
    rows.cross(copies).project(every).write_parquet(str(more))
    more.replace(path)


def put_log(system: System, log: Path, most: int) -> int:
    """Store a log of the same hours, with at least so many transactions in them; return of how many it is."""
    files = [*sorted(log.glob("decisions/*/*.parquet")), *sorted(log.glob("labels/*/*.parquet"))]
    times = -(-most // len(happened()))
    with duckdb.connect() as connection:
        for path in files:
            if times > 1 and path.is_relative_to(log / "decisions"):
                multiply(connection, path, times)
            key = DECISION_LOG_PREFIX + path.relative_to(log).as_posix()
            system.s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    return len(files)


@pytest.mark.parametrize("stored", [1, STORED])
def test_pages_of_the_log_ask_for_hours_and_not_for_transactions(
    browser: Browser, system: System, world_log: Path, tmp_path: Path, stored: int
) -> None:
    shared = next(each.transaction for each in happened() if each.transaction.device_id)
    system.store("t-0", customer=shared.customer_id, device_id=shared.device_id)
    log = shutil.copytree(world_log, tmp_path / "log")
    files = put_log(system, log, stored)
    now = [0.0]
    fetched = FetchedLog(browser.system.s3, BUCKET, tmp_path / "fetched", days=EVER, monotonic=lambda: now[0])
    browser.system.log = fetched
    links, search = "/links?id=t-0", f"/search/log?q={shared.device_id}"
    # A listing of both tables and each hour once; the links' page reads its transaction too.
    assert made(browser, links) == 1 + 2 + files
    assert (made(browser, links), made(browser, search)) == (1, 0)
    now[0] += 3600
    assert made(browser, search) == 2
    assert len(fetched.ask("SELECT transactionId FROM decisions", (), stored).rows) >= stored


def test_the_page_of_records_reads_at_most_fifty(browser: Browser, system: System) -> None:
    system.alert("t-1")
    for _ in range(30):
        form = browser.form(browser.page("/case", id="t-1"), "/case/take")
        browser.send("/case/take", **form)
        browser.send("/case/give-back", **browser.form(browser.page("/case", id="t-1"), "/case/give-back"))
    assert made(browser, f"/audit?date={datetime.now(UTC).date()}") == 51
