"""Drift is silent over 60 days on which nothing changes, and rings within two days of a shift of behaviour."""

import math
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from fraudstream.contract import SIGNIFICANT_DRIFT
from fraudstream.detection.features.codec import unpack
from fraudstream.detection.features.compute import Calendar
from fraudstream.detection.features.registry import NAMES, Vector
from fraudstream.detection.judge import Judge
from fraudstream.detection.models.drift import Drift, measure
from fraudstream.detection.models.stationary import BASELINE_DAYS, GROWING, looks_back_days
from fraudstream.detection.rules.ruleset import load
from fraudstream.durations import DAY
from fraudstream_tools.lab.replay.history import KnownOutcome, as_transaction, judge_history
from fraudstream_tools.lab.training.boosting import Parameters
from fraudstream_tools.lab.training.fit import Validation, fit
from fraudstream_tools.lab.world.handbook import HandbookSettings, make_handbook_world
from infra.monitoring.alarms import Watched, alarm_specs

START = datetime(2026, 1, 5, tzinfo=UTC)
LABEL_DELAY = 1
TRAINED = 32 + BASELINE_DAYS
"""Days after which the longest window and the labels' delay are over, and a baseline follows."""
STATIONARY = 60
SHIFT_DAY = TRAINED + STATIONARY
SHIFT = HandbookSettings(
    seed=8,
    start=START,
    customers=600,
    terminals=1200,
    days=SHIFT_DAY + 3,
    spending=1.5,
    activity=1.5,
    shift_day=SHIFT_DAY,
)
NO_RULES = (
    b"schemaVersion: 1\nbaseLogOdds: -4\nthresholds: {review: 30, decline: 80}\nrules: []",
    b"baseCurrency: EUR\nrates: [{validFrom: 2026-01-01, perBase: {USD: 1.25}}]",
    b"blocked: {}\ntrusted: {}",
)


@pytest.fixture(scope="module")
def drifts() -> list[Drift]:
    """Each day's drift from a model of the days before the first of them."""
    world = make_handbook_world(SHIFT)
    rows = list(world.transactions())
    transactions = [as_transaction(row, number) for number, row in enumerate(rows, start=1)]
    times = np.array([each.timestamp for each in transactions])
    known = {
        each.transaction_id: KnownOutcome(fraud=True, known_at=each.timestamp + LABEL_DELAY * DAY)
        for each, fraud in zip(transactions, world.fraud, strict=True)
        if fraud
    }
    judge = Judge(load(*NO_RULES), Calendar(label_delay_days=LABEL_DELAY))
    vectors = [unpack(decision.features) for _, decision in judge_history(transactions, known, judge)]
    days = (times - times[0] // DAY * DAY) // DAY
    learnt = days < TRAINED
    model = fit(
        np.array([[math.nan if value is None else value for value in vector] for vector in vectors])[learnt],
        world.fraud[learnt],
        times[learnt],
        parameters=Parameters(trees=30),
        validation=Validation(days=14, label_delay_days=LABEL_DELAY),
        own_labels=True,
    )

    def of_day(day: int) -> list[Vector]:
        return [vectors[place] for place in np.flatnonzero(days == day)]

    found = [measure(model, of_day(day)) for day in range(TRAINED, SHIFT.days)]
    assert all(found), "each day has enough transactions"
    return [each for each in found if each]


def rings(metric: str, values: list[float]) -> bool:
    """Whether the stack's alarm on a metric of a day rings at the last of some days."""
    watched = Watched(
        functions={},
        analyzer="analyzer",
        reporter="reporter",
        queue="queue",
        api="api",
        environment="test",
        daily_requests=1,
    )
    (spec,) = [each for each in alarm_specs(watched) if each.metrics[0][1].name == metric]
    assert spec.period_seconds * 1000 == DAY
    return all(value > spec.threshold for value in values[-spec.periods :]) and len(values) >= spec.periods


def moved(drift: Drift) -> float:
    assert drift.worst
    return drift.features[drift.worst]


def test_sixty_days_without_a_change_are_silent(drifts: list[Drift]) -> None:
    quiet = drifts[:STATIONARY]
    features, scores = [moved(each) for each in quiet], [each.score for each in quiet]
    for last in range(1, STATIONARY + 1):
        assert not rings("FeatureDrift", features[:last])
        assert not rings("ScoreDrift", scores[:last])
    assert max(map(max, pairwise(features))) < SIGNIFICANT_DRIFT / 2, "and far from ringing"
    # Everything is compared but what never can be.
    assert set(quiet[0].left_out) == set(GROWING)
    assert set(quiet[0].features) == set(NAMES) - set(GROWING)


def test_a_shift_rings_by_features_on_its_second_day_and_by_scores_on_its_third(drifts: list[Drift]) -> None:
    assert rings("FeatureDrift", [moved(each) for each in drifts[:-1]])
    # On the first day, models that differ by chance alone find .23 to .26.
    assert rings("ScoreDrift", [each.score for each in drifts])


def test_what_a_feature_looks_back_on_is_known() -> None:
    days = {name: looks_back_days(name, 7) for name in NAMES}
    assert (days["amountBase"], days["localHour"]) == (0, 0)
    assert (days["cardCount1h"], days["customerSum7d"], days["customerPeakRatio14d"]) == (1 / 24, 7, 14)
    assert (days["customerFrauds30d"], days["terminalFraudShare1d"], days["terminalFraudShareLast1"]) == (37, 8, 37)
    assert (days["customerAgeDays"], days["customerAmountMean"], days["travelKm"]) == (30, 30, 30)
