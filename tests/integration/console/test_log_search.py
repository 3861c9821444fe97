"""What cards, devices and others took part in: by a copy of the decision log, one that is fetched, or Athena."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fraudstream.contract import ROLL_UP_MINUTE
from fraudstream_tools.analytics import log_questions
from fraudstream_tools.analytics.answers import QuestionError
from fraudstream_tools.analytics.athena import Athena
from fraudstream_tools.analytics.log_questions import AthenaLog, FetchedLog, FolderLog, LogQuestions
from fraudstream_tools.operations.investigation.links import find_links
from fraudstream_tools.operations.investigation.log_search import search_log
from tests.athena_harness import DATABASE, WORKGROUP, local_athena
from tests.console_harness import Browser, put_log, words
from tests.integration.cli.review_harness import BUCKET, System
from tests.unit.analytics.log_harness import happened

EVER = 20 * 365
"""Days: the world of the tests lies in the past."""


@pytest.fixture(params=["folder", "fetched", "athena"])
def questions(request: pytest.FixtureRequest, system: System, log: Path, tmp_path: Path) -> Iterator[LogQuestions]:
    match request.param:
        case "folder":
            yield FolderLog(log)
        case "fetched":
            put_log(system, log)
            yield FetchedLog(system.s3, BUCKET, tmp_path, days=EVER)
        case _:
            with local_athena(log) as server:
                server.looks = 0
                yield AthenaLog(Athena(client=server.client, workgroup=WORKGROUP, database=DATABASE), days=EVER)


@pytest.fixture(scope="module")
def device() -> str:
    """One that several transactions name, some of them known for fraud."""
    found = [each.transaction.device_id for each in happened() if each.is_fraud and each.transaction.device_id]
    return str(max(found, key=found.count))


def test_every_engine_finds_the_transactions_of_a_device_newest_first(questions: LogQuestions, device: str) -> None:
    expected = [each for each in happened() if each.transaction.device_id == device]
    found = search_log(questions, device, 500)
    assert {each.transaction_id for each in found.transactions} == {
        each.transaction.transaction_id for each in expected
    }
    times = [each.received_at for each in found.transactions]
    assert times == sorted(times, reverse=True)
    labels = {each.transaction_id: each.label for each in found.transactions}
    assert labels == {each.transaction.transaction_id: each.label.label if each.label else None for each in expected}
    assert found.as_of == max(each.transaction.received_at for each in happened())
    assert not found.has_more


def test_every_engine_says_who_is_connected(questions: LogQuestions, log: Path) -> None:
    one = next(each.transaction for each in happened() if each.is_fraud and each.transaction.ip_address)
    shared = {"ipAddress": str(one.ip_address)}
    assert find_links(questions, one.customer_id, shared) == find_links(FolderLog(log), one.customer_id, shared)


def test_the_log_is_not_asked_about_nobody(browser: Browser) -> None:
    browser.system.log = FolderLog(Path("nowhere"))
    said = words(browser.page("/search/log"))
    assert "Write a transaction's id above, or the token of a customer, card or other" in said


def test_more_than_a_page_has_is_said(log: Path) -> None:
    merchant = str(next(each.transaction.merchant_id for each in happened() if each.transaction.merchant_id))
    assert search_log(FolderLog(log), merchant, 1).has_more


def test_a_fetched_log_is_fetched_once_and_gets_what_is_new(
    browser: Browser, system: System, log: Path, tmp_path: Path
) -> None:
    put_log(system, log)
    now = [0.0]
    fetched = FetchedLog(browser.system.s3, BUCKET, tmp_path, days=EVER, monotonic=lambda: now[0])
    browser.system.log = fetched
    token = happened()[0].transaction.customer_id
    assert made(browser, token) > 2
    assert made(browser, token) == 0, "it is fresh"
    now[0] = 3600
    assert made(browser, token) == 2, "a listing of each table, and nothing new"


def made(browser: Browser, token: str) -> int:
    page = words(browser.page("/search/log", q=token))
    assert "by the decision log of the last" in page
    return int(page.partition("this page made ")[2].split()[0])


def test_too_much_to_fetch_leads_to_athena(
    system: System, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_log(system, log)
    monkeypatch.setattr(log_questions, "_MOST_FETCHED", 1000)
    with pytest.raises(QuestionError, match="set `analytics` to true"):
        search_log(FetchedLog(system.s3, BUCKET, tmp_path, days=EVER), "tok_" + "a" * 22, 50)


def test_a_log_without_a_merged_hour_says_when_there_will_be_one(
    browser: Browser, system: System, tmp_path: Path
) -> None:
    system.store("t-1", device_id="tok_device")
    browser.system.log = FetchedLog(browser.system.s3, BUCKET, tmp_path)
    token = "tok_" + "a" * 22
    for page, back in (
        (browser.page("/search/log", q=token), f"/search?q={token}"),
        (browser.page("/links", id="t-1"), "/case?id=t-1"),
    ):
        said = words(page)
        assert "The decision log has no merged hour yet" in said
        found = re.search(r"The next one is merged at (.{16}):00 UTC, in (\d+) (min|s)", said)
        assert found
        in_future = datetime.strptime(f"{found[1]} +0000", "%Y-%m-%d %H:%M %z") - datetime.now(UTC)
        assert in_future < timedelta(hours=1, minutes=1)
        assert int(found[1][-2:]) == ROLL_UP_MINUTE
        assert f"fraudstream report --date {datetime.now(UTC).date()}" in said
        assert back in page


def test_a_first_hour_is_found_as_soon_as_it_is_merged(
    browser: Browser, system: System, log: Path, tmp_path: Path
) -> None:
    browser.system.log = FetchedLog(browser.system.s3, BUCKET, tmp_path, days=EVER, monotonic=lambda: 0.0)
    token = happened()[0].transaction.customer_id
    assert "no merged hour yet" in words(browser.page("/search/log", q=token))
    put_log(system, log)
    assert made(browser, token) > 2


def test_the_page_of_a_token_leads_to_the_log_and_back(browser: Browser, log: Path, device: str) -> None:
    token = "tok_" + "a" * 22
    assert "Look in the decision log" not in browser.page("/search", q=token)
    browser.system.log = FolderLog(log)
    assert f"/search/log?q={token}" in browser.page("/search", q=token)
    page = browser.page("/search/log", q=device)
    assert "which knows decisions until" in words(page)
    customers = {each.transaction.customer_id for each in happened() if each.transaction.device_id == device}
    assert all(f"/search?q={customer}" in page for customer in customers)
    assert "The log names it nowhere." in words(browser.page("/search/log", q=token))
