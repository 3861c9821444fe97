"""Drift is measured against what the model learnt from, and alarms neither by chance nor by the calendar."""

import math

import msgspec
import numpy as np
import pytest

from fraudstream.contract import SIGNIFICANT_DRIFT
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.models.drift import LEAST_TRANSACTIONS, measure, psi
from fraudstream.detection.models.model import Distribution, seal
from fraudstream_tools.lab.training.distributions import BINS, distributions
from tests.unit.detection.model_harness import as_vectors, random_vectors, small_model

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
    for place, name in enumerate(NAMES):
        column = [vector[place] for vector in as_vectors(vectors)]
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
    assert drift.features[drift.worst] < 0.05


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
