"""What one ruleset has that another has not, rule by rule."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, cast

import msgspec

from fraudstream.detection.rules.acting import Costs
from fraudstream.detection.rules.rates import Rates
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
    """Which entries of a list changed."""

    name: str
    kind: ChangeKind
    added: int
    removed: int
    entries_added: tuple[str, ...]
    """Such as `card tok_… until 2026-12-31`, the last day on which it counts."""
    entries_removed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RulesetDifference:
    """What changes from one ruleset to another."""

    rules: tuple[RuleDifference, ...]
    """In the order of their ids."""
    settings: Mapping[str, ValueChange]
    """`baseLogOdds`, the thresholds, what families are capped at and floors, where they change."""
    rates: Mapping[str, ValueChange]
    """`baseCurrency`, `reportingThreshold`, and by first day of validity the rates that change."""
    lists: tuple[ListDifference, ...]

    @property
    def is_empty(self) -> bool:
        """Whether both judge alike: other comments, or lines that are broken otherwise, change nothing."""
        return not (self.rules or self.settings or self.rates or self.lists)


def compare(before: Ruleset | None, after: Ruleset) -> RulesetDifference:
    """Return what changes from one ruleset to another; None for no ruleset at all."""
    return RulesetDifference(
        rules=tuple(_rules(before.rules if before else (), after.rules)),
        settings=_changed(_settings(before) if before else {}, _settings(after)),
        rates=_rates(before.rates if before else None, after.rates),
        lists=tuple(_lists(before, after)),
    )


def _rules(before: tuple[Rule, ...], after: tuple[Rule, ...]) -> list[RuleDifference]:
    old = {rule.id: _values(rule) for rule in before}
    new = {rule.id: _values(rule) for rule in after}
    differences: list[RuleDifference] = []
    for rule in sorted({*old, *new}):
        kind = ChangeKind.ADDED if rule not in old else ChangeKind.REMOVED if rule not in new else ChangeKind.CHANGED
        if values := _changed(old.get(rule, {}), new.get(rule, {})):
            differences.append(RuleDifference(rule=rule, kind=kind, values=values))
    return differences


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


def _rates(before: Rates | None, after: Rates) -> dict[str, ValueChange]:
    whole = _changed(_of_rates(before) if before else {}, _of_rates(after))
    return {name: _of_currencies(change) for name, change in whole.items()}


def _of_rates(rates: Rates) -> dict[str, Any]:
    days = {day.isoformat(): dict(per_base) for day, per_base in sorted(rates.days.items())}
    return {"baseCurrency": rates.base, "reportingThreshold": rates.reporting_threshold, **days}


def _of_currencies(change: ValueChange) -> ValueChange:
    """Return of two days' rates only those that differ."""
    before, after = change.before, change.after
    if not isinstance(before, dict) or not isinstance(after, dict):
        return change
    changes = _changed(cast("dict[str, Any]", before), cast("dict[str, Any]", after))
    return ValueChange(
        before={code: each.before for code, each in changes.items() if each.before is not None},
        after={code: each.after for code, each in changes.items() if each.after is not None},
    )


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, ValueChange]:
    names = dict.fromkeys([*before, *after])
    return {
        name: ValueChange(before=before.get(name), after=after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    }


def _lists(before: Ruleset | None, after: Ruleset) -> list[ListDifference]:
    old, new = before.lists.entries() if before else {}, after.lists.entries()
    differences: list[ListDifference] = []
    for name in sorted({*old, *new}):
        was, now = old.get(name, frozenset()), new.get(name, frozenset())
        kind = ChangeKind.ADDED if name not in old else ChangeKind.REMOVED if name not in new else ChangeKind.CHANGED
        if was != now or kind is not ChangeKind.CHANGED:
            added, removed = _entries(now - was), _entries(was - now)
            differences.append(
                ListDifference(
                    name=name,
                    kind=kind,
                    added=len(added),
                    removed=len(removed),
                    entries_added=added,
                    entries_removed=removed,
                )
            )
    return differences


def _entries(entries: Iterable[tuple[str, str, float]]) -> tuple[str, ...]:
    return tuple(
        f"{kind} {token}" if math.isinf(end) else f"{kind} {token} until {_last_day(end)}"
        for kind, token, end in sorted(entries)
    )


def _last_day(end: float) -> date:
    return datetime.fromtimestamp((end - 1) / 1000, UTC).date()
