"""From the rules' outcome to a decision.

Points add up in log-odds: the score is `100 / (1 + exp(-(base + points)))`, rounded; `base` is the ruleset's
`baseLogOdds`, the log-odds of fraud before anything is known. So a rule of +2.3 points makes fraud ten times as likely
as before, and a model's log-odds can take the place of `base`.

The order of verdicts: a forced decline (the blocked list is one) stands above a forced approval (the trusted list),
which stands above the score; a forced review lifts an approval by score to a review. A forced decline scores 100; a
forced approval keeps its score, so that it shows what trust let through.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from fraudstream.detection import kleene
from fraudstream.detection.ruleset import Mode, Rule, Ruleset, Thresholds
from fraudstream.transactions.decision import Reason, Verdict

MAX_SCORE: Final = 100


class Outcome(NamedTuple):
    """What the rules of a ruleset said together."""

    verdict: Verdict
    score: int
    reasons: tuple[Reason, ...]
    """Strongest first: what forces a decision, then by points."""
    unevaluable: tuple[str, ...]
    shadow_hits: tuple[str, ...]


def decide(ruleset: Ruleset, truths: Sequence[kleene.Truth]) -> Outcome:
    """Combine the truth values of a ruleset's rules, given in the order of its rules."""
    hits: list[Rule] = []
    unevaluable: list[str] = []
    shadow_hits: list[str] = []
    for rule, truth in zip(ruleset.rules, truths, strict=True):
        if truth is None:
            unevaluable.append(rule.id)
        elif truth:
            if rule.mode is Mode.LIVE:
                hits.append(rule)
            else:
                shadow_hits.append(rule.id)
    forced = {rule.decision for rule in hits}
    score = score_of(ruleset.base_log_odds + sum(rule.points or 0.0 for rule in hits))
    if Verdict.DECLINE in forced:
        verdict, score = Verdict.DECLINE, MAX_SCORE
    elif Verdict.APPROVE in forced:
        verdict = Verdict.APPROVE
    else:
        verdict = _by_score(score, ruleset.thresholds)
        if verdict is Verdict.APPROVE and Verdict.REVIEW in forced:
            verdict = Verdict.REVIEW
    return Outcome(verdict, score, _reasons(hits), tuple(unevaluable), tuple(shadow_hits))


def score_of(log_odds: float) -> int:
    """Turn log-odds into a score from 0 to 100."""
    bounded = max(min(log_odds, 50.0), -50.0)
    return math.floor(MAX_SCORE / (1 + math.exp(-bounded)) + 0.5)


def _by_score(score: int, thresholds: Thresholds) -> Verdict:
    if score >= thresholds.decline:
        return Verdict.DECLINE
    return Verdict.REVIEW if score >= thresholds.review else Verdict.APPROVE


def _reasons(hits: Sequence[Rule]) -> tuple[Reason, ...]:
    ordered = sorted(hits, key=lambda rule: (rule.decision is None, -abs(rule.points or 0.0), rule.id))
    return tuple([Reason(code=rule.reason_code, source=rule.id, points=rule.points or 0.0) for rule in ordered])
