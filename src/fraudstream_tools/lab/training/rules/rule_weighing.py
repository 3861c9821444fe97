"""How much each rule's points count beside a model: what the newest weeks of its training say.

Rules and model see the same transactions: where both speak of the same thing, their full sum would count it twice. So
the weights are those under which the labels of weeks that the trees have not seen are likeliest. First all points have
one weight; then each rule leaves it as far as its own hits tell, so that a rule of few hits stays near the others.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # pyright: ignore[reportUnknownVariableType]  (no types)

from fraudstream.detection.models.model import RuleWeight
from fraudstream.detection.rules.counting import fingerprint
from fraudstream.detection.rules.rule import Rule, Severity
from fraudstream_tools.lab.training.boosting import Weights
from fraudstream_tools.lab.training.rules.rule_hits import RuleHits, counting_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STEPPED_BACK: Final = 0.5
"""Weight of rules beside a model that was never measured (docs/detection.md has the figures behind it), and what the
common weight is expected to be before anything is measured."""
LEAST_OF_HIGH: Final = 0.25
"""Least weight of a rule of high severity: whatever a model makes of it, it is heard. Own choice."""
_SPREAD: Final = 0.5
"""Standard deviation, in log-odds, by which a rule's effect is expected to differ from that of its points by the common
weight: own choice."""
_COMMON_SPREAD: Final = 0.25
"""Standard deviation of the weight of the model from 1, and of the common weight of the rules from `STEPPED_BACK`,
before anything is measured: own choice."""
_EXPECTED: Final = np.array([0.0, 1.0, STEPPED_BACK])
_PULL: Final = np.array([0.0, 1.0, 1.0]) / _COMMON_SPREAD**2
"""On base, weight of the model, and common weight of the rules."""
_DIGITS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Combination:
    """How a model's log-odds and the rules' points come to a score."""

    base: float
    """Log-odds from which both count."""
    weight: float
    """Weight of the model's log-odds."""
    rules: dict[str, RuleWeight]

    def log_odds(self, evidence: NDArray[np.float64], hits: RuleHits) -> NDArray[np.float64]:
        """Return what both come to.

        Args:
            evidence: the model's log-odds beyond those of fraud in its training.
            hits: of the rules; one without a weight counts in full.
        """
        added = {
            rule.id: (rule.points or 0.0) * (self.rules[rule.id].weight if rule.id in self.rules else 1.0)
            for rule in counting_rules(hits.ruleset)
        }
        return self.base + hits.points(added) + self.weight * evidence


def unmeasured(prior: float, hits: RuleHits | None, stands_for: Weights = None) -> Combination:
    """Return the combination of a model that was not measured: its log-odds as they are, and rules that step back.

    Args:
        prior: log-odds of fraud among what the model learnt from.
        hits: of the rules, in all that it learnt from; None: there were no rules.
        stands_for: for how many transactions each one stands.
    """
    return Combination(base=prior, weight=1.0, rules={} if hits is None else _told(hits, None, stands_for))


def combine(
    odds: NDArray[np.float64],
    fraud_counts: NDArray[np.float64],
    hits: RuleHits,
    *,
    prior: float,
    learnt: RuleHits,
    weights: Weights = None,
    learnt_for: Weights = None,
) -> Combination:
    """Return the likeliest combination.

    Args:
        odds: calibrated log-odds of transactions that the trees have not seen.
        fraud_counts: for how many frauds each of them stands: none, or a known one for those that await labels too.
        hits: of the rules among them.
        prior: log-odds from which the model's evidence counts.
        learnt: hits in all that the model learns from: rules without one are not weighed.
        weights: for how many transactions each one stands.
        learnt_for: for how many each of those stands that the model learns from.
    """
    rules = counting_rules(hits.ruleset)
    likelihood = _Likelihood(odds - prior, fraud_counts, hits, np.ones(len(odds)) if weights is None else weights)
    base, weight, common = likelihood.fit_common()
    base, weight, each = likelihood.fit_each(base, weight, common)
    by_rule = {rule.id: value for rule, value in zip(rules, each, strict=True)}
    return Combination(
        base=round(base, _DIGITS), weight=round(weight, _DIGITS), rules=_told(learnt, by_rule, learnt_for)
    )


