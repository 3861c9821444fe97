"""A day beside other days: what is unusual, silent, new or drifting, and the payment industry's meters."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.reporting.daily.figures.comparisons import LEAST_DAYS, is_unusual, score_psi
from fraudstream.reporting.daily.revisions import summary_of
from fraudstream.reporting.daily.schema.codes import ComparedFigure, MeterName, NotMeasurable
from fraudstream.reporting.daily.schema.day_summary import DaySummary
from fraudstream.reporting.daily.schema.findings import EntityFigures, LabelFigures, PaymentFigures, RuleFigures
from fraudstream.reporting.daily.schema.parts import Counts
from fraudstream.reporting.daily.schema.report import CurrencyFigures, DailyReport, HourFigures
from fraudstream.reporting.daily.schema.trends import Comparison, Meter
from fraudstream.reporting.daily.trends import look_back
from fraudstream.reporting.render.heatmap import HEAT_DAYS, heatmap_of
from fraudstream.reporting.render.words import verdict_of
from tests.unit.reporting.decision_log_harness import DAY, Stream, report_of


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> DailyReport:
    return report_of(Stream(), tmp_path_factory.mktemp("log"))


def on(day: date, empty: DailyReport, **parts: Any) -> DailyReport:
    return msgspec.structs.replace(empty, date=day.isoformat(), **parts)


def before(empty: DailyReport, days: Sequence[Mapping[str, Any]]) -> dict[date, DaySummary]:
    """Return what is kept of the days before, yesterday's first."""
    return {
        DAY - timedelta(days=back): summary_of(on(DAY - timedelta(days=back), empty, **parts))
        for back, parts in enumerate(days, start=1)
    }


def compared(report: DailyReport, past: Mapping[date, DaySummary]) -> dict[ComparedFigure, Comparison]:
    return {each.figure: each for each in look_back(summary_of(report), past).comparisons}


def busy(total: int, *, declined: int = 0) -> dict[str, Any]:
    return {"decisions": Counts(approve=total - declined, decline=declined)}


def test_a_figure_stands_beside_yesterday_a_week_ago_and_the_mean(empty: DailyReport) -> None:
    past = before(empty, [busy(1000 + 10 * back) for back in range(1, 11)])
    found = compared(on(DAY, empty, **busy(1050)), past)[ComparedFigure.TRANSACTIONS]
    assert (found.now, found.yesterday, found.week_ago, found.mean, found.days) == (1050, 1010, 1070, 1055, 10)
    assert not found.unusual


def test_ten_times_as_many_transactions_as_ever_are_unusual(empty: DailyReport) -> None:
    past = before(empty, [busy(1000 + back % 3) for back in range(28)])
    assert compared(on(DAY, empty, **busy(10_000)), past)[ComparedFigure.TRANSACTIONS].unusual
    assert not compared(on(DAY, empty, **busy(1040)), past)[ComparedFigure.TRANSACTIONS].unusual


def test_a_share_that_jumped_is_unusual_and_one_within_chance_is_not(empty: DailyReport) -> None:
    past = before(empty, [busy(1000, declined=10) for _ in range(14)])
    assert compared(on(DAY, empty, **busy(1000, declined=60)), past)[ComparedFigure.DECLINED].unusual
    assert not compared(on(DAY, empty, **busy(1000, declined=15)), past)[ComparedFigure.DECLINED].unusual


def test_values_are_compared_by_currency(empty: DailyReport) -> None:
    def worth(value: int) -> dict[str, Any]:
        zero = dict.fromkeys(("review_value", "decline_value", "fraud_value", "caught_value"), 0)
        return busy(1) | {"currencies": (CurrencyFigures(currency="JPY", count=1, value=value, **zero),)}

    found = compared(on(DAY, empty, **worth(50)), before(empty, [worth(40)]))[ComparedFigure.VALUE]
    assert (found.currency, found.now, found.yesterday) == ("JPY", 50, 40)


