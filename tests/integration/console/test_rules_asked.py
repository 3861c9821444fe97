"""Rules are asked for once more before they count: what would change, what is live at once, what the log says."""

import re
from pathlib import Path

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream_tools.analytics.log_questions import FolderLog
from fraudstream_tools.operations.rulesets.drafts import in_shadow
from tests.console_harness import BEN, RULE, RULES, Browser, browser_on, draft_of, put_ruleset, with_rule, words
from tests.integration.cli.review_harness import BUCKET, System

LIVE = RULE.replace("    mode: shadow\n", "")
DECLINES = LIVE.replace('type == "TRANSFER" and amountBase > most', "amountBase > most").replace("5000", "1")
DECLINES = DECLINES.replace("    points: 1\n", "    decision: DECLINE\n")


def active(system: System) -> str:
    return system.s3.get_object(Bucket=BUCKET, Key="rulesets/live/ruleset.yaml")["Body"].read().decode()


def asked(browser: Browser, rule: str) -> str:
    """Press "Publish it" with a rule that was added, and give the page that asks once more."""
    page = browser.page("/rules/edit")
    draft = with_rule(draft_of(page), rule)
    return browser.send("/rules/publish", **browser.form(page, "/rules/check"), draft=draft, reason="transfers")


def test_nothing_is_published_before_the_second_yes(browser: Browser, system: System) -> None:
    before = active(system)
    page = asked(browser, LIVE)
    said = words(page)
    assert "Publish this draft?" in said
    assert "large-night-transfer added" in said
    assert "large-night-transfer is new and live: +1 points" in said
    assert "was not tried on the log" in said
    assert (active(system), browser.records()) == (before, [])
    browser.send("/rules/publish", **browser.form(page, "/rules/publish"), reason="transfers")
    assert active(system) == with_rule(before, LIVE)


def test_a_new_rule_is_watched_first_if_somebody_wants_that(browser: Browser, system: System) -> None:
    before = active(system)
    page = asked(browser, LIVE)
    assert "mode: shadow" in words(page)
    edited = browser.send("/rules/watch", **browser.form(page, "/rules/publish"), reason="transfers")
    draft = draft_of(edited)
    assert draft.count("mode: shadow") == before.count("mode: shadow") + 1
    assert active(system) == before
    form = browser.form(edited, "/rules/check")
    said = browser.send("/rules/publish", **form, draft=draft, reason="transfers")
    assert "No rule that is new or changed is live" in words(said)
    assert "/rules/watch" not in said


def test_what_the_log_said_of_the_draft_is_said_before_it_counts(browser: Browser, world_log: Path) -> None:
    browser.system.rules = RULES
    browser.system.log = FolderLog(world_log)
    page = browser.page("/rules/edit")
    fields = browser.form(page, "/rules/check") | {"draft": with_rule(draft_of(page), DECLINES)}
    tried = words(browser.send("/rules/try", **fields))
    count = re.search(r"([\d,]+) would be decided otherwise", tried)
    assert count
    assert "UTC UTC" not in tried
    said = words(asked(browser, DECLINES))
    assert f"{count[1]} of " in said
    assert "would have been decided otherwise" in said
    assert "was not tried on the log" in words(asked(browser, LIVE)), "that was another draft"


def test_what_is_asked_is_what_is_published(aws: MinistackServer, browser: Browser, system: System) -> None:
    """A yes to one draft is none to another, nor to one that is beside other rules by now."""
    before = active(system)
    form = browser.form(asked(browser, LIVE), "/rules/publish")
    other = form | {"draft": with_rule(before, DECLINES)}
    assert "Publish this draft?" in words(browser.send("/rules/publish", **other, reason="transfers"))
    assert active(system) == before
    ben = browser_on(aws, BEN).enter()
    page = ben.page("/rules/edit")
    ben.make_active("/rules/publish", "mine", **ben.form(page, "/rules/check"), draft=with_rule(draft_of(page)))
    assert "somebody else has stored another ruleset since you began" in words(
        browser.send("/rules/publish", **form, reason="transfers")
    )
    assert active(system) == with_rule(before)


def test_an_earlier_ruleset_is_asked_for_once_more_too(browser: Browser, system: System) -> None:
    system.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    put_ruleset(system)
    page = browser.page("/rules/edit")
    fields = browser.form(page, "/rules/check") | {"draft": with_rule(draft_of(page), LIVE)}
    history = browser.make_active("/rules/publish", "transfers", **fields)
    page = browser.send("/rules/roll-back", **browser.form(history, "/rules/roll-back"), reason="too many")
    assert "active again?" in words(page)
    assert "large-night-transfer removed" in words(page)
    assert "large-night-transfer" in active(system)
    browser.send("/rules/roll-back", **browser.form(page, "/rules/roll-back"), reason="too many")
    assert "large-night-transfer" not in active(system)


@pytest.mark.parametrize("mode", ["", "    mode: live\n", "    mode: shadow\n"])
def test_a_rule_is_put_in_shadow_and_the_rest_stays_as_it_was_written(mode: str) -> None:
    text = f"# mine\nrules:\n  - id: one  # a rule\n{mode}    points: 1\n  - id: two\n    mode: live\n"
    assert in_shadow(text, {"one"}) == (
        "# mine\nrules:\n  - id: one  # a rule\n    mode: shadow\n    points: 1\n  - id: two\n    mode: live\n"
    )
    assert in_shadow(text, ()) == text
