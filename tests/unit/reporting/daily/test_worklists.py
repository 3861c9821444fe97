"""The report at eight in the morning: all currencies in one total, what to look at first, and rules that are rules."""

import dataclasses
import json
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from fraudstream.detection.models.reasons import CODES
from fraudstream.detection.rules.rates import Rates
from fraudstream.reporting.daily.figures.worklists import COSTLIEST
from fraudstream.reporting.daily.revisions import summary_of
from fraudstream.reporting.daily.schema.earlier import read_report
from fraudstream.reporting.daily.schema.report import BaseTotal, DailyReport
from fraudstream.reporting.daily.trends import look_back
from fraudstream.reporting.log import aggregates
from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.render.csv import to_csv
from fraudstream.reporting.render.html import to_html, to_json
from fraudstream.reporting.render.words import merchant_category
from fraudstream.transactions.decisions.decision import Decision, Reason, Truth, Verdict
from fraudstream.transactions.decisions.expected_loss import expected_loss
from fraudstream.transactions.decisions.reasons import NO_RULES_CODES
from fraudstream.transactions.transaction import Transaction
from tests.unit.reporting.decision_log_harness import (
    DAY,
    HOUR,
    MIDNIGHT,
    PREFIX,
    Stream,
    decision,
    item,
    label,
    put,
    reporter,
    transaction,
)

NINE = MIDNIGHT + 9 * HOUR
RATES = Rates("USD", {date(2026, 1, 1): {"EUR": 0.5, "JPY": 100.0}}, 10_000)


def decided(
    stream: Stream,
    stored: Transaction,
    verdict: Verdict,
    truth: Truth | None = None,
    *,
    reasons: tuple[Reason, ...] = (),
    score: int = 60,
    probability: float | None = None,
) -> None:
    at = stored.received_at
    judged: Decision = decision(verdict, score=score, at=at + 400)
    judged = msgspec.structs.replace(judged, probability=probability)
    if reasons:
        judged = msgspec.structs.replace(judged, reasons=reasons)
    new = item(stored, judged)
    stream.add(item(stored), at=at)
    stream.add(new, item(stored), at=at + 400)
    if truth:
        stream.add(new | label(truth, at=at + HOUR).to_item(), new, at=at + HOUR)


def paid(number: int, amount: int, currency: str) -> Transaction:
    return transaction(number, at=NINE, amount=amount, currency=currency)


def report_of(stream: Stream, root: Path, rates: Rates | None = RATES) -> DailyReport:
    put(cut(stream.records, PREFIX).segments, root)
    return dataclasses.replace(reporter(root), rates=rates).report(DAY)


def four_currencies() -> Stream:
    stream = Stream()
    decided(stream, transaction(1, at=NINE, amount=1000), Verdict.DECLINE, Truth.FRAUD)
    decided(stream, paid(2, 500, "USD"), Verdict.APPROVE, Truth.FRAUD)
    decided(stream, paid(3, 700, "JPY"), Verdict.REVIEW)
    decided(stream, paid(4, 9_000, "CHF"), Verdict.APPROVE, Truth.FRAUD)
    return stream


def test_all_currencies_are_added_up_in_the_base_currency(tmp_path: Path) -> None:
    report = report_of(four_currencies(), tmp_path)
    assert report.total == BaseTotal(
        currency="USD",
        value=2000 + 500 + 700,
        flagged_value=2000 + 700,
        caught_value=2000,
        missed_value=500,
        open_value=700,
        without_rate=("CHF",),
    )
    page = to_html(report).decode()
    assert "27.00 USD" in page
    assert "without CHF" in page
    assert "total,USD,missedValue,5.00" in to_csv(report).decode()


def test_a_total_in_a_currency_of_three_decimals_is_exact(tmp_path: Path) -> None:
    stream = Stream()
    decided(stream, paid(1, 12_345, "KWD"), Verdict.DECLINE, Truth.FRAUD)
    report = report_of(stream, tmp_path, rates=Rates("KWD", {date(2026, 1, 1): {"EUR": 3}}, 10_000))
    assert report.total is not None
    assert (report.total.value, report.total.caught_value) == (12_345, 12_345)


def test_without_exchange_rates_there_is_no_total(tmp_path: Path) -> None:
    report = report_of(four_currencies(), tmp_path, rates=None)
    assert report.total is None
    assert "All currencies together" not in to_html(report).decode()


def test_the_largest_missed_frauds_come_first_and_those_without_a_rate_last(tmp_path: Path) -> None:
    stream = four_currencies()
    decided(stream, transaction(5, at=NINE, amount=400), Verdict.APPROVE, Truth.FRAUD)
    decided(stream, transaction(6, at=NINE, amount=99_999), Verdict.APPROVE, Truth.LEGITIMATE)
    report = report_of(stream, tmp_path)
    assert [(each.transaction_id, each.base_value) for each in report.missed] == [
        (transaction(5, at=0).transaction_id, 800),
        (transaction(2, at=0).transaction_id, 500),
        (transaction(4, at=0).transaction_id, None),
    ]


def test_the_oldest_open_alerts_are_named_until_a_label_closes_them(tmp_path: Path) -> None:
    stream = Stream()
    for number in range(12, 0, -1):
        truth = Truth.LEGITIMATE if number == 2 else None
        decided(stream, transaction(number, at=NINE + number), Verdict.REVIEW, truth)
    decided(stream, transaction(20, at=NINE), Verdict.APPROVE)
    report = report_of(stream, tmp_path)
    numbers = (1, 3, 4, 5, 6, 7, 8, 9, 10, 11)
    ids = [transaction(number, at=0).transaction_id for number in numbers]
    assert [each.transaction_id for each in report.open_alerts] == ids
    page = to_html(report).decode()
    assert all(each in page for each in ids)
    assert transaction(12, at=0).transaction_id not in page


