"""Rules' points and the model's evidence add up in log-odds; a shadow model is watched and never counts."""

import math
from pathlib import Path

import msgspec
import pytest

from fraudstream.detection.features.codec import pack, unpack
from fraudstream.detection.features.registry import FEATURES, NAMES, Vector
from fraudstream.detection.judge import Judge
from fraudstream.detection.models import reasons as model_reasons
from fraudstream.detection.models.model import Model, RuleWeight, seal
from fraudstream.detection.models.selection import ActiveModels
from fraudstream.detection.rules.counting import fingerprint, points_beside
from fraudstream.detection.rules.ruleset import Ruleset, load
from fraudstream.detection.scoring import base_of, decide, score_of
from fraudstream.transactions.decisions.decision import Decision, Verdict
from fraudstream.transactions.decisions.reasons import SENTENCES
from fraudstream.transactions.transaction import Transaction, TransactionType
from fraudstream_tools.rules.folder import RulesFolder
from tests.unit.detection.model_harness import as_vectors, random_vectors, small_model

RULES = Path(__file__).parents[4] / "rules"
RULESET = RulesFolder(RULES).load()
SMALL_FILES = (
    b"""
schemaVersion: 1
baseLogOdds: -4
thresholds: {review: 30, decline: 80}
rules:
  - {id: much, description: d, when: amountBase > 100, points: 2.5, reasonCode: MUCH, severity: low, source: own}
  - {id: less, description: d, when: amountBase > 50, points: -0.5, reasonCode: LESS, severity: low, source: own}
  - {id: bad, description: d, when: listed("blocked"), decision: DECLINE, reasonCode: BAD, severity: low, source: own}
  - {id: good, description: d, when: listed("trusted"), decision: APPROVE, reasonCode: GOOD, severity: low, source: own}
""",
    b"{baseCurrency: EUR, rates: [{validFrom: 2026-01-01, perBase: {}}]}",
    b"{blocked: {}, trusted: {}}",
)
SMALL = load(*SMALL_FILES)
NONE, MUCH, BLOCKED, TRUSTED = (
    (False,) * 4,
    (True, True, False, False),
    (True, True, True, False),
    (True, True, False, True),
)


def weighted(weight: float, seed: int = 1, **rules: float) -> Model:
    """A model beside which the named rules count by a weight."""
    file = small_model(seed=seed, own_labels=True).file
    by_id = {rule.id: rule for rule in SMALL.rules}
    told = {name: RuleWeight(rule=fingerprint(by_id[name]), weight=of_rule, hits=10) for name, of_rule in rules.items()}
    return seal(msgspec.structs.replace(file, weight=weight, rule_weights=told))


def of_schema_1(weight: float, points_weight: float) -> Model:
    """A model as 0.1.0 trained them."""
    file = msgspec.structs.replace(
        small_model(own_labels=True).file,
        schema_version=1,
        weight=weight,
        points_weight=points_weight,
        score_base=msgspec.UNSET,
        rule_weights=msgspec.UNSET,
    )
    return seal(file)


def with_models(live: Model | None = None, shadow: Model | None = None) -> Ruleset:
    return SMALL.with_models(ActiveModels(live, shadow))


def suspicious() -> Vector:
    vectors = random_vectors(400, 21)
    vectors[:, [NAMES.index("amountBase"), NAMES.index("cardCount1h")]] = 200
    return max(as_vectors(vectors), key=small_model().log_odds)


def harmless() -> Vector:
    return min(as_vectors(random_vectors(400, 22)), key=small_model().log_odds)


@pytest.mark.parametrize(("weight", "points_weight"), [(0.0, 1.0), (0.4, 0.5), (1.0, 0.0)])
@pytest.mark.parametrize("truths", [NONE, MUCH])
def test_beside_a_model_of_schema_1_all_points_have_one_weight(
    weight: float, points_weight: float, truths: tuple[bool, ...]
) -> None:
    model = of_schema_1(weight, points_weight)
    for vector in (suspicious(), harmless()):
        points = points_weight * 2.0 if truths is MUCH else 0.0
        evidence = weight * (model.log_odds(vector) - model.file.prior_log_odds)
        outcome = decide(with_models(model), truths, vector)
        assert outcome.log_odds == pytest.approx(-4 + points + evidence)
        assert outcome.score == score_of(-4 + points + evidence)


