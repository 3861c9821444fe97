"""From what rules and model say to a decision.

Both add up in log-odds: the score is `100 / (1 + exp(-(base + points + evidence)))`, rounded. `points` are those of the
live rules that hit, so a rule of +2.3 makes fraud ten times as likely as before. Where rules decide alone, `base` is
the ruleset's `baseLogOdds`, the log-odds of fraud before anything is known, and `evidence` is 0. With a live model,
`base` is the model's own, found with the weights in its training; `evidence` is how far its log-odds lie above those of
fraud in its training, times its weight; and each rule's points count by a weight too, since the model has seen the same
things (see `rules.counting`). A shadow model takes the live one's place in a score of its own, which is logged and
decides nothing.

Points count by families, and a score alone declines only where two of them agree (see `rules.counting`); else it is a
review. The order of verdicts: a forced decline (the blocked list is one) outranks a forced approval (the trusted list),
which outranks the score; a forced review lifts an approval by score to a review. A forced decline scores 100; a forced
approval keeps its score, so that it shows what trust let through.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from fraudstream.detection.features.registry import AMOUNT_PLACE, Vector
from fraudstream.detection.models import reasons as model_reasons
from fraudstream.detection.models.model import Model
from fraudstream.detection.models.selection import NO_MODELS
from fraudstream.detection.rules.language import compiler
from fraudstream.detection.rules.rule import Mode, Rule, Thresholds
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.transactions.decisions.decision import MAX_SCORE, Reason, Verdict
from fraudstream.transactions.decisions.reasons import HELD_BACK

LEAST_LIKELY: Final = 1e-6
MOST_LIKELY: Final = 0.999
"""No log holds enough frauds and honest payments to tell of probabilities beyond these: own choice."""


class Score(NamedTuple):
    """What rules and the live model come to, before anything is forced."""

    value: int
    model_agrees: bool
    """The live model speaks for fraud: it is one of the two signs that a decline by score takes."""
    acted: Verdict | None = None
    """What is done at this probability; None where there is none, or where the ruleset goes by scores."""


class Outcome(NamedTuple):
    """What the rules and models of a ruleset said together."""

    verdict: Verdict
    score: int
    reasons: tuple[Reason, ...]
    """Strongest first: what forces a decision, then by points."""
    unevaluable: tuple[str, ...]
    shadow_hits: tuple[str, ...]
    log_odds: float
    """The score before it is rounded and before anything is forced or lifted to a floor: base, points and evidence."""
    probability: float | None
    """Probability that a transaction like this is fraud that somebody reports; None while nothing was calibrated,
    or where a rule has hit that the model's training has not weighed."""
    only_model: bool
    """The live model's promise counts it: rules alone approve it, and it is as likely as what the promise is about."""
    shadow_score: int | None
    """The score with the shadow model in the live one's place; None without a shadow model, or where it failed."""
    shadow_error: Exception | None = None
    """Why the shadow model gave no score: it never touches the decision."""


def decide(
    ruleset: Ruleset,
    truths: Sequence[compiler.TruthValue],
    vector: Vector | None = None,
    outside_share: Collection[str] = (),
    *,
    holds_model_back: bool = False,
) -> Outcome:
    """Combine what a ruleset's rules and models say of a transaction.

    A model's reasons are worked out for a review or decline only: nobody asks why something was approved, and they
    take several times as long as the score.

    Args:
        ruleset: the rules, and the models beside them.
        truths: the rules' truth values, in their order.
        vector: what models see of the transaction (`features.own.inputs`); without it rules decide alone.
        outside_share: ids of live rules that do not count for this customer: see `Ruleset.outside_share`.
        holds_model_back: the live model has lost its power to decline: what rules alone do not decline is reviewed, and
            what they do is declined.
    """
    hits, shadow_hits, unevaluable = _by_truth(ruleset, truths, outside_share)
    live, shadow = ruleset.models if vector is not None else NO_MODELS
    added = ruleset.points_beside_live if live else ruleset.points
    points = ruleset.counting.points(hits, added)
    evidence = live.evidence(vector) if live and vector is not None else 0.0
    # The order of operations is that of the backtest's SQL, so that both round to the same score.
    log_odds = base_of(ruleset, live) + (points * live.file.points_weight + evidence if live else points)
    probability = _probability(ruleset, live, hits, log_odds)
    acted = acted_at(ruleset, probability, None if vector is None else vector[AMOUNT_PLACE])
    score = Score(score_of(log_odds), model_agrees=evidence > 0, acted=acted)
    verdict, decided = _verdict(ruleset, hits, score)
    is_likely = live is not None and live.flags(log_odds)
    alone = _by_rules(ruleset, hits) if is_likely or holds_model_back else None
    is_held_back = holds_model_back and verdict is Verdict.DECLINE and alone is not Verdict.DECLINE
    if is_held_back:
        verdict = Verdict.REVIEW
    elif holds_model_back and alone is Verdict.DECLINE:
        # A model that errs speaks for nobody whom rules decline.
        verdict = Verdict.DECLINE
    shadow_score, shadow_error = _shadow_score(ruleset, hits, shadow, vector)
    of_model = model_reasons.reasons(live, vector) if verdict is not Verdict.APPROVE and live and vector else ()
    reasons = _reasons(hits, added, live.file.points_weight if live else 1.0, of_model)
    return Outcome(
        verdict=verdict,
        score=decided,
        reasons=(Reason(code=HELD_BACK, source=live.version), *reasons) if is_held_back and live else reasons,
        unevaluable=tuple(unevaluable),
        shadow_hits=tuple(shadow_hits),
        log_odds=log_odds,
        probability=None if probability is None else float(f"{probability:.3g}"),
        only_model=is_likely and alone is Verdict.APPROVE,
        shadow_score=shadow_score,
        shadow_error=shadow_error,
    )


