"""How the hits of rules count together: by families, so that one sign of fraud counts once.

Two rules about the same amount are one sign. So each rule belongs to a family, and what the rules of a family add is
capped. A score alone declines only where two families agree (a live model is one), or where a rule has hit that was
measured: the lower end of the 95 % interval of its precision is at least `PROVEN`. Else it is a review. A hit of a
severity never makes a score below that severity's floor, however little points weigh beside a live model.

Beside a model each rule counts by a weight of its own, which the model's training has found: rules and model see the
same transactions. A rule that the training never saw, or that has changed since, counts in full.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from fraudstream.detection.models.model import Model, RuleWeight
from fraudstream.detection.rules.rule import Rule, Severity

PROVEN: Final = 0.9
"""From this precision on a rule declines by itself."""
_AGREEING: Final = 2
_FINGERPRINT_DIGITS: Final = 8


def fingerprint(rule: Rule) -> str:
    """Return eight hexadecimal digits that change with what a rule asks, and with its severity."""
    content = msgspec.json.encode((rule.when, rule.parameters, rule.severity), order="deterministic")
    return sha256(content).hexdigest()[:_FINGERPRINT_DIGITS]


def weight_beside(model: Model | None, rule: Rule) -> float:
    """Return how much a rule's points count beside a model: 1 if its training has not seen the rule as it is now."""
    seen = _seen(model, rule)
    return 1.0 if seen is None else seen.weight


def unweighed_beside(model: Model | None, rules: Iterable[Rule]) -> frozenset[str]:
    """Return the ids of rules with points that a model's training has not seen as they are now."""
    return frozenset(rule.id for rule in rules if rule.points is not None and _seen(model, rule) is None)


def _seen(model: Model | None, rule: Rule) -> RuleWeight | None:
    seen = None if model is None else (model.file.rule_weights or {}).get(rule.id)
    return seen if seen is not None and seen.rule == fingerprint(rule) else None


def points_beside(model: Model | None, rules: Iterable[Rule]) -> dict[str, float]:
    """Return what each rule with points adds beside a model, by its id; without a model, its points."""
    return {rule.id: weight_beside(model, rule) * rule.points for rule in rules if rule.points is not None}


class Counting(NamedTuple):
    """How a ruleset counts."""

    families: Mapping[str, float]
    """The most points that each family's rules add together; none in files of schema 1, where all points add up."""
    floors: Mapping[Severity, int]
    """Least scores, by the severity of a rule that hits."""

    def points(self, hits: Sequence[Rule], added: Mapping[str, float]) -> float:
        """Sum the points of live rules that hit: family by family in their order, as the backtest's SQL does.

        Args:
            hits: the rules.
            added: what each rule adds, by its id: see `points_beside`.
        """
        if not self.families:
            return sum(added.get(rule.id, 0.0) for rule in hits)
        sums = dict.fromkeys(self.families, 0.0)
        for rule in hits:
            if rule.points is not None and rule.family is not None:
                sums[rule.family] += added[rule.id]
        total = 0.0
        for family, most in self.families.items():
            total += min(sums[family], most)
        return total

    def floor(self, hits: Sequence[Rule]) -> int:
        """Return the least score that live rules that hit leave."""
        return max([self.floors.get(rule.severity, 0) for rule in hits if rule.points is not None], default=0)

    def may_decline(self, hits: Sequence[Rule], *, model_agrees: bool) -> bool:
        """Return whether a score alone may decline.

        Args:
            hits: live rules that hit.
            model_agrees: a live model speaks for fraud.
        """
        if not self.families or any(rule.proven_precision >= PROVEN for rule in hits):
            return True
        agreeing = {rule.family for rule in hits if (rule.points or 0.0) > 0}
        return len(agreeing) + model_agrees >= _AGREEING
