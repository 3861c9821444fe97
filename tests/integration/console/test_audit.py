"""`audit`: the console's records at the command line."""

import json

import pytest

from embedded_aws.ministack.server import MinistackServer
from tests.cli_harness import Command, point_at
from tests.console_harness import ANNA, BEN, Browser, browser_on
from tests.integration.cli.review_harness import BUCKET, System


@pytest.fixture
def fraudstream(aws: MinistackServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    point_at(aws.endpoint_url, monkeypatch, bucketName=BUCKET)
    return Command(capsys)


def test_a_days_records_are_printed_newest_first(
    fraudstream: Command, aws: MinistackServer, browser: Browser, system: System
) -> None:
    system.alert("t-1")
    ben = browser_on(aws, BEN).enter()
    form = ben.form(ben.page("/case", id="t-1"), "/case/decide")
    browser.send("/case/take", **browser.form(browser.page("/case", id="t-1"), "/case/take"))
    ben.send("/case/decide", **form, label="FRAUD", note="denied")
    lines = fraudstream("audit").out.splitlines()
    assert ["refused, not made" in line for line in lines] == [True, False, False]
    assert "anna  take alert  transaction#t-1" in lines[2]
    assert "ben  label transaction  transaction#t-1: denied" in lines[1]
    found = json.loads(fraudstream("audit", "--json").out)
    assert [each["by"] for each in found] == [BEN.arn, BEN.arn, ANNA.arn]
    for form_of_output in ((), ("--json",)):
        assert "the newest 1 of 3; --limit shows more" in fraudstream("audit", "--limit", 1, *form_of_output).err
        assert fraudstream("audit", "--limit", 3, *form_of_output).err == ""


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "yesterday"])
@pytest.mark.parametrize("path", ["/audit", "/report"])
def test_a_page_of_no_possible_day_asks_which_one(browser: Browser, path: str, day: str) -> None:
    answer = browser.client.get(path, params={"date": day})
    assert answer.status_code == 400
    assert "which day? Write" in answer.text


def test_a_day_without_records_says_so(fraudstream: Command, system: System) -> None:
    del system  # it has made the bucket
    assert "nobody did anything" in fraudstream("audit", "--date", "2026-01-01").out