def _by_truth(
    ruleset: Ruleset, truths: Sequence[compiler.TruthValue], outside_share: Collection[str]
) -> tuple[list[Rule], list[str], list[str]]:
    """Return the rules that hit and count, and the ids of those that hit and do not, and of those without a truth."""
    hits: list[Rule] = []
    shadow_hits: list[str] = []
    unevaluable: list[str] = []
    for rule, truth in zip(ruleset.rules, truths, strict=True):
        if truth is None:
            unevaluable.append(rule.id)
        elif truth:
            if rule.mode is Mode.LIVE and rule.id not in outside_share:
                hits.append(rule)
            else:
                shadow_hits.append(rule.id)
    return hits, shadow_hits, unevaluable


def _by_rules(ruleset: Ruleset, hits: Sequence[Rule]) -> Verdict:
    """Return what rules decide of the live ones that hit where they are alone."""
    points = ruleset.counting.points(hits, ruleset.points)
    return _verdict(ruleset, hits, Score(score_of(ruleset.base_log_odds + points), model_agrees=False))[0]


def base_of(ruleset: Ruleset, model: Model | None) -> float:
    """Return the log-odds from which points and evidence count: a model's own, or those of the ruleset."""
    own = msgspec.UNSET if model is None else model.file.score_base
    return ruleset.base_log_odds if own is msgspec.UNSET else own


def decide_by_score(
    ruleset: Ruleset, truths: Sequence[compiler.TruthValue], score: Score | None
) -> tuple[Verdict, int]:
    """Return verdict and score where somebody else calculated what rules and model come to.

    Args:
        ruleset: the rules.
        truths: the rules' truth values, in their order.
        score: by rules and live model; None: the rules decide alone.
    """
    if score is None:
        alone = decide(ruleset, truths)
        return alone.verdict, alone.score
    hits = [rule for rule, truth in zip(ruleset.rules, truths, strict=True) if truth and rule.mode is Mode.LIVE]
    return _verdict(ruleset, hits, score)


def _verdict(ruleset: Ruleset, hits: Sequence[Rule], score: Score) -> tuple[Verdict, int]:
    """Return what the live rules that hit make of a score, in the order of verdicts."""
    forced = {rule.decision for rule in hits}
    if Verdict.DECLINE in forced:
        return Verdict.DECLINE, MAX_SCORE
    value = max(score.value, ruleset.counting.floor(hits))
    if Verdict.APPROVE in forced:
        return Verdict.APPROVE, value
    verdict = _by_score(value, ruleset.thresholds) if score.acted is None else score.acted
    if verdict is Verdict.APPROVE and ruleset.counting.floor(hits) >= ruleset.thresholds.review:
        verdict = Verdict.REVIEW
    if verdict is Verdict.DECLINE and not ruleset.counting.may_decline(hits, model_agrees=score.model_agrees):
        return Verdict.REVIEW, value
    return (Verdict.REVIEW if verdict is Verdict.APPROVE and Verdict.REVIEW in forced else verdict), value


def _shadow_score(
    ruleset: Ruleset, hits: Sequence[Rule], shadow: Model | None, vector: Vector | None
) -> tuple[int | None, Exception | None]:
    if shadow is None or vector is None:
        return None, None
    counting = ruleset.counting
    try:
        points = counting.points(hits, ruleset.points_beside_shadow)
        added = points * shadow.file.points_weight + shadow.evidence(vector)
        return max(score_of(base_of(ruleset, shadow) + added), counting.floor(hits)), None
    except Exception as error:  # noqa: BLE001  (a model that only watches must not stop a decision, whatever it does)
        return None, error


def score_of(log_odds: float) -> int:
    """Convert log-odds to a score from 0 to 100."""
    bounded = max(min(log_odds, 50.0), -50.0)
    return math.floor(MAX_SCORE / (1 + math.exp(-bounded)) + 0.5)


def _probability(ruleset: Ruleset, live: Model | None, hits: Sequence[Rule], log_odds: float) -> float | None:
    if live is None or any(rule.id in ruleset.unweighed for rule in hits):
        return None
    probability = live.probability(log_odds)
    return None if probability is None else max(min(probability, MOST_LIKELY), LEAST_LIKELY)


def acted_at(ruleset: Ruleset, probability: float | None, amount: float | None) -> Verdict | None:
    """Return what a ruleset does at a probability.

    Args:
        ruleset: says what.
        probability: of fraud; None: unknown.
        amount: in the base currency.
    """
    if ruleset.acting is None or probability is None:
        return None
    return ruleset.acting.verdict(probability, amount)


def _by_score(score: int, thresholds: Thresholds) -> Verdict:
    if score >= thresholds.decline:
        return Verdict.DECLINE
    return Verdict.REVIEW if score >= thresholds.review else Verdict.APPROVE


def _reasons(
    hits: Sequence[Rule], points: Mapping[str, float], weight: float, of_model: Sequence[Reason]
) -> tuple[Reason, ...]:
    forcing = sorted((rule for rule in hits if rule.decision is not None), key=lambda rule: rule.id)
    adding = [rule for rule in hits if rule.decision is None]
    forced = [Reason(code=rule.reason_code, source=rule.id) for rule in forcing]
    added = [
        Reason(code=rule.reason_code, source=rule.id, points=round(weight * points.get(rule.id, 0.0), 2))
        for rule in adding
    ]
    return (*forced, *sorted((*added, *of_model), key=lambda reason: (-abs(reason.points), reason.source)))
