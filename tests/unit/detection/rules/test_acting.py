"""A ruleset may say what is done at a probability, by thresholds of it or by what mistakes cost."""

import msgspec
import pytest

from fraudstream.detection.models.model import Model, ProbabilityCurve, seal
from fraudstream.detection.models.selection import ActiveModels
from fraudstream.detection.rules.acting import Costs, ProbabilityThresholds
from fraudstream.detection.rules.ruleset import Ruleset, RulesetError, load
from fraudstream.detection.scoring import decide
from fraudstream.transactions.decisions.decision import Verdict
from tests.unit.detection.models.test_combination import BLOCKED, MUCH, NONE, SMALL_FILES, suspicious, weighted

COSTS = Costs(review=4, honest_decline=30, fraud=15)


def ruleset(more: str) -> Ruleset:
    return load(SMALL_FILES[0].replace(b"rules:\n", more.encode() + b"\nrules:\n"), *SMALL_FILES[1:])


def telling(log_odds: float, **rules: float) -> Model:
    """A model beside which each decision that no rule hits has the same probability."""
    curve = ProbabilityCurve(low=1, high=1, intercept=0)
    file = weighted(0.0, 1, **rules).file
    return seal(msgspec.structs.replace(file, score_base=log_odds, probability=curve))


def verdict(of: Ruleset, model: Model | None, truths: tuple[bool, ...] = NONE) -> Verdict:
    return decide(of.with_models(ActiveModels(live=model)), truths, suspicious()).verdict


@pytest.mark.parametrize(
    ("probability", "expected"), [(0.01, Verdict.APPROVE), (0.02, Verdict.REVIEW), (0.6, Verdict.DECLINE)]
)
def test_thresholds_of_probabilities_begin_with_themselves(probability: float, expected: Verdict) -> None:
    assert ProbabilityThresholds(review=0.02, decline=0.6).verdict(probability, None) is expected


@pytest.mark.parametrize(
    ("probability", "amount", "expected"),
    [
        # A fraud costs 15 and its amount: 0.1 x 25 is less than a look.
        (0.1, 10.0, Verdict.APPROVE),
        (0.1, 1000.0, Verdict.REVIEW),
        # An honest decline costs (1 - 0.9) x 30 = 3.
        (0.9, 1000.0, Verdict.DECLINE),
        (0.9, 1.0, Verdict.DECLINE),
        (0.0001, 20_000.0, Verdict.APPROVE),
        (0.9, None, None),
    ],
)
def test_costs_choose_what_costs_least(probability: float, amount: float | None, expected: Verdict | None) -> None:
    assert COSTS.verdict(probability, amount) is expected


def test_probabilities_take_the_place_of_scores_only_where_there_is_one() -> None:
    acting = ruleset("probabilities: {review: 0.02, decline: 0.6}")
    # A probability of .05, which as a score is far from a review.
    assert verdict(acting, telling(-3)) is Verdict.REVIEW
    assert verdict(ruleset(""), telling(-3)) is Verdict.APPROVE
    assert verdict(acting, None) is Verdict.APPROVE
    # Rules that the training has not seen hit: the score decides.
    assert verdict(acting, telling(-5), MUCH) is Verdict.APPROVE
    assert verdict(acting, telling(-5, much=1, less=1), MUCH) is Verdict.REVIEW


def test_forced_decisions_stand_whatever_is_likely() -> None:
    acting = ruleset("probabilities: {review: 0.02, decline: 1}")
    assert verdict(acting, telling(-9), BLOCKED) is Verdict.DECLINE
    assert verdict(acting, telling(5)) is Verdict.REVIEW


def test_costs_are_read_from_the_rulesets_file() -> None:
    assert ruleset("costs: {review: 4, honestDecline: 30, fraud: 15}").acting == COSTS


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("probabilities: {review: 0.6, decline: 0.2}", "decline must not be below review"),
        ("probabilities: {review: 0.2, decline: 0.6}\ncosts: {review: 1, honestDecline: 1}", "either these or"),
        ("probabilities: {review: 0, decline: 0.6}", "probabilities"),
        ("costs: {review: -1, honestDecline: 1}", "costs"),
        ("costs: {review: 1, honestDeclines: 1}", "honestDecline"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(more: str, problem: str) -> None:
    with pytest.raises(RulesetError, match=problem):
        ruleset(more)
