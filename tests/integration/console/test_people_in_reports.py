"""What a day's report says of what people did: records counted, changes of rules, and writes without a record."""

from datetime import UTC, datetime

import pytest

from fraudstream.reporting.daily.people import people_of
from fraudstream.reporting.daily.schema.people import ActionFigures, PeopleFigures
from tests.console_harness import Browser, draft_of, put_ruleset, with_rule
from tests.integration.cli.review_harness import BUCKET, System


@pytest.fixture
def versioned(system: System) -> System:
    system.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    put_ruleset(system)
    return system


def today(system: System) -> PeopleFigures:
    return people_of(system.s3, BUCKET, datetime.now(UTC).date())


def act(browser: Browser, name: str, action: str, **fields: str) -> None:
    browser.send(f"/case/{action}", **browser.form(browser.page("/case", id=name), f"/case/{action}"), **fields)


def test_actions_are_counted_and_nobody_is_named(browser: Browser, versioned: System) -> None:
    for name in ("t-1", "t-2"):
        versioned.alert(name, customer=f"tok_{name}")
        act(browser, name, "take")
    act(browser, "t-1", "note", text="called")
    found = today(versioned)
    assert found.people == 1
    assert found.actions[0] == ActionFigures(action="take-alert", done=2, refused=0)
    assert ActionFigures(action="note-case", done=1, refused=0) in found.actions
    assert "anna" not in repr(found)


def test_a_published_ruleset_has_a_record_and_an_upload_has_none(browser: Browser, versioned: System) -> None:
    page = browser.page("/rules/edit")
    fields = browser.form(page, "/rules/check") | {"draft": with_rule(draft_of(page)), "reason": "transfers"}
    browser.send("/rules/publish", **fields)
    versioned.s3.put_object(Bucket=BUCKET, Key="rulesets/live/lists.yaml", Body=b"blocked: {}\ntrusted: {}\n# mine\n")
    *_, published, uploaded = today(versioned).ruleset_changes
    assert (published.file, published.recorded) == ("ruleset.yaml", True)
    assert (uploaded.file, uploaded.recorded) == ("lists.yaml", False)


def test_a_damaged_record_is_counted_and_stops_nothing(versioned: System) -> None:
    day = datetime.now(UTC).date()
    versioned.s3.put_object(Bucket=BUCKET, Key=f"audit/date={day}/AIDAX/1-a.json", Body=b"{")
    found = today(versioned)
    assert (found.people, found.unread, found.actions) == (0, 1, ())