@pytest.mark.parametrize("truths", [NONE, MUCH])
def test_evidence_and_weighed_points_count_from_the_models_base(truths: tuple[bool, ...]) -> None:
    model = weighted(0.8, much=0.4, less=0.2)
    base = base_of(SMALL, model)
    assert base == model.file.prior_log_odds != SMALL.base_log_odds
    for vector in (suspicious(), harmless()):
        points = 0.4 * 2.5 - 0.2 * 0.5 if truths is MUCH else 0.0
        evidence = 0.8 * (model.log_odds(vector) - model.file.prior_log_odds)
        outcome = decide(with_models(model), truths, vector)
        assert outcome.log_odds == pytest.approx(base + points + evidence)
        assert outcome.score == score_of(outcome.log_odds)
        assert decide(with_models(shadow=model), truths, vector).shadow_score == outcome.score


def test_a_rule_that_training_never_saw_counts_in_full() -> None:
    vector, model = harmless(), weighted(1.0, much=0.0, less=0.0)
    weighed = decide(with_models(model), MUCH, vector).log_odds
    without = decide(with_models(weighted(1.0)), MUCH, vector).log_odds
    assert without - weighed == pytest.approx(2.5 - 0.5)
    edited = load(SMALL_FILES[0].replace(b"amountBase > 100", b"amountBase > 99"), *SMALL_FILES[1:])
    changed = decide(edited.with_models(ActiveModels(model)), MUCH, vector).log_odds
    assert changed - weighed == pytest.approx(2.5)
    # What a hit of it adds is the author's to say, also beside a model: its weight is of whatever points it has.
    raised = load(SMALL_FILES[0].replace(b"points: 2.5", b"points: 5"), *SMALL_FILES[1:])
    half = weighted(1.0, much=0.5, less=0.0)
    assert points_beside(half, raised.rules)["much"] == 2.5


def test_a_model_that_knows_nothing_changes_nothing() -> None:
    vector = harmless()
    knows = small_model()
    file = msgspec.structs.replace(
        knows.file, prior_log_odds=knows.log_odds(vector), own_labels=True, score_base=SMALL.base_log_odds
    )
    assert decide(with_models(seal(file)), MUCH, vector) == decide(SMALL, MUCH, vector)


def test_without_models_or_without_a_vector_rules_decide_alone() -> None:
    alone = decide(SMALL, MUCH)
    assert alone == decide(SMALL, MUCH, suspicious())
    assert alone == decide(with_models(weighted(1.0), weighted(1.0)), MUCH)
    assert alone.shadow_score is None


def test_a_shadow_model_scores_and_never_counts() -> None:
    vector, model = suspicious(), weighted(1.0)
    outcome = decide(with_models(shadow=model), MUCH, vector)
    assert outcome._replace(shadow_score=None) == decide(SMALL, MUCH, vector)
    assert outcome.shadow_score == decide(with_models(model), MUCH, vector).score


def test_a_shadow_model_takes_the_live_ones_place_in_its_score() -> None:
    vector, live, shadow = suspicious(), weighted(0.3), weighted(1.0, seed=2)
    outcome = decide(with_models(live, shadow), MUCH, vector)
    assert outcome.score == decide(with_models(live), MUCH, vector).score
    assert outcome.shadow_score == decide(with_models(shadow), MUCH, vector).score


def test_what_is_forced_stands_above_the_model() -> None:
    ruleset = with_models(weighted(1.0))
    assert decide(ruleset, BLOCKED, harmless()).verdict is Verdict.DECLINE
    assert decide(ruleset, BLOCKED, harmless()).score == 100
    assert decide(ruleset, TRUSTED, suspicious()).verdict is Verdict.APPROVE


def test_a_model_alone_can_decide_and_says_why() -> None:
    outcome = decide(with_models(weighted(1.0)), NONE, suspicious())
    assert outcome.verdict is not Verdict.APPROVE
    assert {reason.source for reason in outcome.reasons} >= {"amountBase", "cardCount1h"}
    assert {reason.code for reason in outcome.reasons} >= {"MODEL_AMOUNT", "MODEL_CARD_ACTIVITY"}


