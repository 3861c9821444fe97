"""A probability stands beside the score where it was measured, and nowhere else."""

import math

import msgspec
import pytest

from fraudstream.detection.models.model import Model, ProbabilityCurve, load, seal
from fraudstream.detection.scoring import LEAST_LIKELY, MOST_LIKELY, decide
from fraudstream.reporting.log.record import read_stream_record
from fraudstream.transactions.decisions.decision import Decision, Verdict
from fraudstream_tools.operations.investigation.field_words import probability_words
from tests.unit.detection.models.test_combination import MUCH, NONE, suspicious, weighted, with_models
from tests.unit.reporting.decision_log_harness import MIDNIGHT, decision, item, transaction


def calibrated(
    low: float = 1.0,
    high: float = 1.0,
    intercept: float = 0.0,
    least: float | msgspec.UnsetType = msgspec.UNSET,
    **rules: float,
) -> Model:
    """A model that tells probabilities by a curve, and weighs the named rules."""
    file = weighted(0.5, 1, **rules).file
    curve = ProbabilityCurve(low=low, high=high, intercept=intercept, least=least)
    return seal(msgspec.structs.replace(file, probability=curve))


def test_without_a_curve_of_the_live_model_there_is_no_probability() -> None:
    uncalibrated = msgspec.structs.replace(weighted(0.5, much=0.5, less=0.5).file, probability=msgspec.UNSET)
    for ruleset in (with_models(), with_models(seal(uncalibrated)), with_models(shadow=calibrated())):
        assert decide(ruleset, MUCH, suspicious()).probability is None


def test_a_straight_curve_tells_the_score_itself() -> None:
    outcome = decide(with_models(calibrated(much=0.5, less=0.5)), MUCH, suspicious())
    assert outcome.probability == pytest.approx(1 / (1 + math.exp(-outcome.log_odds)), rel=0.01)


@pytest.mark.parametrize(("log_odds", "slope"), [(-6.0, 2.0), (6.0, 0.5)])
def test_the_curve_has_a_slope_for_small_scores_and_another_for_large_ones(log_odds: float, slope: float) -> None:
    found = calibrated(low=2.0, high=0.5).probability(log_odds)
    assert found is not None
    assert math.log(found / (1 - found)) == pytest.approx(slope * log_odds, abs=0.01)


def test_no_score_is_low_enough_for_less_than_the_least() -> None:
    model = calibrated(least=0.02)
    assert model.probability(-40.0) == pytest.approx(0.02)
    assert model.probability(0.0) == pytest.approx(0.02 + 0.98 / 2)


def test_a_curve_of_before_has_no_least_and_is_read() -> None:
    before = calibrated()
    assert b'"least"' not in before.to_json()
    assert load(before.to_json()).probability(-40.0) == pytest.approx(0, abs=1e-12)


def test_a_rule_that_the_training_never_saw_takes_the_probability_away() -> None:
    ruleset = with_models(calibrated(less=0.5))
    assert decide(ruleset, NONE, suspicious()).probability is not None
    assert decide(ruleset, MUCH, suspicious()).probability is None


@pytest.mark.parametrize(("intercept", "expected"), [(-40.0, LEAST_LIKELY), (40.0, MOST_LIKELY)])
def test_no_probability_is_surer_than_any_log_can_tell(intercept: float, expected: float) -> None:
    assert decide(with_models(calibrated(intercept=intercept)), NONE, suspicious()).probability == expected


def test_it_is_stored_and_logged_and_only_where_there_is_one() -> None:
    plain = decision(Verdict.REVIEW, at=MIDNIGHT)
    told = msgspec.structs.replace(plain, probability=1e-05)
    stored = item(transaction(1, at=MIDNIGHT))
    assert "probability" not in plain.to_item()
    assert Decision.from_item(stored | told.to_item()) == told
    change = {
        "dynamodb": {
            "NewImage": stored | told.to_item(),
            "OldImage": stored,
            "ApproximateCreationDateTime": MIDNIGHT / 1000,
        }
    }
    (record,) = read_stream_record(change)
    assert record.probability == 1e-05


@pytest.mark.parametrize(
    ("probability", "words"), [(0.042, "4.2 %"), (0.999, "100 %"), (0.00031, "0.031 %"), (1e-06, "under 0.01 %")]
)
def test_people_read_it_as_a_share_of_a_hundred(probability: float, words: str) -> None:
    assert probability_words(probability) == words
