"""What rules and a model would decide of examples."""

from collections.abc import Sequence
from math import isnan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream.detection.features.registry import AMOUNT_PLACE
from fraudstream.detection.models.model import Model
from fraudstream.detection.models.selection import NO_MODELS, ActiveModels
from fraudstream.detection.rules.counting import points_beside, unweighed_beside
from fraudstream.detection.rules.rule import Mode
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.detection.scoring import Score, acted_at, base_of, decide_by_score, score_of
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream_tools.lab.training.boosting import Flags
from fraudstream_tools.lab.training.rules.rule_hits import RuleHits, counting_rules
from fraudstream_tools.lab.training.samples.examples import Examples, as_vectors


class JudgedExamples(NamedTuple):
    """Examples as rules and a model judge them, without what lists and other forced decisions say."""

    log_odds: NDArray[np.float64]
    """Before rounding, floors and thresholds."""
    flagged: Flags
    """Reviewed or declined."""
    declined: Flags


def approved_by_rules(hits: RuleHits) -> Flags:
    """Return which transactions the rules approve where they decide alone."""
    ruleset = hits.ruleset.with_models(NO_MODELS)
    rows, places = np.unique(hits.rows, axis=0, return_inverse=True)
    approved = [decide_by_score(ruleset, _truths(ruleset, row), None)[0] is Verdict.APPROVE for row in rows.tolist()]
    return np.array(approved, dtype=np.bool_)[places.reshape(-1)]


def judge_examples(model: Model | None, examples: Examples) -> JudgedExamples:
    """Judge examples by their rules and a model; None: by the rules alone."""
    ruleset = examples.hits.ruleset
    points = examples.hits.points(points_beside(model, ruleset.rules))
    evidence = np.zeros(len(points))
    if model is not None:
        points = model.file.points_weight * points
        evidence = np.array([model.evidence(vector) for vector in as_vectors(examples.vectors)])
    log_odds = base_of(ruleset, model) + (points + evidence)
    scores = [score_of(odds) for odds in log_odds.tolist()]
    judged = ruleset.with_models(ActiveModels(live=model))
    flagged, declined = np.zeros(len(scores), dtype=np.bool_), np.zeros(len(scores), dtype=np.bool_)
    # What no rule has hit and no model finds likely is approved: most of all.
    acted = acted_on(model, examples, log_odds)
    for row in np.flatnonzero(
        examples.hits.rows.any(axis=1)
        | (np.array(scores) >= ruleset.thresholds.review)
        | [each not in (None, Verdict.APPROVE) for each in acted]
    ):
        truths = _truths(ruleset, examples.hits.rows[row].tolist())
        verdict, _ = decide_by_score(
            judged, truths, Score(scores[row], model_agrees=bool(evidence[row] > 0), acted=acted[row])
        )
        flagged[row], declined[row] = verdict is not Verdict.APPROVE, verdict is Verdict.DECLINE
    return JudgedExamples(log_odds, flagged, declined)


def probabilities(model: Model, examples: Examples, log_odds: NDArray[np.float64]) -> list[float | None]:
    """Return the probabilities of examples; None where a rule hit that the model's training has not seen.

    Args:
        model: the live one.
        examples: examples.
        log_odds: what rules and the model come to.
    """
    rules = counting_rules(examples.hits.ruleset)
    unweighed = unweighed_beside(model, rules)
    columns = [position for position, rule in enumerate(rules) if rule.id in unweighed]
    unknown = np.asarray(examples.hits.rows[:, columns].any(axis=1), dtype=np.bool_)
    odds: list[float] = log_odds.tolist()
    return [None if unknown[row] else model.probability(each) for row, each in enumerate(odds)]


def acted_on(model: Model | None, examples: Examples, log_odds: NDArray[np.float64]) -> list[Verdict | None]:
    """Return what a ruleset does at the probabilities of examples; see `scoring.acted_at`."""
    ruleset = examples.hits.ruleset
    if model is None or ruleset.acting is None:
        return [None] * len(log_odds)
    amounts: list[float] = examples.vectors[:, AMOUNT_PLACE].tolist()
    likely = probabilities(model, examples, log_odds)
    return [
        acted_at(ruleset, probability, None if isnan(amount) else amount)
        for probability, amount in zip(likely, amounts, strict=True)
    ]


def _truths(ruleset: Ruleset, hits: Sequence[bool]) -> list[bool]:
    """Return the truths of all rules where those that count have hit or not."""
    counting = iter(hits)
    return [rule.mode is Mode.LIVE and rule.points is not None and next(counting) for rule in ruleset.rules]
