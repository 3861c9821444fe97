"""Checks of a ruleset's rules: all that is wrong with each of them, by its place in the file."""

import keyword
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from fraudstream.contract import RULESET_FILE
from fraudstream.detection.rules import strict_yaml
from fraudstream.detection.rules.language import checker, compiler, fields, parser
from fraudstream.detection.rules.rule import ID_PATTERN, Mode, Rule

MAX_PARTS: Final = 20_000
"""Parts of all expressions together, at most: checking and compiling them takes about a second."""
MAX_MEMBERS: Final = 200
"""Values of one parameter that holds several."""

_ID = re.compile(ID_PATTERN)
_ASKED_LIST = re.compile(r"listed\(\s*[\"'](\w+)")
_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9]{0,47}", re.ASCII)
_RULE_FIELDS: Final = {field.encode_name: field for field in msgspec.structs.fields(Rule)}


CheckedRule = tuple[Rule, compiler.CheckedExpression]


def check_rules(
    entries: Sequence[Mapping[str, Any]],
    lines: Mapping[strict_yaml.Path, int],
    *,
    families: Collection[str] | None,
    lists: Sequence[str] | None,
) -> tuple[list[CheckedRule], list[str]]:
    """Return the rules that can be used, in their order, and what is wrong with the others.

    Args:
        entries: the rules as they were read.
        lines: the line of each place of the file.
        families: the ruleset's; None: its schema has none.
        lists: the names of the lists; None: they could not be read.
    """
    rules: list[CheckedRule] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    parts = 0
    for position, entry in enumerate(entries):
        line = lines.get(("rules", position), 0)
        # What is no text of the right form is named by its place.
        named = isinstance(entry.get("id"), str) and _ID.fullmatch(entry["id"])
        where = f"{RULESET_FILE}: line {line}: rule {entry['id'] if named else f'number {position + 1}'}: "
        rule_problems: list[str] = []
        checked = _checked(entry, families, lists, rule_problems)
        if named and entry["id"] in seen:
            rule_problems.append(f"another rule has the same id, on line {seen[entry['id']]}")
        elif named:
            seen[entry["id"]] = line
        if checked is not None:
            parts += parser.size(checked[0].when)
            if parts > MAX_PARTS:
                problems.append(
                    f"{where}the rules have more than {MAX_PARTS:,} parts together: write fewer or simpler ones"
                )
                return rules, problems
            rules.append(checked)
        problems.extend(where + problem for problem in rule_problems)
    return rules, problems


def _checked(
    entry: Mapping[str, Any], families: Collection[str] | None, lists: Sequence[str] | None, problems: list[str]
) -> CheckedRule | None:
    """Return a rule with its expression; None if that cannot be evaluated."""
    rule = _rule(entry, problems)
    if rule is None:
        return None
    if rule.points is not None and families is not None:
        problems += _without_family(rule, families)
    expression = _expression(rule, lists if lists is not None else asked_lists(rule.when), problems)
    if expression is None:
        return None
    if rule.points is not None and families is not None and "type" not in parser.names(rule.when):
        problems.append(_OF_ALL_TYPES)
    return rule, expression


_OF_ALL_TYPES: Final = 'when: it has to say which types of transactions it speaks of, as in type == "PAYMENT"'


def _without_family(rule: Rule, families: Collection[str]) -> list[str]:
    """Return what a rule with points lacks to be counted in a family."""
    if rule.family is None:
        return [f"it needs a family: one of {', '.join(sorted(families))}"]
    if rule.family in families:
        return []
    return [f"there is no family {rule.family}{strict_yaml.suggestion(rule.family, list(families))}"]


def _rule(entry: Mapping[str, Any], problems: list[str]) -> Rule | None:
    """Convert a rule key by key, so that all that is wrong with it is named at once."""
    before = len(problems)
    values: dict[str, Any] = {}
    for key, value in entry.items():
        if key not in _RULE_FIELDS:
            problems.append(strict_yaml.unknown_key(key, list(_RULE_FIELDS)))
            continue
        field = _RULE_FIELDS[key]
        try:
            values[field.name] = strict_yaml.convert(value, field.type)
        except strict_yaml.DocumentError as error:
            problems.append(f"{key}: {error}")
    missing = [key for key, field in _RULE_FIELDS.items() if field.required and key not in entry]
    if missing:
        problems.append(f"it needs {', '.join(missing)}")
    if (entry.get("points") is None) == (entry.get("decision") is None):
        problems.append("it needs either points or a decision, and not both")
    if entry.get("share") is not None and values.get("mode", Mode.LIVE) is not Mode.LIVE:
        problems.append("share: a rule that is not live counts for nobody: leave it out, or make the rule live")
    return Rule(**values) if len(problems) == before else None


def _expression(rule: Rule, lists: Sequence[str], problems: list[str]) -> compiler.CheckedExpression | None:
    before = len(problems)
    parameters: dict[str, checker.Parameter] = {}
    for name, value in rule.parameters.items():
        if not _PARAMETER.fullmatch(name) or keyword.iskeyword(name):
            problems.append(
                "parameters: a name has to be of the letters a to z and digits, and no word of the language"
            )
        elif name in fields.BY_NAME or name in fields.REFUSED or name in checker.FUNCTION_NAMES:
            problems.append(f"parameters: {name} is the name of a field or function: choose another one")
        elif reason := _unusable(value):
            problems.append(f"parameters: {name}: {reason}")
        parameters[name] = tuple(value) if isinstance(value, list) else value
    try:
        expression = checker.check(rule.when, checker.Scope(fields.BY_NAME, parameters, lists))
        if unused := sorted(filter(_PARAMETER.fullmatch, parameters.keys() - parser.names(rule.when))):
            problems.append(f"parameters: {', '.join(unused)} is not used in when")
    except parser.LanguageError as error:
        problems.append(f"when: {error}")
        return None
    return expression if len(problems) == before else None


def _unusable(value: float | str | list[float | str]) -> str:
    """Return why a parameter cannot have a value; nothing if it can."""
    if not isinstance(value, list):
        return parser.unusable(value)
    if not 1 <= len(value) <= MAX_MEMBERS:
        return f"it has to hold from 1 to {MAX_MEMBERS} values"
    return next((reason for reason in map(parser.unusable, value) if reason), "")


def asked_lists(when: str) -> list[str]:
    """Return the names of the lists that a rule's expression asks for."""
    return _ASKED_LIST.findall(when)
