"""`audit`: the console's records at the command line."""

import json
from datetime import UTC, datetime

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.clock import epoch_milliseconds
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


def write(system: System, who: str, name: str, **told: object) -> None:
    """Store a record as a script may that uses what a person is allowed, whatever it says."""
    now = epoch_milliseconds()
    record = {"id": name, "at": now, "by": BEN.arn, "userId": BEN.user_id, "action": "take-alert", "target": "", **told}
    key = f"audit/date={datetime.now(UTC).date()}/{who}/{now}-{name}.json"
    system.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(record).encode())


SESSION = "AROAEXAMPLE:anna"
SESSION_ARN = "arn:aws:sts::1:assumed-role/analysts/"


@pytest.mark.parametrize(
    ("who", "told", "shown"),
    [
        (ANNA.user_id, {}, ANNA.user_id),
        (SESSION, {"userId": SESSION, "by": f"{SESSION_ARN}ben"}, SESSION),
        (SESSION, {"userId": SESSION, "by": f"{SESSION_ARN}anna"}, f"{SESSION_ARN}anna"),
        (BEN.user_id, {}, BEN.arn),
    ],
)
def test_a_record_is_in_the_name_that_a_policy_held_its_writer_to(
    fraudstream: Command, browser: Browser, system: System, *, who: str, told: dict[str, str], shown: str
) -> None:
    write(system, who, "a", **told)
    (found,) = json.loads(fraudstream("audit", "--json").out)
    assert (found["by"], found["userId"]) == (shown, who)
    assert f"{shown}, {who}" in browser.page("/audit")


@pytest.mark.parametrize("folder", ["AIDAben/AIDAanna", "AIDAanna/AIDAben"])
def test_a_record_that_may_be_anybodys_is_shown_as_nobodys(fraudstream: Command, system: System, folder: str) -> None:
    """A policy's `*` spans slashes."""
    write(system, folder, "a")
    assert "nobody did anything" in fraudstream("audit").out


def test_nobodys_record_says_that_anothers_change_was_refused(browser: Browser, system: System) -> None:
    write(system, BEN.user_id, "a", action="close-alert")
    write(system, ANNA.user_id, "b", refuses="a", outcome="REFUSED")
    page = browser.page("/audit")
    assert "close alert" in page
    assert "refused</span>" not in page


def test_a_reason_of_several_lines_is_one(fraudstream: Command, system: System) -> None:
    write(system, BEN.user_id, "a", reason="none\n2026-11-29 00:00:00 UTC  anna  close alert\u2028anna")
    (line,) = fraudstream("audit").out.splitlines()
    assert line.endswith("none 2026-11-29 00:00:00 UTC  anna  close alert anna")
