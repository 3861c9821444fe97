"""What a report says of decisions that clients waited for."""

from pathlib import Path

import pytest

from fraudstream.reporting.daily.schema.inline import InlineAgreement, InlineFigures
from fraudstream.reporting.daily.schema.parts import Counts
from fraudstream.reporting.daily.schema.report import DailyReport
from fraudstream.reporting.render.csv import to_csv
from fraudstream.reporting.render.html import to_html
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.decisions.inline import InlineDecision, InlineFallback, InlineResult, inline_to_item
from tests.unit.reporting.decision_log_harness import HOUR, MIDNIGHT, Stream, decision, item, report_of, transaction

ANSWERS: tuple[tuple[InlineResult | None, Verdict | None], ...] = (
    (None, Verdict.APPROVE),
    (InlineFallback.SLOW, Verdict.APPROVE),
    (InlineFallback.SLOW, Verdict.REVIEW),
    ("A_NEWER_VERSIONS_WORD", Verdict.APPROVE),
    (Verdict.APPROVE, Verdict.APPROVE),
    (Verdict.APPROVE, Verdict.APPROVE),
    (Verdict.APPROVE, Verdict.DECLINE),
    (Verdict.REVIEW, Verdict.APPROVE),
    (Verdict.DECLINE, None),
)
"""What clients were answered, and what was decided at last."""


def answered(verdict: Verdict, at: int) -> InlineDecision:
    return InlineDecision(decision=verdict, score=1, ruleset_version="abcdef123456", decided_at=at)


def a_day(*, across_hours: bool) -> Stream:
    stream = Stream()
    for number, (inline, verdict) in enumerate(ANSWERS):
        # The final decision of what came just before the hour is logged in the next one.
        stored = transaction(number, at=MIDNIGHT + 10 * HOUR - (1 if across_hours else HOUR // 2))
        at = stored.received_at
        result = answered(inline, at) if isinstance(inline, Verdict) else inline
        new = item(stored) | inline_to_item(result)
        stream.add(new, at=at)
        if verdict:
            stream.add(new | decision(verdict, at=at + 400).to_item(), new, at=at + 400)
    return stream


@pytest.fixture(params=[False, True], ids=["within an hour", "across hours"])
def report(request: pytest.FixtureRequest, tmp_path: Path) -> DailyReport:
    return report_of(a_day(across_hours=request.param), tmp_path)


def test_who_waited_who_was_answered_and_what_was_decided_at_last(report: DailyReport) -> None:
    assert report.reconciliation.stored == len(ANSWERS)
    assert report.inline == InlineFigures(
        asked=8,
        answered=5,
        fallbacks=(("SLOW", 2), ("A_NEWER_VERSIONS_WORD", 1)),
        agreement=(
            InlineAgreement(answered="APPROVE", final=Counts(approve=2, decline=1)),
            InlineAgreement(answered="REVIEW", final=Counts(approve=1)),
        ),
    )


def test_the_page_and_the_table_show_it(report: DailyReport) -> None:
    page = " ".join(to_html(report).decode().split())
    assert "Clients waited for the decision of 8 transactions (88.9 % of those stored), and 5 were answered" in page
    assert "<code>SLOW</code> (2)," in page
    assert '<th scope="row">approve</th><td>2</td><td>0</td><td>1</td><td>66.7 %</td>' in page
    lines = to_csv(report).decode().splitlines()
    assert {
        "inline decisions,2026-11-22,asked,8",
        "inline decisions,2026-11-22,answered,5",
        "inline fallbacks,SLOW,transactions,2",
        "inline agreement,answered APPROVE,decline,1",
    } <= set(lines)


def test_a_day_on_which_nobody_waited_says_nothing_of_it(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1))
    quiet = report_of(stream, tmp_path)
    assert quiet.inline == InlineFigures()
    assert "Inline decisions" not in to_html(quiet).decode()
