"""Today so far, by the hours of the log that are merged."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from fraudstream.transactions.decisions.decision import Truth, Verdict
from fraudstream_tools.operations.day_so_far import DayCopy, DaySoFar
from fraudstream_tools.rules.folder import RulesFolder
from tests.console_harness import RULES, Browser, put_log, words
from tests.integration.cli.review_harness import BUCKET, System
from tests.unit.analytics.log_harness import Happened, days, happened, merged_log
from tests.unit.reporting.decision_log_harness import (
    DAY,
    HOUR,
    MIDNIGHT,
    Stream,
    decision,
    item,
    label,
    report_of,
    transaction,
)

RATES = RulesFolder(RULES).load().rates


@pytest.fixture(scope="module")
def day() -> date:
    """One with fraud that was approved, and with some that was not."""
    return max(days(), key=lambda each: min(len(frauds(each, flagged=True)), len(frauds(each, flagged=False))))


def of(day: date) -> Sequence[Happened]:
    return [each for each in happened() if each.day == day]


def frauds(day: date, *, flagged: bool) -> Sequence[Happened]:
    return [each for each in of(day) if each.is_fraud and each.flagged is flagged]


def value(transactions: Sequence[Happened]) -> float:
    return sum(
        RATES.to_base(each.transaction.amount_minor, each.transaction.currency, each.transaction.received_at) or 0
        for each in transactions
    )


@pytest.fixture
def known(system: System, log: Path, tmp_path: Path, day: date) -> DaySoFar:
    put_log(system, log)
    found = DayCopy(s3=system.s3, bucket=BUCKET, folder=tmp_path).so_far(RATES, day)
    assert found
    return found


def test_decisions_by_hour_and_values_are_those_that_happened(known: DaySoFar, day: date) -> None:
    assert known.decisions == len(of(day))
    assert known.flagged == sum(each.flagged for each in of(day))
    assert sum(each.decisions for each in known.hours) == known.decisions
    assert known.value == pytest.approx(value(of(day)), rel=0.01)
    assert known.flagged_value == pytest.approx(value([each for each in of(day) if each.flagged]), rel=0.01)


def test_fraud_is_missed_where_it_was_approved(known: DaySoFar, day: date) -> None:
    missed = value(frauds(day, flagged=False))
    assert known.missed_value == pytest.approx(missed, rel=0.01)
    assert known.fraud_value == pytest.approx(missed + value(frauds(day, flagged=True)), rel=0.01)


def test_fraud_that_was_labelled_before_its_decision_is_not_missed(system: System, tmp_path: Path) -> None:
    at = MIDNIGHT + 9 * HOUR
    stream = Stream()
    early = item(transaction(1, amount=5000), label(Truth.FRAUD, at=at))
    stream.add(early, at=at)
    stream.add(early | decision(Verdict.DECLINE, at=at).to_item(), early, at=at)
    # Of what two say at the same moment, fraud stands.
    stream.store_decide_and_label(transaction(2, amount=700), Verdict.APPROVE, Truth.FRAUD)
    fraud = stream.records[-1]["dynamodb"]["NewImage"]
    stream.add(fraud | label(Truth.LEGITIMATE, at=at + HOUR).to_item(), fraud, at=at + HOUR)
    put_log(system, merged_log(stream, tmp_path))
    known = DayCopy(s3=system.s3, bucket=BUCKET, folder=tmp_path / "copy").so_far(RATES, DAY)
    assert known
    assert (known.fraud_value, known.missed_value) == (57.0, 7.0)


def test_currencies_without_a_rate_are_named_beside_the_values(
    browser: Browser, system: System, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stream = Stream()
    stream.store_decide_and_label(transaction(1, amount=5000), Verdict.REVIEW, Truth.FRAUD)
    stream.store_decide_and_label(transaction(2, amount=900_000, currency="NGN"), Verdict.REVIEW, Truth.FRAUD)
    put_log(system, merged_log(stream, tmp_path))
    browser.system.today = DayCopy(s3=system.s3, bucket=BUCKET, folder=tmp_path / "copy")
    known = browser.system.today.so_far(RATES, DAY)
    assert known
    assert (known.flagged_value, known.fraud_value, known.without_rate) == (50.0, 50.0, ["NGN"])
    monkeypatch.setattr(DayCopy, "so_far", lambda *_: known)
    assert "The values are without NGN, for which there is no exchange rate" in words(browser.page("/"))


def test_a_day_without_a_merged_hour_is_not_known(system: System, tmp_path: Path) -> None:
    assert DayCopy(s3=system.s3, bucket=BUCKET, folder=tmp_path).so_far(RATES) is None


def test_the_page_says_what_it_knows_and_until_when(
    browser: Browser, known: DaySoFar, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "No hour of today (UTC) is merged yet" in words(browser.page("/"))
    browser.system.today = DayCopy(s3=browser.system.s3, bucket=BUCKET, folder=tmp_path)
    assert "No hour of today (UTC) is merged yet" in words(browser.page("/"))
    monkeypatch.setattr(DayCopy, "so_far", lambda *_: known)
    said = words(browser.page("/"))
    assert f"{known.decisions:,} decisions, of them {known.flagged} flagged" in said
    assert f"{known.missed_value:,.2f} missed" in said
    assert browser.page("/").count('<rect class="all"') == len(known.hours)


def test_the_axis_has_its_hours_where_few_of_them_have_decisions(
    browser: Browser, known: DaySoFar, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    browser.system.today = DayCopy(s3=browser.system.s3, bucket=BUCKET, folder=tmp_path)
    early = replace(known, hours=[replace(known.hours[0], hour=1)])
    monkeypatch.setattr(DayCopy, "so_far", lambda *_: early)
    page = browser.page("/")
    assert page.count('<rect class="all"') == 1
    assert [f"{hour}</text>" in page for hour in ("00:00", "06:00", "12:00", "18:00")] == [True] * 4


def test_the_report_of_an_empty_day_is_shown_without_a_table(browser: Browser, system: System, tmp_path: Path) -> None:
    report = report_of(Stream(), tmp_path)
    (written,) = tmp_path.rglob("report.json")
    key = f"reports/date={report.date}/report.json"
    system.s3.put_object(Bucket=BUCKET, Key=key, Body=written.read_bytes())
    page = browser.page("/")
    assert "0 decisions, of them 0 to review" in words(page)
    assert "labelled fraud</th>" not in page


@pytest.mark.parametrize("page", ["/", "/reports"])
def test_where_there_is_no_report_yet_a_command_is_named_that_writes_one(browser: Browser, page: str) -> None:
    assert f"fraudstream report --date {datetime.now(UTC).date()} writes one of today" in words(browser.page(page))
