"""A model scores as LightGBM does, says what each feature added, and is the same for the same data."""

import math

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.models import trees
from fraudstream.detection.models.model import load
from fraudstream_tools.lab.training.boosting import Booster, BoostingError, Parameters
from tests.unit.detection.model_harness import as_vectors, labels_of, random_vectors, small_model

ALL = range(len(NAMES))
NEARLY_ZERO = 1.01e-35
"""LightGBM takes what is nearer to 0 for 0, where a threshold next to 0 may be: no feature comes as near."""


@pytest.mark.parametrize("missing", [0.0, 0.2, 0.9])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_sum_of_the_trees_is_lightgbms_raw_score(seed: int, missing: float) -> None:
    vectors = random_vectors(5000, seed, missing=missing)
    booster = Booster(vectors, labels_of(vectors, seed), Parameters(trees=60, leaves=2 + 10 * seed, seed=seed))
    total, walked = trees.compiled(booster.export(), ALL), trees.walked(booster.export(), ALL)
    # Also where nothing was missing in training, and where almost everything is.
    for unseen in (random_vectors(2000, seed + 100), random_vectors(500, seed + 200, missing=0.95), vectors[:500]):
        scores = [total(vector) for vector in as_vectors(unseen)]
        assert [walked(vector) for vector in as_vectors(unseen)] == scores
        assert scores == pytest.approx(booster.raw(unseen).tolist(), abs=1e-9, rel=0)


def test_values_on_a_threshold_go_where_lightgbm_sends_them() -> None:
    vectors = np.round(random_vectors(4000, 5, missing=0.1))
    booster = Booster(vectors, labels_of(vectors, 5), Parameters(trees=30))
    exported = booster.export()
    total = trees.compiled(exported, ALL)
    probes = np.zeros((0, len(NAMES)))
    for tree in exported[:10]:
        for feature, threshold in zip(tree.feature, tree.threshold, strict=True):
            probe, value = random_vectors(3, 9), min(threshold, 3e38)
            if abs(value) < NEARLY_ZERO:
                probe[:, feature] = [0.0, NEARLY_ZERO, -NEARLY_ZERO]
            else:
                probe[:, feature] = [value, np.nextafter(value, math.inf), np.nextafter(value, -math.inf)]
            probes = np.vstack([probes, probe])
    walked = trees.walked(exported, ALL)
    assert [walked(vector) for vector in as_vectors(probes)] == [total(vector) for vector in as_vectors(probes)]
    assert [total(vector) for vector in as_vectors(probes)] == pytest.approx(booster.raw(probes).tolist(), abs=1e-9)


def test_a_constant_tree_scores_too() -> None:
    # Leaves that need more transactions than there are: no split is possible.
    vectors = random_vectors(400, 1)
    booster = Booster(vectors, labels_of(vectors, 1), Parameters(trees=3, transactions_per_leaf=300))
    exported = booster.export()
    assert trees.walked(exported, ALL)(as_vectors(vectors)[0]) == trees.compiled(exported, ALL)(as_vectors(vectors)[0])
    assert trees.compiled(exported, ALL)(as_vectors(vectors)[0]) == pytest.approx(booster.raw(vectors)[0], abs=1e-9)
    assert trees.explainer(exported, ALL)(as_vectors(vectors)[0]) == {}


def test_splits_that_the_format_cannot_say_are_refused() -> None:
    vectors = np.random.default_rng(1).integers(0, 4, size=(500, len(NAMES))).astype(float)
    booster = Booster(vectors, vectors[:, 0] == 2, Parameters(trees=2))
    data = lightgbm.Dataset(vectors, vectors[:, 0] == 2, categorical_feature=[0])
    booster._booster = lightgbm.train({"objective": "binary", "verbose": -1}, data, num_boost_round=2)
    with pytest.raises(BoostingError, match="categories"):
        booster.export()


def test_contributions_and_base_sum_to_the_log_odds() -> None:
    model = small_model()
    for vector in as_vectors(random_vectors(300, 11)):
        added = math.fsum(model.contributions(vector).values())
        assert model.base_log_odds + added == pytest.approx(model.log_odds(vector), abs=1e-9)


def test_contributions_name_what_makes_a_transaction_suspicious() -> None:
    model = small_model()
    vectors = random_vectors(50, 12)
    vectors[:, NAMES.index("amountBase")] = 200
    vectors[:, NAMES.index("cardCount1h")] = 200
    for vector in as_vectors(vectors):
        added = model.contributions(vector)
        assert set(sorted(added, key=added.__getitem__)[-2:]) == {"amountBase", "cardCount1h"}


def test_contributions_start_from_the_mean_of_the_training() -> None:
    vectors = random_vectors(6000, 1)
    booster = Booster(vectors, labels_of(vectors, 1), Parameters(trees=20, share_of_transactions=1))
    base = sum(tree.root_mean for tree in booster.export())
    assert base == pytest.approx(booster.raw(vectors).mean(), abs=1e-6)


def test_calibration_keeps_the_order_of_scores() -> None:
    model = small_model()
    vectors = as_vectors(random_vectors(500, 13))
    raw = [model.raw(vector) for vector in vectors]
    odds = [model.log_odds(vector) for vector in vectors]
    assert np.argsort(raw, kind="stable").tolist() == np.argsort(odds, kind="stable").tolist()


def test_a_model_read_from_its_file_scores_the_same() -> None:
    model = small_model()
    again = load(model.to_json())
    vectors = as_vectors(random_vectors(300, 14))
    assert [again.log_odds(vector) for vector in vectors] == [model.log_odds(vector) for vector in vectors]
    assert again.to_json() == model.to_json()


@settings(deadline=None)  # the first example trains the model
@given(values=st.lists(st.none() | st.floats(allow_nan=False), min_size=len(NAMES), max_size=len(NAMES)))
def test_any_vector_gets_finite_log_odds(values: list[float | None]) -> None:
    assert math.isfinite(small_model().log_odds(tuple(values)))
