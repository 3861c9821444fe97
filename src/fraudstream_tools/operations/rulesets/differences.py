"""What one ruleset has that another has not, rule by rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from fraudstream.detection.rules.acting import Costs
from fraudstream.detection.rules.rule import Rule
from fraudstream.detection.rules.ruleset import Ruleset


class ChangeKind(StrEnum):
    """What became of a rule."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, kw_only=True)
class ValueChange:
    """A value before and after."""

    before: Any
    """None where there was none."""
    after: Any


@dataclass(frozen=True, kw_only=True)
class RuleDifference:
    """What became of one rule."""

    rule: str
    kind: ChangeKind
    values: Mapping[str, ValueChange]
    """By key as in ruleset.yaml: what changed, and of an added or removed rule all that it says."""


@dataclass(frozen=True, kw_only=True)
class ListDifference:
    """How many entries of a list changed."""

    name: str
    kind: ChangeKind
    added: int
    removed: int


@dataclass(frozen=True, kw_only=True)
class RulesetDifference:
    """What changes from one ruleset to another."""

    rules: tuple[RuleDifference, ...]
    """In the order of their ids."""
    settings: Mapping[str, ValueChange]
    """`baseLogOdds`, the thresholds, what families are capped at and floors, where they change."""
    lists: tuple[ListDifference, ...]


def compare(before: Ruleset | None, after: Ruleset) -> RulesetDifference:
    """Return what changes from one ruleset to another; None for no ruleset at all."""
    return RulesetDifference(
        rules=tuple(_rules(before.rules if before else (), after.rules)),
        settings=_changed(_settings(before) if before else {}, _settings(after)),
        lists=tuple(_lists(before, after)),
    )


def _rules(before: tuple[Rule, ...], after: tuple[Rule, ...]) -> list[RuleDifference]:
    old = {rule.id: _values(rule) for rule in before}
    new = {rule.id: _values(rule) for rule in after}
    found: list[RuleDifference] = []
    for rule in sorted({*old, *new}):
        kind = ChangeKind.ADDED if rule not in old else ChangeKind.REMOVED if rule not in new else ChangeKind.CHANGED
        if values := _changed(old.get(rule, {}), new.get(rule, {})):
            found.append(RuleDifference(rule=rule, kind=kind, values=values))
    return found


def _values(rule: Rule) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(rule)
    del values["id"]
    # How a line is broken changes nothing.
    return {name: " ".join(value.split()) if isinstance(value, str) else value for name, value in values.items()}


def _settings(ruleset: Ruleset) -> dict[str, Any]:
    return {
        "baseLogOdds": ruleset.base_log_odds,
        **msgspec.structs.asdict(ruleset.thresholds),
        **_acting(ruleset),
        **{f"families.{family}": most for family, most in ruleset.counting.families.items()},
        **{f"floors.{severity}": least for severity, least in ruleset.counting.floors.items()},
    }


def _acting(ruleset: Ruleset) -> dict[str, Any]:
    if ruleset.acting is None:
        return {}
    name = "costs" if isinstance(ruleset.acting, Costs) else "probabilities"
    return {f"{name}.{key}": value for key, value in msgspec.to_builtins(ruleset.acting).items()}


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, ValueChange]:
    names = dict.fromkeys([*before, *after])
    return {
        name: ValueChange(before=before.get(name), after=after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    }


def _lists(before: Ruleset | None, after: Ruleset) -> list[ListDifference]:
    old, new = before.lists.entries() if before else {}, after.lists.entries()
    found: list[ListDifference] = []
    for name in sorted({*old, *new}):
        was, now = old.get(name, frozenset()), new.get(name, frozenset())
        kind = ChangeKind.ADDED if name not in old else ChangeKind.REMOVED if name not in new else ChangeKind.CHANGED
        if was != now or kind is not ChangeKind.CHANGED:
            found.append(ListDifference(name=name, kind=kind, added=len(now - was), removed=len(was - now)))
    return found
