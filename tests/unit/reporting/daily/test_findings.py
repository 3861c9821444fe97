"""What a report finds in a day: rules that are noisy or overlap, right and wrong scores, cuts, and bursts."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.reporting.daily.schema.findings import CutFigures
from fraudstream.reporting.daily.schema.parts import wilson
from fraudstream.reporting.daily.schema.report import DailyReport, UnreadProfile
from fraudstream.reporting.render.csv import to_csv
from fraudstream.reporting.render.html import to_html
from fraudstream.transactions.decisions.decision import Reason, Truth, Verdict
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

MINUTE = 60_000


def decide(
    stream: Stream,
    number: int,
    *rules: str,
    at: int = MIDNIGHT + 9 * HOUR,
    score: int = 60,
    truth: Truth | None = None,
    amount: int = 1250,
) -> None:
    stored = transaction(number, at=at, amount=amount)
    verdict = Verdict.REVIEW if rules else Verdict.APPROVE
    decided = item(stored, decision(verdict, score=score, at=at + 400, rules=rules))
    stream.add(item(stored), at=at)
    stream.add(decided, item(stored), at=at + 400)
    if truth:
        stream.add(decided | label(truth, at=at + HOUR).to_item(), decided, at=at + HOUR)


def cut(report: DailyReport, dimension: str) -> list[CutFigures]:
    return [each for each in report.cuts if each.dimension == dimension]


@pytest.mark.parametrize(("frauds", "labelled", "noisy"), [(0, 40, True), (0, 19, False), (3, 40, False)])
def test_a_rule_is_noisy_if_enough_labels_say_that_it_is_seldom_right(
    tmp_path: Path, frauds: int, labelled: int, *, noisy: bool
) -> None:
    stream = Stream()
    for number in range(labelled):
        decide(stream, number, "far-away", truth=Truth.FRAUD if number < frauds else Truth.LEGITIMATE)
    (rule,) = report_of(stream, tmp_path).rules
    assert rule.precision
    assert (rule.precision.n, rule.fraud, rule.noisy) == (labelled, frauds, noisy)


def test_an_overlap_is_a_share_of_the_hits_of_the_rule_that_hit_less(tmp_path: Path) -> None:
    stream = Stream()
    for number in range(4):
        decide(stream, number, "often", "seldom" if number < 1 else "other")
    decide(stream, 9, "seldom")
    found = {(each.first, each.second): each for each in report_of(stream, tmp_path).overlaps}
    assert found["often", "seldom"].transactions == 1
    assert found["often", "seldom"].share == pytest.approx(1 / 2)
    assert found["often", "other"].share == 1


def test_scores_are_set_beside_what_labels_say_in_bins_of_ten(tmp_path: Path) -> None:
    stream = Stream()
    scores = ((9, Truth.LEGITIMATE), (85, Truth.FRAUD), (89, Truth.LEGITIMATE), (100, Truth.FRAUD), (50, None))
    for number, (score, truth) in enumerate(scores):
        decide(stream, number, score=score, truth=truth)
    bins = {each.from_score: each.fraud for each in report_of(stream, tmp_path).model.calibration}
    assert {start: (found.share, found.n) for start, found in bins.items()} == {0: (0, 1), 80: (0.5, 2), 90: (1, 1)}


def test_cuts_say_how_many_were_labelled_and_how_many_of_these_are_fraud(tmp_path: Path) -> None:
    stream = Stream()
    decide(stream, 1, "far-away", amount=2_500, truth=Truth.FRAUD)
    decide(stream, 2, amount=4_999, truth=Truth.LEGITIMATE)
    decide(stream, 3, amount=5_000)
    low, high = cut(report_of(stream, tmp_path), "amountBand")
    assert (low.key, low.other, low.decisions.total, low.labelled, low.fraud) == ("2000", "EUR", 2, 2, 1)
    assert (high.key, high.decisions.stopped, high.labelled) == ("5000", 0, 0)


def test_a_burst_is_when_a_rule_flags_far_more_than_on_the_rest_of_a_day(tmp_path: Path) -> None:
    stream = Stream()
    for number in range(24):
        decide(stream, number, "steady", at=MIDNIGHT + number * HOUR)
    for number in range(30):
        decide(stream, 100 + number, "steady", at=MIDNIGHT + 14 * HOUR + 5 * MINUTE + number * MINUTE // 2)
    (burst,) = report_of(stream, tmp_path).bursts
    assert (burst.source, burst.start, burst.end, burst.transactions) == ("steady", 14 * 60, 14 * 60 + 20, 31)


def test_few_hits_are_no_burst(tmp_path: Path) -> None:
    stream = Stream()
    for number in range(4):
        decide(stream, number, "rare")
    assert report_of(stream, tmp_path).bursts == ()


def test_hours_of_the_log_that_are_empty_or_late_are_named(tmp_path: Path) -> None:
    stream = Stream()
    decide(stream, 1, truth=Truth.FRAUD)
    late = transaction(2)
    stream.add(item(late), at=MIDNIGHT + 30 * HOUR)
    hours = report_of(stream, tmp_path).log_hours
    assert (hours.hours, len(hours.empty)) == (2, 23)
    assert hours.late == ("2026-11-23T06",)


@given(st.integers(0, 500), st.integers(1, 500))
def test_an_interval_holds_its_share_and_is_narrower_with_more_of_the_same(part: int, more: int) -> None:
    whole = part + more
    found, larger = wilson(part, whole), wilson(10 * part, 10 * whole)
    assert found
    assert larger
    assert 0 <= found.low <= found.share <= found.high <= 1
    assert larger.high - larger.low < found.high - found.low


def test_of_nothing_there_is_no_share() -> None:
    assert wilson(0, 0) is None


def test_profiles_that_could_not_be_read_are_named_and_are_no_rules(tmp_path: Path) -> None:
    stream = Stream()
    key, other = f"customer#tok_{'a' * 22}", f"card#tok_{'b' * 22}"
    reasons = [
        Reason(code="CARD_VELOCITY", source="card-velocity", points=1.5),
        Reason(code="PROFILE_DAMAGED", source=key),
        Reason(code="PROFILE_NEWER", source=other),
        Reason(code="LIST_UNREADABLE", source=other),
    ]
    for number, kept in enumerate((reasons, reasons[:2], reasons[:1])):
        stored, at = transaction(number), MIDNIGHT + 9 * HOUR
        judged = msgspec.structs.replace(decision(Verdict.REVIEW, score=60, at=at + 400), reasons=tuple(kept))
        stream.add(item(stored), at=at)
        stream.add(item(stored, judged), item(stored), at=at + 400)
    report = report_of(stream, tmp_path)
    assert report.reconciliation.unread_profiles == (
        UnreadProfile(profile=other, code="LIST_UNREADABLE", decisions=1),
        UnreadProfile(profile=other, code="PROFILE_NEWER", decisions=1),
        UnreadProfile(profile=key, code="PROFILE_DAMAGED", decisions=2),
    )
    assert [(rule.source, rule.hits) for rule in report.rules] == [("card-velocity", 3)]
    assert report.overlaps == ()
    assert f"unread profiles,{key},PROFILE_DAMAGED,2" in to_csv(report).decode()
    assert key in to_html(report).decode()
    assert "on which lists it is could not be read" in to_html(report).decode()