def test_the_fraud_rate_is_compared_and_never_called_unusual(empty: DailyReport) -> None:
    def labelled(fraud: int) -> dict[str, Any]:
        figures = LabelFigures(labelled=fraud, fraud=fraud, fraud_caught=0, legitimate_stopped=0)
        return busy(1000) | {"labels": figures}

    past = before(empty, [labelled(10) for _ in range(20)])
    found = compared(on(DAY, empty, **labelled(900)), past)[ComparedFigure.FRAUD_RATE]
    assert (found.now, found.mean, found.unusual) == (0.9, 0.01, False)
    assert ComparedFigure.FRAUD_RATE not in compared(on(DAY, empty, **busy(10)), past)


@given(st.lists(st.floats(0, 1e9), max_size=LEAST_DAYS - 1), st.floats(0, 1e9))
def test_of_fewer_days_than_a_week_nothing_is_called_unusual(series: list[float], now: float) -> None:
    assert not is_unusual(now, series, chance=0)


@given(st.lists(st.floats(1, 1e6), min_size=LEAST_DAYS, max_size=28), st.floats(0.96, 1.04))
def test_what_is_near_the_mean_is_never_unusual(series: list[float], factor: float) -> None:
    assert not is_unusual(factor * sum(series) / len(series), series, chance=0)


def test_scores_that_moved_drift_and_the_same_scores_do_not() -> None:
    usual = (900, 50, 20, 10, 5, 5, 4, 3, 2, 1)
    assert score_psi(usual, [usual] * 28) == pytest.approx(0, abs=1e-3)
    moved = score_psi(usual[::-1], [usual] * 28)
    assert moved is not None
    assert moved > 0.25
    assert score_psi(usual, []) is None
    assert score_psi((0,) * 10, [usual]) is None


def rule(source: str, hits: int) -> RuleFigures:
    counts = dict.fromkeys(("unique_hits", "reviewed", "declined", "fraud", "legitimate", "unevaluable"), 0)
    return RuleFigures(source=source, code="X", hits=hits, values=(), precision=None, noisy=False, **counts)


def test_a_rule_is_silent_if_it_hit_lately_and_not_on_this_day(empty: DailyReport) -> None:
    past = before(
        empty, [{"rules": (rule("quiet", 0), rule("busy", 1))}, {"rules": (rule("quiet", 2),)}, {"rules": ()}]
    )
    (silent,) = look_back(summary_of(on(DAY, empty, rules=(rule("busy", 5),))), past).silent_rules
    assert (silent.source, silent.last_hit) == ("quiet", (DAY - timedelta(days=2)).isoformat())


def test_an_entity_is_new_that_no_report_of_the_days_before_names(empty: DailyReport) -> None:
    def stopped(*tokens: str) -> dict[str, Any]:
        return {"entities": tuple(EntityFigures(kind="card", token=each, reviewed=1, declined=0) for each in tokens)}

    report = on(DAY, empty, **stopped("tok_known", "tok_fresh"))
    assert look_back(summary_of(report), before(empty, [stopped("tok_known")])).new_entities == ("tok_fresh",)
    assert look_back(summary_of(report), {}).new_entities == ()


def paid(kind: str = "remoteCard", currency: str = "EUR", **figures: int) -> dict[str, Any]:
    known = {"count": 1000, "value": 1_000_000, "enumerated": 0} | figures
    return {"payments": (PaymentFigures(kind=kind, currency=currency, **known),)}


def meter(name: MeterName, report: DailyReport, past: Mapping[date, DaySummary]) -> Meter:
    (found,) = [each for each in look_back(summary_of(report), past).meters if each.name == name]
    return found