def test_open_alerts_of_the_highest_expected_loss_are_named(tmp_path: Path) -> None:
    stream = Stream()
    random = Random(7)
    worth: dict[str, float] = {}
    for number in range(60):
        currency = random.choice(["USD", "EUR", "JPY"])
        stored = paid(number, random.randrange(100, 500_000), currency)
        score = random.randrange(30, 101)
        probability = random.choice([None, float(f"{random.random() ** 3:.3g}")])
        is_open = number % 4 > 0
        truth = None if is_open else Truth.FRAUD
        decided(stream, stored, Verdict.REVIEW, truth, score=score, probability=probability)
        if is_open:
            amount = RATES.to_base(stored.amount_minor, currency, MIDNIGHT)
            worth[stored.transaction_id] = round(expected_loss(probability, score, amount), 2)
    decided(stream, paid(60, 90_000_000, "CHF"), Verdict.DECLINE, score=100)
    report = report_of(stream, tmp_path)
    best = sorted(worth.items(), key=lambda each: -each[1])[:COSTLIEST]
    assert [(each.transaction_id, each.expected_loss) for each in report.costliest_alerts] == best
    page, lines = to_html(report).decode(), to_csv(report).decode()
    assert "Open alerts that are most worth a look" in page
    assert f"open alerts of the highest expected loss,{best[0][0]},expectedLoss,{best[0][1]}" in lines


def test_what_is_most_likely_fraud_is_named_where_no_amount_can_be_compared(tmp_path: Path) -> None:
    stream = Stream()
    for number in range(COSTLIEST + 2):
        decided(stream, paid(number, 100_000 - number, "CHF"), Verdict.REVIEW, score=40 + number)
    decided(stream, paid(50, 100, "CHF"), Verdict.DECLINE, score=99)
    report = report_of(stream, tmp_path)
    assert [each.score for each in report.costliest_alerts] == [99, *range(51, 42, -1)]


def test_alerts_of_other_days_are_worth_a_look_too(tmp_path: Path) -> None:
    stream = Stream()
    decided(stream, paid(1, 100_000, "USD"), Verdict.REVIEW, probability=0.5)
    report = report_of(stream, tmp_path)
    kept = summary_of(report)
    past = look_back(kept, {DAY - timedelta(days=1): kept})
    assert past.costliest_alerts == report.costliest_alerts


WEIGHED = Reason(code="MODEL_AMOUNT", source="amountRatio", points=2.0)
NO_RATE = Reason(code="NO_EXCHANGE_RATE", source="rates.yaml")
FAR = Reason(code="FAR_AWAY", source="far-away", points=3.0)


def with_other_reasons() -> Stream:
    stream = Stream()
    for number in range(6):
        decided(stream, transaction(number, at=NINE), Verdict.REVIEW, Truth.FRAUD, reasons=(FAR, WEIGHED, NO_RATE))
    return stream


def test_a_feature_and_a_file_are_no_rules(tmp_path: Path) -> None:
    report = report_of(with_other_reasons(), tmp_path)
    (rule,) = report.rules
    assert (rule.source, rule.hits, rule.unique_hits) == ("far-away", 6, 6)
    assert [(each.source, each.code, each.decisions) for each in report.other_reasons] == [
        ("amountRatio", "MODEL_AMOUNT", 6),
        ("rates.yaml", "NO_EXCHANGE_RATE", 6),
    ]
    assert report.overlaps == ()
    assert {each.source for each in report.bursts} == {"far-away"}
    assert "has no exchange rate for the currency" in to_html(report).decode()


def test_they_are_no_rules_either_in_tallies_that_count_them_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_today = aggregates.of_decisions

    def of_before(table: str, *, by: str = "") -> list[str]:
        return [query.replace(aggregates.HIT, "sources") for query in of_today(table, by=by)]

    monkeypatch.setattr(aggregates, "of_decisions", of_before)
    report = report_of(with_other_reasons(), tmp_path)
    assert [each.source for each in report.rules] == ["far-away"]
    assert report.overlaps == ()
    assert {each.source for each in report.bursts} == {"far-away"}


def test_each_code_of_the_model_is_no_rules() -> None:
    assert set(CODES.values()) <= NO_RULES_CODES


def test_the_json_report_has_no_sentences(tmp_path: Path) -> None:
    report: Any = json.loads(to_json(report_of(four_currencies(), tmp_path)))

    def texts(part: Any) -> list[str]:
        if isinstance(part, str):
            return [part]
        inner: list[Any] = list(part.values()) if hasattr(part, "values") else part if hasattr(part, "append") else []
        return [text for each in inner for text in texts(each)]

    assert [text for text in texts(report) if " " in text] == []


def test_a_report_of_today_is_read_as_it_was_written_and_of_tomorrow_not_at_all(tmp_path: Path) -> None:
    report = report_of(four_currencies(), tmp_path)
    written = to_json(report)
    assert read_report(written) == report
    newer = json.loads(written) | {"schemaVersion": report.schema_version + 1}
    assert read_report(json.dumps(newer).encode()) is None


@pytest.mark.parametrize(
    ("code", "name"), [("5411", "Groceries and supermarkets"), ("3000", "UNITED AIRLINES"), ("0001", "")]
)
def test_merchant_categories_have_names(code: str, name: str) -> None:
    assert merchant_category(code) == name
