"""What spoke for each reason of a decision: the parts of its rule that made it hit, with the values that they saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fraudstream.detection.features.codec import FeatureError, unpack
from fraudstream.detection.features.own import VALUES, own_values
from fraudstream.detection.features.registry import FEATURES, Vector
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.transactions.storage.item import StoredTransaction
from fraudstream_tools.operations.investigation.habits import Habit, habits_of
from fraudstream_tools.rules.trace import RuleTrace, parameters_of, traces
from fraudstream_tools.rules.words import leaf_in_words, value_in_words

_MEANINGS: Final = {each.name: each.description for each in (*FEATURES, *VALUES)}


@dataclass(frozen=True, kw_only=True)
class DecisionEvidence:
    """What a decision saw."""

    habits: Sequence[Habit] = ()
    """Empty where the features are not stored, or cannot be read."""
    evidence: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """By the source of a reason: a rule's id, or a feature that the model weighed."""


def judgement_of(stored: StoredTransaction, ruleset: Ruleset | None) -> DecisionEvidence:
    """Return what the decision on a stored transaction saw; nothing where it is not decided.

    Args:
        stored: the transaction.
        ruleset: the active one; a rule that has changed since the decision, or is gone, gives no evidence.
    """
    decision = stored.decision
    if decision is None or not decision.features:
        return DecisionEvidence()
    try:
        vector = unpack(decision.features)
    except FeatureError:
        return DecisionEvidence()
    values = dict(zip((feature.name for feature in FEATURES), vector, strict=True))
    sources = {reason.source for reason in decision.reasons}
    seen = values | dict(zip((each.name for each in VALUES), own_values(stored.transaction), strict=True))
    evidence: dict[str, Sequence[str]] = {
        name: [f"{_MEANINGS[name]}: {value_in_words(seen[name])}"] for name in sources & seen.keys()
    }
    if ruleset is not None:
        evidence |= _of_rules(stored, ruleset, vector, sources)
    return DecisionEvidence(habits=habits_of(values, ruleset.rates.base if ruleset else None), evidence=evidence)


def _of_rules(
    stored: StoredTransaction, ruleset: Ruleset, vector: Vector, sources: set[str]
) -> dict[str, Sequence[str]]:
    decision = stored.decision
    listed_as = decision.listed_as if decision else ()
    rule_traces = traces(ruleset, stored.transaction, vector, listed_as, among=sources)
    return {trace.rule.id: _parts(trace) for trace in rule_traces if trace.truth}


def _parts(trace: RuleTrace) -> list[str]:
    parameters = parameters_of(trace.rule)
    return [
        leaf_in_words(part.expression, parameters) + (f": {_values(part.values)}" if part.values else "")
        for part in trace.decisive
    ]


def _values(values: Mapping[str, str | float | None]) -> str:
    if len(values) == 1:
        return f"it was {value_in_words(next(iter(values.values())))}"
    return ", ".join(f"{name} was {value_in_words(value)}" for name, value in values.items())
