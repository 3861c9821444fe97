"""Drift is measured against what the model learnt from, and alarms neither by chance nor by the calendar."""

import math

import msgspec
import numpy as np
import pytest

from fraudstream.contract import SIGNIFICANT_DRIFT
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.models.drift import LEAST_TRANSACTIONS, measure, psi
from fraudstream.detection.models.model import Distribution, seal
from fraudstream.detection.models.stationary import GROWING
from fraudstream.durations import DAY
from fraudstream_tools.lab.training.boosting import Parameters
from fraudstream_tools.lab.training.fit import fit
from fraudstream_tools.lab.training.measuring.distributions import BINS, distributions
from tests.unit.detection.model_harness import START, as_vectors, labels_of, random_vectors, small_model, times_of

SCORE_ALONE = {"score": Distribution(cuts=(0.0,), shares=(0.5, 0.5, 0.0))}
HALVES = Distribution(cuts=(10.0,), shares=(0.5, 0.5, 0.0))


def test_psi_is_the_sum_over_bins_of_the_change_times_its_logarithm() -> None:
    moved = [5.0] * 80 + [20.0] * 20
    assert psi(HALVES, moved) == pytest.approx(0.3 * math.log(0.8 / 0.5) - 0.3 * math.log(0.2 / 0.5))
    assert psi(HALVES, [5.0] * 50 + [20.0] * 50) == 0


def test_a_value_on_a_cut_belongs_below_it_and_missing_is_a_bin() -> None:
    assert psi(HALVES, [10.0] * 50 + [10.1] * 50) == 0
    with_missing = Distribution(cuts=(10.0,), shares=(0.25, 0.25, 0.5))
    assert psi(with_missing, [1.0, 20.0, None, None]) == 0
    assert psi(HALVES, [1.0, 20.0, None, None]) > 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_distributions_of_the_same_transactions_have_no_psi(seed: int) -> None:
    vectors = random_vectors(5000, seed)
    known = distributions(vectors, NAMES, vectors[:, 0])
    for name, column in zip(NAMES, zip(*as_vectors(vectors), strict=True), strict=True):
        assert psi(known[name], column) == pytest.approx(0, abs=1e-4)


def test_distributions_are_deciles_or_fewer_bins_for_equal_values() -> None:
    chance = np.random.default_rng(1)
    columns = np.column_stack([chance.normal(size=1000), chance.integers(0, 3, 1000), np.full(1000, np.nan)])
    smooth, few, missing, score = distributions(columns, ["a", "b", "c"], columns[:, 0]).values()
    assert len(smooth.cuts) == BINS - 1
    assert smooth.shares[:-1] == pytest.approx([0.1] * BINS, abs=0.002)
    assert few.cuts == (0.0, 1.0)
    assert (missing.cuts, missing.shares) == ((), (0.0, 1.0))
    assert score == smooth


def test_transactions_like_those_learnt_from_have_not_drifted() -> None:
    drift = measure(small_model(), as_vectors(random_vectors(3000, 41)))
    assert drift
    assert drift.score < 0.05
    assert max(drift.features.values()) < 0.05


def test_a_feature_and_scores_that_shift_are_named() -> None:
    vectors = random_vectors(3000, 41)
    vectors[:, NAMES.index("amountBase")] *= 5
    drift = measure(small_model(), as_vectors(vectors))
    assert drift
    assert drift.worst == "amountBase"
    assert drift.features["amountBase"] > SIGNIFICANT_DRIFT
    assert drift.score > SIGNIFICANT_DRIFT / 2
    assert max(value for name, value in drift.features.items() if name != "amountBase") < 0.05


def test_a_field_that_stops_coming_is_drift() -> None:
    vectors = random_vectors(3000, 41)
    vectors[:, NAMES.index("travelKm")] = math.nan
    drift = measure(small_model(), as_vectors(vectors))
    assert drift
    assert drift.worst == "travelKm"
    assert drift.features["travelKm"] > SIGNIFICANT_DRIFT


