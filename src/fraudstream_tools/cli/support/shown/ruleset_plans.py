"""What would change if a ruleset took the place of another, printed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

from rich.padding import Padding
from rich.text import Text

from fraudstream.counts import counted
from fraudstream_tools.cli.support.terminal.output import out

if TYPE_CHECKING:
    from fraudstream_tools.operations.rulesets.active import RulesetPlan
    from fraudstream_tools.operations.rulesets.differences import RuleDifference, RulesetDifference

_MARKS: Final[Mapping[str, tuple[str, str]]] = {
    "added": ("+", "green"),
    "removed": ("-", "red"),
    "changed": ("~", "yellow"),
}
_SHOWN_KEYS: Final = ("when", "points", "decision", "mode", "share")
"""Keys of an added rule that are shown: what it does."""
_SHOWN_ENTRIES: Final = 20
"""Entries of each list that are shown, added and removed; --json has all."""


def print_plan(plan: "RulesetPlan", place: str) -> None:
    """Print what would change in a bucket, rule by rule."""
    if not plan.files:
        out.print(f"{place} holds this ruleset already: {plan.after}", soft_wrap=True)
        return
    out.print(f"{place}: {plan.before or 'no ruleset'} → {plan.after}", soft_wrap=True)
    if plan.displaces:
        said = f"ruleset {plan.displaces} waits for a second person; this one takes its place"
        out.print(f"{said}, and what is only in that one is lost", style="yellow", soft_wrap=True)
    out.print(f"files that change: {', '.join(sorted(plan.files))}", soft_wrap=True)
    _print_difference(plan.difference)


def _print_difference(difference: "RulesetDifference") -> None:
    if difference.is_empty:
        out.print("no rule, threshold, rate or list changes", style="dim")
    for rule in difference.rules:
        out.print(Text.assemble(_MARKS[rule.kind], " ", (rule.rule, "bold"), " ", rule.kind), soft_wrap=True)
        for line in _lines(rule):
            out.print(Padding(Text(line), (0, 0, 0, 4)))
    for name, change in difference.settings.items():
        out.print(f"~ {name}: {_shown(change.before)} → {_shown(change.after)}", soft_wrap=True)
    for name, change in difference.rates.items():
        out.print(f"~ rates, {name}: {_shown(change.before)} → {_shown(change.after)}", soft_wrap=True)
    for each in difference.lists:
        summary = f"list {each.name}: {counted(each.added, 'entry', 'entries')} added, {each.removed:,} removed"
        out.print(Text.assemble(_MARKS[each.kind], " ", summary), soft_wrap=True)
        _print_entries("+", each.entries_added)
        _print_entries("-", each.entries_removed)


def _print_entries(mark: str, entries: Sequence[str]) -> None:
    for each in entries[:_SHOWN_ENTRIES]:
        out.print(f"    {mark} {each}", soft_wrap=True)
    if len(entries) > _SHOWN_ENTRIES:
        out.print(f"    {mark} {len(entries) - _SHOWN_ENTRIES:,} more", style="dim")


def _lines(rule: "RuleDifference") -> list[str]:
    if rule.kind == "removed":
        return []
    if rule.kind == "added":
        return [f"{name}: {_shown(rule.values[name].after)}" for name in _SHOWN_KEYS if name in rule.values]
    return [f"{name}: {_shown(value.before)} → {_shown(value.after)}" for name, value in rule.values.items()]


def _shown(value: object) -> str:
    match value:
        case None:
            return "none"
        case dict():
            return ", ".join(f"{name} {_shown(each)}" for name, each in cast("dict[str, object]", value).items())
        case float():
            return f"{value:g}"
        case _:
            return str(value)
