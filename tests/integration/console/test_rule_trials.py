"""A draft of rules tried in the console: live checking, fixtures, and what would change on a copy of the log."""

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fraudstream_tools.analytics.log_questions import FolderLog
from fraudstream_tools.cli.support.shown.review.case_words import NOTHING
from fraudstream_tools.console.pages.rules import trial
from fraudstream_tools.operations.rulesets.trials import DraftBacktest, try_on_log
from tests.console_harness import RULE, RULES, Browser, draft_of, with_rule, words
from tests.unit.analytics.log_harness import happened

DECLINES = (
    RULE.replace('type == "TRANSFER" and amountBase > most', "amountBase > most")
    .replace("most: 5000", "most: 1")
    .replace("    points: 1\n", "    decision: DECLINE\n")
    .replace("mode: shadow", "mode: live")
)


@pytest.fixture
def drafts(browser: Browser) -> Browser:
    browser.system.rules = RULES
    return browser


def tried(browser: Browser, rule: str | None) -> str:
    page = browser.page("/rules/edit")
    draft = draft_of(page) if rule is None else with_rule(draft_of(page), rule)
    return browser.send("/rules/try", **browser.form(page, "/rules/check"), draft=draft)


def test_what_is_wrong_with_a_draft_is_said_while_it_is_written(drafts: Browser) -> None:
    draft = draft_of(drafts.page("/rules/edit"))
    wrong = drafts.send("/rules/problems", draft=with_rule(draft, RULE.replace("amountBase", "amountBaze")))
    assert "amountBaze" in wrong
    assert "amountBase" in wrong, "the name that is meant"
    dead = RULE.replace("amountBase > most", 'amountBase > most and cardCountry == "de"')
    assert "did you mean DE?" in drafts.send("/rules/problems", draft=with_rule(draft, dead))
    right = drafts.client.post(
        "/rules/problems",
        data={"csrf": drafts.session.csrf, "draft": with_rule(draft)},
        headers={"Origin": str(drafts.client.base_url)},
    ).json()
    assert right["problems"] == []
    assert right["rules"] == draft.count("- id:") + 1


def test_a_draft_passes_the_fixtures_or_says_which_case_fails(drafts: Browser) -> None:
    assert re.search(r"All \d+ cases do what they must", words(tried(drafts, RULE)))
    page = drafts.page("/rules/edit")
    broken = re.sub(r"earlier: \d+", "earlier: 14", draft_of(page), count=1)
    said = words(drafts.send("/rules/try", **drafts.form(page, "/rules/check"), draft=broken))
    assert re.search(r"must be hit, is miss", said)


def test_the_page_lists_the_transactions_that_would_change(drafts: Browser, log: Path) -> None:
    drafts.system.log = FolderLog(log)
    page = tried(drafts, DECLINES)
    amounts = {each.transaction.transaction_id: each.amount for each in happened()}
    changed = re.findall(r'/case\?id=([^"]+)"', page.partition('id="would-change"')[2])
    assert changed
    assert all(amounts[name] > 1 for name in changed)
    assert "APPROVE DECLINE" in words(page), "what it was, and what it would be"
    count = re.search(r"([\d,]+) would be decided otherwise", words(page))
    assert count
    assert int(count[1].replace(",", "")) >= len(changed)


def test_what_has_no_exchange_rate_is_not_shown_as_worth_nothing(
    drafts: Browser, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_a_rate(*asked: Any) -> DraftBacktest:
        found = try_on_log(*asked)
        assert found.figures
        figures = replace(found.figures, unvalued_frauds=1200)
        return DraftBacktest(figures=figures, changes=[each._replace(amount=0) for each in found.changes])

    drafts.system.log = FolderLog(log)
    monkeypatch.setattr(trial, "try_on_log", without_a_rate)
    page = tried(drafts, DECLINES)
    assert "Frauds without an exchange rate, which add nothing to the values: 1,200." in words(page)
    values = re.findall(r'<td class="number">([^<]+)</td>', page.partition('id="would-change"')[2])
    assert values[0] == NOTHING


def test_a_draft_in_shadow_changes_nothing(drafts: Browser, log: Path) -> None:
    drafts.system.log = FolderLog(log)
    assert "decided as by the active ruleset" in words(tried(drafts, RULE))


def test_without_a_copy_of_the_log_the_page_says_how_to_get_one(drafts: Browser) -> None:
    assert "fraudstream log pull" in words(tried(drafts, RULE))


def test_without_a_log_yet_the_page_says_so_beside_the_fixtures(drafts: Browser, tmp_path: Path) -> None:
    drafts.system.log = FolderLog(tmp_path)
    said = words(tried(drafts, RULE))
    assert re.search(r"All \d+ cases do what they must", said)
    assert "It was not tried on the log: " in said


def test_a_draft_with_faults_is_not_tried(drafts: Browser) -> None:
    page = tried(drafts, RULE.replace("amountBase", "amountBaze"))
    assert "there is no field or parameter amountBaze: did you mean amountBase?" in words(page)
    assert "Fixtures" not in words(page)
