"""Training measures on newer days than it learnt from, calibrates, and is the same each time."""

import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

from fraudstream.detection.features.registry import NAMES, SCHEMA
from fraudstream.durations import DAY
from fraudstream_tools.lab.training.boosting import Parameters
from fraudstream_tools.lab.training.calibration import frauds_told, platt
from fraudstream_tools.lab.training.fit import Arrived, TrainingError, Validation, fit
from fraudstream_tools.lab.training.measuring.metrics import metrics, recall_at_false_positives
from fraudstream_tools.lab.training.storage.model_card import METRIC_WORDS
from tests.unit.detection.model_harness import START, as_vectors, labels_of, random_vectors, small_model, times_of

FEW = Parameters(trees=20)


def test_the_same_data_and_seed_give_the_same_file() -> None:
    assert small_model().to_json() == small_model.__wrapped__().to_json()


def test_the_order_of_rows_does_not_matter_to_what_is_measured_on() -> None:
    vectors, times = random_vectors(6000, 1), times_of(6000)
    order = np.random.default_rng(1).permutation(6000)
    shuffled = fit(vectors[order], labels_of(vectors, 1)[order], times[order], parameters=FEW).file
    assert shuffled.validation == small_model().file.validation
    assert shuffled.training == small_model().file.training


def test_metrics_are_of_the_newest_days_by_a_model_that_knew_only_older_labels() -> None:
    # In the days whose labels were not known yet, everything is labelled wrongly: it must not matter to metrics.
    vectors, times = random_vectors(6000, 1), times_of(6000)
    labels = labels_of(vectors, 1)
    last = times.max()
    unknown = (times > last - 21 * DAY) & (times <= last - 14 * DAY)
    turned = np.where(unknown, ~labels, labels)
    assert fit(vectors, turned, times, parameters=FEW).file.metrics == small_model().file.metrics
    validation = small_model().file.validation
    assert validation is not None
    assert validation.first > last - 14 * DAY
    assert validation.transactions == int((times > last - 14 * DAY).sum())


def test_the_final_trees_learn_from_everything() -> None:
    vectors, times = random_vectors(6000, 1), times_of(6000)
    labels = labels_of(vectors, 1)
    turned = np.where(times > times.max() - 10 * DAY, ~labels, labels)
    assert fit(vectors, turned, times, parameters=FEW).file.trees != small_model().file.trees


def test_too_few_transactions_for_a_single_split_are_refused() -> None:
    vectors, labels = random_vectors(60, 1), np.arange(60) % 3 == 0
    with pytest.raises(TrainingError, match="60 transactions are too few to grow trees on: a leaf takes 50"):
        fit(vectors, labels, times_of(60), parameters=FEW)


def test_too_few_frauds_in_the_newest_days_leave_the_trees_own_log_odds() -> None:
    vectors, times = random_vectors(6000, 1), times_of(6000)
    labels = labels_of(vectors, 1) & (times < times.max() - 20 * DAY)
    file = fit(vectors, labels, times, parameters=FEW).file
    assert (file.validation, file.metrics, file.calibration.slope, file.calibration.intercept) == (None, {}, 1, 0)


@pytest.mark.parametrize("frauds", [0, 9, 6000])
def test_nothing_is_learnt_from_too_few(frauds: int) -> None:
    labels = np.arange(6000) < frauds
    with pytest.raises(TrainingError, match=f"there are {frauds:,} frauds among 6,000 transactions"):
        fit(random_vectors(6000, 1), labels, times_of(6000))


def test_arrays_that_do_not_fit_are_refused() -> None:
    vectors = random_vectors(100, 1)
    with pytest.raises(TrainingError, match=f"{len(NAMES)} columns"):
        fit(vectors[:, 1:], labels_of(vectors, 1), times_of(100))
    with pytest.raises(TrainingError, match="as many rows"):
        fit(vectors, labels_of(vectors, 1)[1:], times_of(100))
    with pytest.raises(TrainingError, match="there is no feature shoeSize"):
        fit(vectors, np.arange(100) % 3 == 0, times_of(100), use=["shoeSize"])


def test_a_model_can_learn_from_some_features_only() -> None:
    vectors = random_vectors(6000, 1)
    use = ["cardCount1h", "localHour", "amountBase"]
    model = fit(vectors, labels_of(vectors, 1), times_of(6000), use=use, parameters=FEW)
    assert model.file.features == tuple(use)
    row = as_vectors(vectors)[0]
    others = tuple([value if name in use else None for name, value in zip(NAMES, row, strict=True)])
    assert model.log_odds(row) == model.log_odds(others)


def test_the_file_says_what_it_learnt_from() -> None:
    file = small_model(own_labels=True).file
    labels = labels_of(random_vectors(6000, 1), 1)
    assert (file.training.first, file.training.transactions, file.training.frauds) == (START, 6000, int(labels.sum()))
    assert file.feature_schema == SCHEMA
    assert file.own_labels
    assert file.prior_log_odds == pytest.approx(math.log(labels.mean() / (1 - labels.mean())))
    assert set(file.distributions) == {*NAMES, "score"}
    assert file.metrics["auc"] > 0.8


