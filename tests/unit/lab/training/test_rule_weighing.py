"""How much rules count beside a model: as much as they know beyond it, and in full where nothing is known of them."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fraudstream.detection.rules.counting import points_beside
from fraudstream.detection.rules.rule import Mode, Rule, Severity
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.durations import DAY
from fraudstream_tools.lab.training.boosting import Parameters
from fraudstream_tools.lab.training.fit import Validation, fit
from fraudstream_tools.lab.training.rules.rule_hits import RuleHits, counting_rules, rule_hits
from fraudstream_tools.lab.training.rules.rule_weighing import (
    LEAST_OF_HIGH,
    STEPPED_BACK,
    Combination,
    combine,
    unmeasured,
)
from fraudstream_tools.lab.training.storage.model_card import model_card
from fraudstream_tools.rules.folder import RulesFolder
from tests.unit.detection.model_harness import labels_of, random_vectors, times_of

RULES = Path(__file__).parents[4] / "rules"
SHIPPED: Ruleset = RulesFolder(RULES).load()
ROWS = 40_000
PRIOR = -4.0


def shipped(severity: Severity) -> list[Rule]:
    """Rules of one severity, each of another family, with enough points to tell."""
    found = {rule.family: rule for rule in counting_rules(SHIPPED) if rule.severity is severity and rule.points != 0.5}
    return list(found.values())


(NEWS, ECHO, *_), (LOUD, *_) = shipped(Severity.MEDIUM), shipped(Severity.HIGH)


def world(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64], RuleHits]:
    """A model's odds, the truth, and rules: one knows what the model does not, the others repeat it, or guess."""
    chance = np.random.default_rng(seed)
    odds = chance.normal(PRIOR, 1.5, ROWS)
    news, loud = chance.random(ROWS) < 0.02, chance.random(ROWS) < 0.02
    echo = odds > PRIOR + 2.5
    truth = (chance.random(ROWS) < 1 / (1 + np.exp(-(odds + (NEWS.points or 0) * news)))).astype(np.float64)
    told = [
        [rule.id for rule, hit in ((NEWS, news[row]), (ECHO, echo[row]), (LOUD, loud[row])) if hit]
        for row in range(ROWS)
    ]
    return odds, truth, rule_hits(SHIPPED, told)


@pytest.fixture(scope="module")
def combined() -> Combination:
    odds, truth, hits = world(1)
    return combine(odds, truth, hits, prior=PRIOR, learnt=hits)


def test_a_rule_counts_as_far_as_it_knows_what_the_model_does_not(combined: Combination) -> None:
    assert combined.rules[NEWS.id].weight == pytest.approx(1, abs=0.15)
    assert combined.rules[ECHO.id].weight < 0.3
    assert combined.weight == pytest.approx(1, abs=0.1)
    assert combined.base == pytest.approx(PRIOR, abs=0.2)


def test_a_rule_of_high_severity_keeps_some_weight(combined: Combination) -> None:
    assert combined.rules[LOUD.id].weight == LEAST_OF_HIGH


def test_base_weights_and_points_make_a_probability() -> None:
    odds, truth, hits = world(1)
    found = combine(odds, truth, hits, prior=PRIOR, learnt=hits)
    fresh, later, again = world(2)
    added = {name: each.weight * (SHIPPED.points[name]) for name, each in found.rules.items()}
    log_odds = found.base + found.weight * (fresh - PRIOR) + again.points(added)
    probability = 1 / (1 + np.exp(-log_odds))
    for least, most in ((0, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 1)):
        band = (probability >= least) & (probability < most)
        assert later[band].mean() == pytest.approx(probability[band].mean(), rel=0.15)


def test_rules_without_a_hit_are_not_weighed_and_count_in_full(combined: Combination) -> None:
    assert combined.rules.keys() == {NEWS.id, ECHO.id, LOUD.id}
    assert [combined.rules[rule.id].hits > 0 for rule in (NEWS, ECHO, LOUD)] == [True, True, True]


def test_rules_of_few_hits_stay_near_the_weight_of_all() -> None:
    odds, truth, hits = world(3)
    few = hits.rows.copy()
    place = [rule.id for rule in counting_rules(SHIPPED)].index(NEWS.id)
    few[np.flatnonzero(few[:, place])[2:], place] = False
    weights = combine(odds, truth, RuleHits(SHIPPED, few), prior=PRIOR, learnt=hits).rules
    assert abs(weights[NEWS.id].weight - weights[ECHO.id].weight) < 0.3


def test_beside_a_model_that_was_not_measured_rules_step_back() -> None:
    hits = rule_hits(SHIPPED, [[NEWS.id], [NEWS.id, LOUD.id], []])
    found = unmeasured(-5.0, hits)
    assert (found.base, found.weight) == (-5.0, 1.0)
    assert {name: (each.weight, each.hits) for name, each in found.rules.items()} == {
        NEWS.id: (STEPPED_BACK, 2),
        LOUD.id: (max(STEPPED_BACK, LEAST_OF_HIGH), 1),
    }
    assert unmeasured(-5.0, None).rules == {}


def test_a_model_learns_the_weights_and_its_card_tells_them() -> None:
    vectors, times = random_vectors(6000, 1), times_of(6000)
    labels = labels_of(vectors, 1)
    hits = rule_hits(SHIPPED, [[NEWS.id] if flag and number % 3 == 0 else [] for number, flag in enumerate(labels)])
    few = Parameters(trees=20)
    model = fit(vectors, labels, times, hits=hits, parameters=few)
    assert model.file.rule_weights
    assert model.file.rule_weights[NEWS.id].weight > 0.7
    assert points_beside(model, SHIPPED.rules)[NEWS.id] == model.file.rule_weights[NEWS.id].weight * (NEWS.points or 0)
    assert f"| {NEWS.id} | {model.file.rule_weights[NEWS.id].weight:g} |" in model_card(model)
    unmeasured_one = fit(
        vectors, labels, times, hits=hits, parameters=few, validation=Validation(days=14, label_delay_days=60)
    )
    assert unmeasured_one.file.validation is None
    assert "step back" in model_card(unmeasured_one)
    assert times.max() - times.min() <= 60 * DAY


def test_shadow_rules_have_no_column() -> None:
    assert all(rule.mode is Mode.LIVE for rule in counting_rules(SHIPPED))
    shadow = next(rule for rule in SHIPPED.rules if rule.mode is Mode.SHADOW)
    assert not rule_hits(SHIPPED, [[shadow.id]]).rows.any()
