"""Rules in the console: with their figures, edited, checked, published with a reason, and taken back."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.transactions.decisions.decision import Verdict
from tests.console_harness import ANNA, BEN, RULE, RULES, Browser, browser_on, draft_of, put_ruleset, with_rule, words
from tests.integration.cli.review_harness import BUCKET, System
from tests.unit.reporting.decision_log_harness import Stream, report_of, transaction


def active(system: System) -> str:
    return system.s3.get_object(Bucket=BUCKET, Key="rulesets/live/ruleset.yaml")["Body"].read().decode()


def test_a_rule_is_written_checked_published_and_taken_back(browser: Browser, system: System) -> None:
    system.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    put_ruleset(system)
    page = browser.page("/rules/edit")
    assert draft_of(page) == (RULES / "ruleset.yaml").read_text()
    form, draft = browser.form(page, "/rules/check"), with_rule(draft_of(page))
    checked = browser.send("/rules/check", **form, draft=draft)
    assert "large-night-transfer added" in words(checked)
    assert "parameters: most 5,000" in words(checked)
    assert draft_of(checked).rstrip() == draft.rstrip()
    assert active(system) == (RULES / "ruleset.yaml").read_text()

    published = browser.make_active("/rules/publish", "large transfers", **form, draft=draft.replace("\n", "\r\n"))
    assert "is active within a minute" in words(published)
    assert "anna large transfers" in words(published)
    assert active(system) == draft
    assert "large-night-transfer" in words(browser.page("/rules"))

    back = browser.make_active("/rules/roll-back", "too many", **browser.form(published, "/rules/roll-back"))
    assert "is active again" in words(back)
    assert active(system) == (RULES / "ruleset.yaml").read_text()
    assert [(each["action"], each["reason"], each["by"]) for each in browser.records()] == [
        ("publish-rules", "large transfers", ANNA.arn),
        ("roll-back-rules", "too many", ANNA.arn),
    ]


@pytest.mark.parametrize(
    ("currencies", "said"),
    [
        (("EUR",), "1 hit, 12.50 EUR Hits when"),
        (("EUR", "JPY"), "2 hits, 12.50 EUR, 1,250 JPY Hits when"),
        (("CHF", "EUR", "GBP", "USD"), "12.50 CHF, 12.50 EUR, 12.50 GBP and values in 1 more currency Hits when"),
    ],
)
def test_what_a_rule_hit_is_told_in_every_currency_or_how_many_more_there_are(
    browser: Browser, system: System, tmp_path: Path, currencies: Sequence[str], said: str
) -> None:
    stream = Stream()
    for number, currency in enumerate(currencies):
        stream.store_and_decide(transaction(number, currency=currency), Verdict.REVIEW, rules=("card-velocity",))
    report = report_of(stream, tmp_path)
    (written,) = tmp_path.rglob("report.json")
    key = f"reports/date={report.date}/report.json"
    system.s3.put_object(Bucket=BUCKET, Key=key, Body=written.read_bytes())
    page = words(browser.page("/rules"))
    assert said in page
    assert page.count("no hits Hits when") == page.count("Hits when") - 1


def test_without_a_report_no_rule_is_said_to_have_no_hits(browser: Browser) -> None:
    assert "no hits" not in words(browser.page("/rules"))


def test_parameters_of_a_rule_are_shown_as_people_write_them(browser: Browser) -> None:
    said = words(browser.page("/rules"))
    assert "spending PAYMENT, TRANSFER, WITHDRAWAL earlier 3 tells" in said
    assert "['" not in said


def test_faults_of_a_draft_are_named_by_line_and_nothing_is_written(browser: Browser, system: System) -> None:
    page = browser.page("/rules/edit")
    form = browser.form(page, "/rules/check")
    draft = with_rule(draft_of(page), RULE.replace("amountBase", "amountBaze"))
    for path in ("/rules/check", "/rules/publish"):
        said = words(browser.send(path, **form, draft=draft, reason="tried"))
        assert "there is no field or parameter amountBaze: did you mean amountBase?" in said
    assert "amountBaze" in draft_of(browser.send("/rules/check", **form, draft=draft)), "the draft is not lost"
    assert active(system) == (RULES / "ruleset.yaml").read_text()
    assert browser.records() == []


def test_a_draft_needs_a_reason(browser: Browser, system: System) -> None:
    page = browser.page("/rules/edit")
    draft = with_rule(draft_of(page))
    said = browser.send("/rules/publish", **browser.form(page, "/rules/check"), draft=draft, reason=" ")
    assert "nothing was changed: the reason is empty" in words(said)
    assert active(system) == (RULES / "ruleset.yaml").read_text()


def test_a_draft_of_an_older_ruleset_overwrites_nobodys_change(
    aws: MinistackServer, browser: Browser, system: System
) -> None:
    ben = browser_on(aws, BEN).enter()
    annas, bens = (each.page("/rules/edit") for each in (browser, ben))
    bens_draft = with_rule(draft_of(bens))
    ben.make_active("/rules/publish", "large transfers", **ben.form(bens, "/rules/check"), draft=bens_draft)
    form = browser.form(annas, "/rules/check")
    annas_draft = draft_of(annas).replace("points: 1 ", "points: 2 ", 1) + "# anna\n"
    said = words(browser.send("/rules/publish", **form, draft=annas_draft, reason="stricter"))
    assert "somebody else has stored another ruleset since you began" in said
    assert active(system) == bens_draft