def test_reasons_of_rules_and_model_stand_in_the_order_of_their_points() -> None:
    reasons = decide(with_models(weighted(1.0)), BLOCKED, suspicious()).reasons
    assert reasons[0].source == "bad"
    sizes = [abs(reason.points) for reason in reasons[1:]]
    assert sizes == sorted(sizes, reverse=True)
    assert {"much", "less", "amountBase"} <= {reason.source for reason in reasons}


def test_nobody_is_told_why_a_model_approved() -> None:
    assert decide(with_models(weighted(1.0)), NONE, harmless()).reasons == ()


def test_a_models_reasons_are_its_weighted_contributions_one_of_each_family() -> None:
    vector, model = suspicious(), weighted(0.5)
    added = model.contributions(vector)
    reasons = model_reasons.reasons(model, vector)
    assert 1 <= len(reasons) <= 3
    assert len({reason.code for reason in reasons}) == len(reasons)
    for reason in reasons:
        assert reason.points == round(0.5 * added[reason.source], 2)
        assert reason.points >= 0.1
    assert added[reasons[0].source] == max(added.values())


def test_every_feature_has_a_reason_with_a_sentence() -> None:
    assert {model_reasons.CODES[feature.name] for feature in FEATURES} <= SENTENCES.keys()
    assert model_reasons.CODES["amountBase"] == model_reasons.CODES["customerAmountRatio"] == "MODEL_AMOUNT"
    assert model_reasons.CODES["cardFrauds30d"] == "MODEL_KNOWN_FRAUD"
    assert model_reasons.CODES["ipDeclineShare1h"] == "MODEL_DECLINES"
    assert model_reasons.CODES["terminalCount7d"] == "MODEL_TERMINAL_ACTIVITY"


def a_transaction() -> Transaction:
    return Transaction(
        transaction_id="t1",
        timestamp=1_780_000_000_000,
        received_at=1_780_000_000_000,
        amount_minor=20_000,
        currency="EUR",
        type=TransactionType.PAYMENT,
        customer_id="tok_ann",
        card_token="tok_card",
    )


def test_a_decision_names_the_models_and_can_be_made_again_from_the_log() -> None:
    live, shadow = weighted(1.0), weighted(0.7, seed=2)
    ruleset = RULESET.with_models(ActiveModels(live, shadow))
    decision = Judge(ruleset).judge(a_transaction(), {}, 1).decision
    assert (decision.model_version, decision.shadow_model) == (live.version, shadow.version)
    vector = unpack(decision.features)
    again = decide(ruleset, ruleset.evaluate(a_transaction(), vector), vector)
    assert (again.score, again.shadow_score) == (decision.score, decision.shadow_score)
    assert Decision.from_item(decision.to_item()) == decision


def test_without_models_a_decision_names_none() -> None:
    item = Judge(RULESET).judge(a_transaction(), {}, 1).decision.to_item()
    assert not {"modelVersion", "shadowModel", "shadowScore"} & item.keys()


def test_evidence_is_bounded_by_the_trees() -> None:
    # Whatever the features are: nobody can drive a score out of its range.
    extreme = unpack(pack(dict.fromkeys(NAMES, 1e300)))
    assert math.isfinite(weighted(1.0).evidence(extreme))
    assert 0 <= decide(with_models(weighted(1.0)), MUCH, extreme).score <= 100


class Failing(Model):
    """A model that fails whenever it is asked."""

    def evidence(self, vector: Vector) -> float:
        raise OverflowError(len(vector))


def test_a_shadow_model_that_fails_is_reported_and_touches_no_decision() -> None:
    errors: list[Exception] = []
    failing = Failing(small_model(seed=2, own_labels=True).file)
    transaction = Transaction(
        transaction_id="t",
        timestamp=1,
        received_at=1,
        amount_minor=20_000,
        currency="EUR",
        type=TransactionType.PAYMENT,
        customer_id="tok_ann",
    )
    alone = Judge(SMALL).judge(transaction, {}, 1).decision
    watched = Judge(with_models(shadow=failing), on_shadow_error=errors.append).judge(transaction, {}, 1).decision
    assert (watched.decision, watched.score, watched.reasons) == (alone.decision, alone.score, alone.reasons)
    assert watched.shadow_score is None
    assert [type(error) for error in errors] == [OverflowError]
