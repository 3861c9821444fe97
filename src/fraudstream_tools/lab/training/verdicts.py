"""What rules and a model would decide of examples."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream.detection.models.model import Model
from fraudstream.detection.models.selection import ActiveModels
from fraudstream.detection.rules.counting import points_beside
from fraudstream.detection.rules.rule import Mode
from fraudstream.detection.scoring import Score, base_of, decide_by_score, score_of
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream_tools.lab.training.boosting import Flags
from fraudstream_tools.lab.training.examples import Examples, as_vectors


class JudgedExamples(NamedTuple):
    """Examples as rules and a model judge them, without what lists and other forced decisions say."""

    log_odds: NDArray[np.float64]
    """Before rounding, floors and thresholds."""
    flagged: Flags
    """Reviewed or declined."""
    declined: Flags


def judge_examples(model: Model | None, found: Examples) -> JudgedExamples:
    """Judge examples by their rules and a model; None: by the rules alone."""
    ruleset = found.hits.ruleset
    points = found.hits.points(points_beside(model, ruleset.rules))
    evidence = np.zeros(len(points))
    if model is not None:
        points = model.file.points_weight * points
        evidence = np.array([model.evidence(vector) for vector in as_vectors(found.vectors)])
    log_odds = base_of(ruleset, model) + (points + evidence)
    scores = [score_of(odds) for odds in log_odds.tolist()]
    judged = ruleset.with_models(ActiveModels(live=model))
    places = [place for place, rule in enumerate(ruleset.rules) if rule.mode is Mode.LIVE and rule.points is not None]
    flagged, declined = np.zeros(len(scores), dtype=np.bool_), np.zeros(len(scores), dtype=np.bool_)
    # What no rule has hit and no model finds likely is approved: most of all.
    for row in np.flatnonzero(found.hits.rows.any(axis=1) | (np.array(scores) >= ruleset.thresholds.review)):
        truths = [False] * len(ruleset.rules)
        for place, hit in zip(places, found.hits.rows[row].tolist(), strict=True):
            truths[place] = hit
        verdict, _ = decide_by_score(judged, truths, Score(scores[row], model_agrees=bool(evidence[row] > 0)))
        flagged[row], declined[row] = verdict is not Verdict.APPROVE, verdict is Verdict.DECLINE
    return JudgedExamples(log_odds, flagged, declined)