def test_the_day_of_the_week_is_no_drift() -> None:
    vectors = random_vectors(3000, 41)
    vectors[:, NAMES.index("localWeekday")] = 3
    drift = measure(small_model(), as_vectors(vectors))
    assert drift
    assert "localWeekday" not in drift.features


def test_few_transactions_or_a_model_without_distributions_tell_nothing() -> None:
    vectors = as_vectors(random_vectors(LEAST_TRANSACTIONS, 41))
    assert measure(small_model(), vectors)
    assert measure(small_model(), vectors[1:]) is None
    bare = seal(msgspec.structs.replace(small_model().file, distributions={}))
    assert measure(bare, vectors) is None


def test_ages_are_compared_by_how_many_are_new_and_not_by_how_old_the_rest_are() -> None:
    vectors = random_vectors(3000, 41)
    place = NAMES.index("customerAgeDays")
    vectors[:, place] = np.where(np.abs(vectors[:, place]) > 30, np.abs(vectors[:, place]) * 100, vectors[:, place])
    drift = measure(small_model(), as_vectors(vectors))
    assert drift
    assert drift.features["customerAgeDays"] < 0.05
    vectors[:, place] = 0
    drift = measure(small_model(), as_vectors(vectors))
    assert drift
    assert drift.worst == "customerAgeDays"


def test_what_only_grows_is_left_out_with_the_reason() -> None:
    drift = measure(small_model(), as_vectors(random_vectors(3000, 41)))
    assert drift
    assert {name: drift.left_out[name] for name in GROWING} == GROWING
    assert not set(drift.left_out) & set(drift.features)


def test_a_baseline_younger_than_a_window_is_not_compared() -> None:
    vectors = random_vectors(6000, 1)
    young = fit(vectors, labels_of(vectors, 1), times_of(6000, days=38), parameters=Parameters(trees=5))
    drift = measure(young, as_vectors(random_vectors(3000, 41)))
    assert drift
    assert drift.left_out["customerCount30d"].startswith("it takes 30 days to settle, and the baseline began 10 days")
    assert {"customerFrauds30d", "customerAgeDays", "customerPeakRatio14d"} <= set(drift.left_out)
    assert {"amountBase", "customerCount7d", "cardCount1h"} <= set(drift.features)


def test_deciles_of_ages_of_an_earlier_release_are_left_out() -> None:
    model = small_model()
    of_deciles = Distribution(cuts=(3.0, 40.0), shares=(0.3, 0.3, 0.3, 0.1))
    earlier = seal(msgspec.structs.replace(model.file, distributions={"customerAgeDays": of_deciles} | SCORE_ALONE))
    drift = measure(earlier, as_vectors(random_vectors(3000, 41)))
    assert drift
    assert "did not compare ages" in drift.left_out["customerAgeDays"]
    assert drift.worst is None, "nothing is left to compare"


def test_what_the_most_unlike_day_of_training_had_is_usual() -> None:
    days = np.repeat(np.arange(60), LEAST_TRANSACTIONS)
    vectors = random_vectors(len(days), 3, missing=0)
    place = NAMES.index("amountBase")
    vectors[days % 30 == 29, place] *= 5
    times = START + days * DAY
    model = fit(vectors, labels_of(vectors, 3), times, parameters=Parameters(trees=5))
    usual = model.file.usual_drift or {}
    assert usual["amountBase"] > SIGNIFICANT_DRIFT, "one day of the four weeks is a pay day"
    assert usual["cardCount1h"] < 0.05
    pay_day = measure(model, as_vectors(vectors[days == 29]))
    assert pay_day
    assert pay_day.features["amountBase"] < 0.05, "the next pay day is as that one was"
    vectors[:, NAMES.index("cardCount1h")] *= 5
    other = measure(model, as_vectors(vectors[days == 29]))
    assert other
    assert other.worst == "cardCount1h"