def test_calibration_is_that_of_a_logistic_regression() -> None:
    chance = np.random.default_rng(3)
    raw = chance.normal(-4, 3, 50_000)
    labels = chance.random(50_000) < 1 / (1 + np.exp(-(0.6 * raw - 1)))
    oracle = LogisticRegression(C=1e9).fit(raw[:, None], labels)
    found = platt(raw, labels)
    assert (found.slope, found.intercept) == pytest.approx((oracle.coef_[0, 0], oracle.intercept_[0]), abs=0.01)


def test_calibration_never_turns_the_order_around() -> None:
    raw = np.linspace(-5, 5, 1000)
    assert platt(raw, raw < -4).slope > 0


def test_calibration_of_perfectly_parted_scores_stays_finite() -> None:
    raw = np.concatenate([np.full(500, -8.0), np.full(20, 8.0)])
    found = platt(raw, raw > 0)
    assert 0 < found.slope < 10


def test_metrics_are_those_of_the_usual_definitions() -> None:
    chance = np.random.default_rng(4)
    labels = chance.random(20_000) < 0.01
    odds = chance.normal(size=20_000) + 3 * labels
    found = metrics(odds, labels)
    assert found["auc"] == pytest.approx(roc_auc_score(labels, odds), abs=1e-6)
    assert found["averagePrecision"] == pytest.approx(average_precision_score(labels, odds), abs=1e-6)


def test_recall_at_false_positives_counts_ties_against_the_model() -> None:
    scores = np.array([5.0, 4, 4, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1])
    labels = np.array([1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], dtype=bool)
    # One of eleven may be flagged: down to 3. None may be: only what stands above the highest legitimate one.
    assert recall_at_false_positives(scores, labels, 0.1) == (1.0, 0.75)
    assert recall_at_false_positives(scores, labels, 0.0) == (1 / 3, 1.0)


def test_a_wide_gap_before_validation_leaves_nothing_to_learn_from() -> None:
    vectors = random_vectors(6000, 1)
    file = fit(
        vectors,
        labels_of(vectors, 1),
        times_of(6000),
        parameters=FEW,
        validation=Validation(days=14, label_delay_days=60),
    ).file
    assert file.validation is None


def test_the_model_that_is_measured_learnt_from_labels_as_they_were_known_then() -> None:
    vectors, times = random_vectors(6000, 1), times_of(6000)
    labels = labels_of(vectors, 1)
    cut = times.max() - 14 * DAY
    everything = np.ones(6000)
    # Half of the older frauds became known only when the newest days were over.
    late = labels & (np.arange(6000) % 2 == 0) & (times <= cut)
    early = Arrived(known_at=np.where(late, cut + 1, 0), share=everything)
    then = fit(vectors, labels, times, parameters=FEW, arrival=early).file
    unknown = fit(vectors, labels & ~late, times, parameters=FEW).file
    assert then.metrics == unknown.metrics
    assert then.trees == small_model().file.trees
    always = Arrived(known_at=np.zeros(6000, dtype=np.int64), share=everything)
    assert fit(vectors, labels, times, parameters=FEW, arrival=always).file == small_model().file


def test_calibration_and_metrics_are_those_of_labels_that_are_still_to_come() -> None:
    chance = np.random.default_rng(3)
    raw = chance.normal(-4, 2, 60_000)
    frauds = chance.random(60_000) < 1 / (1 + np.exp(-(1.2 * raw + 1)))
    arrived = np.where(np.arange(60_000) % 3 == 0, 0.3, 0.8)
    known = frauds & (chance.random(60_000) < arrived)
    found = platt(raw, frauds_told(known, arrived))
    assert (found.slope, found.intercept) == pytest.approx((1.2, 1), abs=0.08)
    assert platt(raw, known).intercept < 0.7
    odds = found.slope * raw + found.intercept
    true, corrected, naive = metrics(odds, frauds), metrics(odds, known, arrived=arrived), metrics(odds, known)
    for name in ("averagePrecision", "recallAt0.1PctFalsePositives", "precisionAt0.1PctFalsePositives", "logLoss"):
        assert corrected[name] == pytest.approx(true[name], rel=0.12)
    assert naive["averagePrecision"] < 0.85 * true["averagePrecision"]


def test_every_figure_of_a_model_has_words_for_its_card_and_the_console() -> None:
    odds = np.linspace(-5, 5, 100)
    assert metrics(odds, odds > 3).keys() == METRIC_WORDS.keys()


def test_a_known_fraud_stands_for_those_like_it_whose_labels_are_to_come() -> None:
    known = np.array([True, True, False])
    assert frauds_told(known, np.array([0.5, 1.0, 0.5])).tolist() == [2, 1, 0]
    assert frauds_told(known, None).tolist() == [1, 1, 0]
