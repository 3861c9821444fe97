"""What a report says of advice on strong customer authentication, beside the fraud rates that allow it."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec
import pytest

from fraudstream.reporting.daily.figures.exemptions import exemptions_used
from fraudstream.reporting.daily.figures.industry_ratios import meters
from fraudstream.reporting.daily.revisions import summary_of
from fraudstream.reporting.daily.schema.inline import ExemptionFigures, ExemptionsUsed
from fraudstream.reporting.daily.schema.report import DailyReport
from fraudstream.reporting.render.csv import to_csv
from fraudstream.reporting.render.html import to_html
from fraudstream.transactions.decisions.decision import Truth, Verdict
from fraudstream.transactions.decisions.inline import InlineDecision, inline_to_item
from fraudstream.transactions.decisions.sca import ScaAdvice, ScaExemption, ScaReason
from fraudstream.transactions.transaction import Channel, TransactionType
from tests.unit.reporting.decision_log_harness import (
    HOUR,
    MIDNIGHT,
    Stream,
    decision,
    item,
    label,
    report_of,
    transaction,
)

TRA = ScaAdvice(exemption=ScaExemption.TRA, band=250, why=(ScaReason.LOW_RISK,))
LOW_VALUE = ScaAdvice(exemption=ScaExemption.LOW_VALUE, why=(ScaReason.COUNTER_KNOWN,))
NONE = ScaAdvice(exemption=ScaExemption.NONE, why=(ScaReason.RISK,))


@dataclass(frozen=True)
class Advised:
    advice: ScaAdvice | None
    amount: int
    truth: Truth | None = None
    channel: Channel = Channel.ECOMMERCE


PAYMENTS = (
    Advised(TRA, 20_000),
    Advised(TRA, 10_000, Truth.FRAUD),
    Advised(LOW_VALUE, 2_000, Truth.LEGITIMATE),
    Advised(NONE, 90_000),
    Advised(NONE, 50_000, channel=Channel.POS),
    Advised(None, 70_000),
)


@pytest.fixture
def report(tmp_path: Path) -> DailyReport:
    stream = Stream()
    for number, payment in enumerate(PAYMENTS):
        plain = transaction(number, at=MIDNIGHT + HOUR * number)
        stored = msgspec.structs.replace(
            plain,
            type=TransactionType.PAYMENT,
            card_token="tok_card",
            amount_minor=payment.amount,
            currency="EUR",
            channel=payment.channel,
        )
        at = stored.received_at
        answered = InlineDecision(decision=Verdict.APPROVE, score=2, ruleset_version="abcdef123456", decided_at=at)
        if payment.advice:
            answered = msgspec.structs.replace(answered, sca_advice=payment.advice)
        new = item(stored) | inline_to_item(answered)
        stream.add(new, at=at)
        decided = new | decision(at=at + 400).to_item()
        stream.add(decided, new, at=at + 400)
        if payment.truth:
            stream.add(decided | label(payment.truth, at=at + 900).to_item(), decided, at=at + 900)
    return report_of(stream, tmp_path)


def test_the_day_tells_what_was_advised_and_what_of_it_is_fraud(report: DailyReport) -> None:
    told = {(each.exemption, each.band): each for each in report.exemptions}
    card = ExemptionFigures(kind="remoteCard", exemption="NONE", band=0, currency="EUR", count=1, value=90_000)
    assert told == {
        ("NONE", 0): card,
        ("LOW_VALUE", 0): msgspec.structs.replace(card, exemption="LOW_VALUE", value=2_000),
        ("TRA", 250): msgspec.structs.replace(
            card, exemption="TRA", band=250, count=2, value=30_000, fraud=1, fraud_value=10_000
        ),
    }


def test_ninety_days_are_added_up_beside_the_limit_and_the_fraud_rate(report: DailyReport) -> None:
    summary = summary_of(report)
    before = {date(2026, 11, 21): summary}
    used = {each.used.exemption: each for each in exemptions_used(summary, before, tuple(meters(summary, before)))}
    assert used["TRA"] == ExemptionsUsed(
        used=msgspec.structs.replace(
            next(each for each in report.exemptions if each.exemption == "TRA"),
            count=4,
            value=60_000,
            fraud=2,
            fraud_value=20_000,
        ),
        days=2,
        limit=0.0006,
        ratio=round(20_000 / 384_000, 9),
    )
    assert used["TRA"].is_above
    assert (used["LOW_VALUE"].limit, used["LOW_VALUE"].is_above) == (None, False)


def test_the_page_and_the_table_show_it(report: DailyReport) -> None:
    page = " ".join(to_html(report).decode().split())
    assert "risk analysis, up to EUR 250" in page
    assert "above it: the exemption may have to end" in page
    lines = to_csv(report).decode().splitlines()
    assert {
        "exemptions,remoteCard TRA 250 EUR,fraudValue,10000",
        "exemptions,remoteCard TRA 250 EUR,limit,0.0006",
        "exemptions,remoteCard LOW_VALUE 0 EUR,count,1",
    } <= set(lines)


def test_where_nobody_is_advised_the_report_says_nothing_of_it(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1))
    quiet = report_of(stream, tmp_path)
    assert quiet.exemptions == quiet.past.exemptions == ()
    assert "Strong customer authentication" not in to_html(quiet).decode()