@pytest.mark.parametrize(
    ("fraud_value", "verdict"),
    [
        (100, "within the exemption up to EUR 500"),
        (101, "within the exemption up to EUR 250"),
        (1300, "within the exemption up to EUR 100"),
        (1301, "above every exemption band"),
    ],
)
def test_the_fraud_rate_of_remote_cards_has_the_bands_of_the_regulation(
    empty: DailyReport, fraud_value: int, verdict: str
) -> None:
    found = meter(MeterName.PSD2_REMOTE_CARD, on(DAY, empty, **paid(labelled=1, fraud_value=fraud_value)), {})
    assert (found.part, found.whole, verdict_of(found)) == (fraud_value, 1_000_000, verdict)


def test_the_fraud_rate_adds_up_ninety_days_and_no_more(empty: DailyReport) -> None:
    past = before(empty, [paid(labelled=1, fraud_value=10)] * 89)
    found = meter(MeterName.PSD2_REMOTE_CARD, on(DAY, empty, **paid()), past)
    assert (found.days, found.part, found.whole) == (90, 890, 90_000_000)
    assert found.first_day == (DAY - timedelta(days=89)).isoformat()


def test_without_a_label_there_is_nothing_to_measure_and_the_reason_is_said(empty: DailyReport) -> None:
    none = meter(MeterName.PSD2_REMOTE_TRANSFER, on(DAY, empty), {})
    assert (none.ratio, none.why_not) == (None, NotMeasurable.NO_PAYMENT)
    unlabelled = meter(MeterName.VAMP_RATIO, on(DAY, empty, **paid()), {})
    assert (unlabelled.ratio, unlabelled.why_not) == (None, NotMeasurable.NO_LABEL)


def test_visas_ratio_counts_card_not_present_frauds_of_the_month(empty: DailyReport) -> None:
    past = before(empty, [paid(labelled=9, fraud=5, chargebacks=4)] * 40)
    found = meter(MeterName.VAMP_RATIO, on(DAY, empty, **paid(kind="orderCard", labelled=9, fraud=5)), past)
    assert DAY.day == 22
    assert (found.days, found.part, found.whole) == (22, 21 * 9 + 5, 22_000)
    assert verdict_of(found) == "excessive, were there 1,500 in the month"
    many = on(DAY, empty, **paid(count=100_000, labelled=2000, fraud=1500))
    assert verdict_of(meter(MeterName.VAMP_RATIO, many, {})) == "excessive"
    few = on(DAY, empty, **paid(count=100_000, labelled=2000, fraud=10))
    assert verdict_of(meter(MeterName.VAMP_RATIO, few, {})) == "below every limit"


def test_enumeration_needs_no_labels(empty: DailyReport) -> None:
    found = meter(MeterName.VAMP_ENUMERATION, on(DAY, empty, **paid(enumerated=300)), {})
    assert (found.ratio, verdict_of(found)) == (0.3, "excessive, were there 300,000 in the month")


def test_the_heat_map_has_the_day_and_those_before_it_without_hours_of_nothing(empty: DailyReport) -> None:
    def hours(at: int, stopped: int) -> tuple[HourFigures, ...]:
        counts = {at: Counts(approve=10 - stopped, decline=stopped)}
        return tuple(HourFigures(hour=hour, decisions=counts.get(hour, Counts())) for hour in range(24))

    past = before(empty, [busy(10, declined=5) | {"hours": hours(3, 5)}] * 20)
    report = on(DAY, empty, hours=hours(7, 2))
    heat = heatmap_of(msgspec.structs.replace(report, past=look_back(summary_of(report), past)))
    assert len(heat.rows) == HEAT_DAYS
    assert heat.rows[0] == (DAY.isoformat(), [(7, 10, 2)])
    assert heat.rows[1] == ((DAY - timedelta(days=1)).isoformat(), [(3, 10, 5)])
    assert (heat.most, heat.own_most, heat.own_hour) == (0.5, 0.2, 7)


def test_a_first_day_is_beside_nothing(empty: DailyReport) -> None:
    past = look_back(summary_of(on(DAY, empty, **busy(5))), {})
    assert (past.days, past.silent_rules, past.score_psi) == ((), (), None)
    assert all(each.yesterday is None and each.mean is None for each in past.comparisons)