class _Likelihood:
    """What labels say of base and weights."""

    def __init__(
        self,
        evidence: NDArray[np.float64],
        told: NDArray[np.float64],
        hits: RuleHits,
        stands_for: NDArray[np.float64],
    ) -> None:
        self._evidence, self._told, self._stands_for = evidence, told.astype(np.float64), stands_for
        rules, caps = counting_rules(hits.ruleset), hits.ruleset.counting.families
        families: list[str | None] = list(caps) or [None]
        self._points = np.array([rule.points or 0.0 for rule in rules])
        self._least = np.array([_least(rule) for rule in rules])
        self._family = np.array([families.index(rule.family if caps else None) for rule in rules], dtype=np.int64)
        self._most = np.array([caps[name] if name is not None else np.inf for name in families])
        # Most transactions are hit by no rule.
        self._hit = np.flatnonzero(hits.rows.any(axis=1))
        self._added = hits.rows[self._hit] * self._points
        self._sums = np.eye(len(families))[self._family]

    def fit_common(self) -> tuple[float, float, float]:
        """Return base, weight of the model, and one weight of all rules."""
        rules = len(self._points)

        def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            base, weight, common = values
            found, slope = self._loss(base, weight, np.full(rules, common))
            apart = values - _EXPECTED
            slope = np.array([slope[0], slope[1], slope[2:].sum()]) + _PULL * apart
            return found + float(_PULL @ apart**2) / 2, slope

        found = _least_loss(loss, _EXPECTED, [(None, None), (0.0, 1.0), (0.0, 1.0)])
        return float(found[0]), float(found[1]), float(found[2])

    def fit_each(self, base: float, weight: float, common: float) -> tuple[float, float, "Sequence[float]"]:
        """Return base, weight of the model, and a weight of each rule, from where the common ones are."""
        pull = (self._points / _SPREAD) ** 2

        def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weights, slope = self._loss(values[0], values[1], values[2:])
            apart = values[2:] - common
            slope[2:] += pull * apart
            slope[1] += _PULL[1] * (values[1] - 1)
            return weights + float(pull @ apart**2) / 2 + float(_PULL[1] * (values[1] - 1) ** 2) / 2, slope

        start = np.concatenate([[base, weight], np.maximum(self._least, common)])
        bounds = [(None, None), (0.0, 1.0), *((least, 1.0) for least in self._least.tolist())]
        weights: list[float] = _least_loss(loss, start, bounds).tolist()
        return weights[0], weights[1], weights[2:]

    def _loss(self, base: float, weight: float, rules: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return the log loss, and its slope by base, weight and rules."""
        of_families = (self._added * rules) @ self._sums
        odds = base + weight * self._evidence
        odds[self._hit] += np.minimum(of_families, self._most).sum(axis=1)
        loss = self._stands_for * (np.logaddexp(0, odds) - self._told * odds)
        error = self._stands_for * (1 / (1 + np.exp(-odds)) - self._told)
        # What a family's cap cuts off has no slope.
        counted = self._added * (of_families < self._most)[:, self._family]
        return float(loss.sum()), np.concatenate(
            [[error.sum(), (error * self._evidence).sum()], error[self._hit] @ counted]
        )


def _least_loss(
    loss: "Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]",
    start: NDArray[np.float64],
    bounds: "Sequence[tuple[float | None, float | None]]",
) -> NDArray[np.float64]:
    return np.asarray(cast("Any", minimize)(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)


def _least(rule: Rule) -> float:
    return LEAST_OF_HIGH if rule.severity is Severity.HIGH else 0.0


def _told(learnt: RuleHits, weights: dict[str, float] | None, stands_for: Weights) -> dict[str, RuleWeight]:
    rules = counting_rules(learnt.ruleset)
    hits: list[float] = (learnt.rows * (1.0 if stands_for is None else stands_for[:, None])).sum(axis=0).tolist()
    return {
        rule.id: RuleWeight(
            rule=fingerprint(rule),
            weight=round(max(STEPPED_BACK, _least(rule)) if weights is None else weights[rule.id], _DIGITS),
            hits=round(number),
        )
        for rule, number in zip(rules, hits, strict=True)
        if number
    }
