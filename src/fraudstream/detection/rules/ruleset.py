"""Rulesets: rules, thresholds, exchange rates and lists, from three YAML files, checked as a whole when loaded."""

import copy
import hashlib
import keyword
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import msgspec

from fraudstream.contract import LISTS_FILE, RATES_FILE, RULESET_FILE
from fraudstream.detection.features.registry import Vector
from fraudstream.detection.models.selection import NO_MODELS, ActiveModels
from fraudstream.detection.rules import strict_yaml
from fraudstream.detection.rules.counting import Counting
from fraudstream.detection.rules.language import checker, compiler, fields, parser
from fraudstream.detection.rules.lists import Lists, load_lists
from fraudstream.detection.rules.rates import Rates, load_rates
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.pseudonyms.tokens import TokenRaiser
from fraudstream.transactions.transaction import Transaction

MAX_RULES: Final = 200
MAX_RULESET_BYTES: Final = 400_000
"""Twice what so many rules of the shipped rules' size need."""
MAX_BYTES: Final = 4_000_000
"""Of lists and rates: a hundred thousand tokens take less."""
MAX_RULESET_VALUES: Final = 20_000
MAX_VALUES: Final = 400_000
MAX_PARTS: Final = 20_000
"""Of all expressions together: checking and compiling them takes about a second."""
MAX_PARAMETERS: Final = 20
MAX_MEMBERS: Final = 200
"""Values of one parameter that holds several."""

ID_PATTERN: Final = r"^[a-z][a-z0-9-]{0,47}\Z"

T = TypeVar("T")
_ID = re.compile(ID_PATTERN)
_ASKED_LIST = re.compile(r"listed\(\s*[\"'](\w+)")
_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9]{0,47}", re.ASCII)


class RulesetError(ValueError):
    """A ruleset cannot be used."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Return what is wrong, one sentence for each problem: file, rule, and what to do."""
        self.problems = tuple(problems)
        # What a process gets from another one is made anew of just that.
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Return the problems, one on each line."""
        return "\n".join(self.problems)


class Severity(StrEnum):
    """How bad it is if the rule is right."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Mode(StrEnum):
    """Whether a rule's hits count."""

    LIVE = "live"
    SHADOW = "shadow"
    """Evaluated and logged, never counted."""


class Signal(StrEnum):
    """What transaction monitoring has to look at, by article 2(2) of the PSD2 RTS, Regulation (EU) 2018/389."""

    COMPROMISED_ELEMENTS = "a"
    """Lists of compromised or stolen authentication elements."""
    AMOUNT = "b"
    """The amount of each payment transaction."""
    FRAUD_SCENARIOS = "c"
    """Known fraud scenarios in the provision of payment services."""
    MALWARE = "d"
    """Signs of malware infection in any session of the authentication procedure."""
    DEVICE_USE = "e"
    """Abnormal use of the access device or software, and the log of its use."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One rule as it is written in the file."""

    id: Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]
    description: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    when: str
    points: Annotated[float, msgspec.Meta(ge=-20, le=20)] | None = None
    """What a hit adds to the log-odds of fraud."""
    decision: Verdict | None = None
    """What a hit decides, whatever the score."""
    reason_code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Z0-9_]{0,47}\Z")]
    severity: Severity
    mode: Mode = Mode.LIVE
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    """Where pattern and default thresholds come from; `own` where there is nothing to cite."""
    family: Annotated[str, msgspec.Meta(pattern=ID_PATTERN)] | None = None
    """What sign of fraud it looks at, together with others; required with points from schema 2 on."""
    proven_precision: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    """Lower end of the 95 % interval of the share of its hits that were fraud, where that was measured."""
    signal: Signal | None = None
    """The PSD2 signal that it serves, where one fits."""
    parameters: Annotated[dict[str, float | str | list[float | str]], msgspec.Meta(max_length=MAX_PARAMETERS)] = {}


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Scores from which on a transaction is reviewed or declined."""

    review: Annotated[int, msgspec.Meta(ge=1, le=100)]
    decline: Annotated[int, msgspec.Meta(ge=1, le=101)]
    """101: the score alone never declines."""


class _File(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    schema_version: Annotated[int, msgspec.Meta(ge=1, le=2)]
    base_log_odds: Annotated[float, msgspec.Meta(ge=-20, le=20)]
    thresholds: Thresholds
    rules: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=MAX_RULES)]
    families: Annotated[
        dict[Annotated[str, msgspec.Meta(pattern=ID_PATTERN)], Annotated[float, msgspec.Meta(gt=0, le=20)]],
        msgspec.Meta(max_length=50),
    ] = {}
    floors: dict[Severity, Annotated[int, msgspec.Meta(ge=0, le=100)]] = {}


_SCHEMA_OF_FAMILIES: Final = 2
_FILE_KEYS: Final = (*(field.encode_name for field in msgspec.structs.fields(_File)), *Thresholds.__struct_fields__)
_RULE_FIELDS: Final = {field.encode_name: field for field in msgspec.structs.fields(Rule)}


class Ruleset:
    """A ruleset, checked and compiled."""

    def __init__(
        self,
        *,
        version: str,
        base_log_odds: float,
        thresholds: Thresholds,
        rules: Sequence[tuple[Rule, compiler.CheckedExpression]],
        rates: Rates,
        lists: Lists,
        counting: Counting,
    ) -> None:
        """Build the ruleset from what `load` has read and checked."""
        self.version = version
        self.base_log_odds = base_log_odds
        self.thresholds = thresholds
        self.rules = tuple(rule for rule, _ in rules)
        self.rates = rates
        self.lists = lists
        self.counting = counting
        self.models = NO_MODELS
        """What judges beside the rules."""
        self._evaluate: Callable[..., tuple[compiler.TruthValue, ...]] = compiler.compile_together(
            [expression for _, expression in rules], [field.name for field in fields.FIELDS], lists.names
        )

    def with_raised_lists(self, raiser: TokenRaiser) -> "Ruleset":
        """Return the same rules with the tokens of their lists in the newest number."""
        other = copy.copy(self)
        other.lists = self.lists.raised(raiser)
        return other

    def with_models(self, models: ActiveModels) -> "Ruleset":
        """Return the same rules with models beside them."""
        other = copy.copy(self)
        other.models = models
        return other

    def evaluate(
        self, transaction: Transaction, vector: Vector, listed_as: Collection[str] = ()
    ) -> tuple[compiler.TruthValue, ...]:
        """Evaluate every rule; None is unevaluable. In the order of `rules`.

        Args:
            transaction: the transaction.
            vector: its features.
            listed_as: on which lists it is beside those of lists.yaml: see `lists.listed_as`.
        """
        return self._evaluate(*fields.values(transaction, vector), *self.lists.memberships(transaction, listed_as))


def load(ruleset: bytes, rates: bytes, lists: bytes) -> Ruleset:
    """Read and check the three files of a ruleset.

    Raises:
        RulesetError: every problem that was found.
    """
    problems: list[str] = []
    known_rates = _read(RATES_FILE, rates, _LARGE, lambda found: load_rates(found.value), problems)
    known_lists = _read(LISTS_FILE, lists, _LARGE, lambda found: load_lists(found.value), problems)
    read = _read(RULESET_FILE, ruleset, _SMALL, _ruleset_file, problems)
    file, lines = read or (None, {})
    rules = _rules(file, lines, known_lists.names if known_lists else None, problems) if file else []
    if problems or file is None or known_rates is None or known_lists is None:
        raise RulesetError(problems)
    return Ruleset(
        version=version_of(ruleset, rates, lists),
        base_log_odds=file.base_log_odds,
        thresholds=file.thresholds,
        rules=rules,
        rates=known_rates,
        lists=known_lists,
        counting=Counting(file.families, file.floors),
    )


def asked_lists(when: str) -> list[str]:
    """Return the names of the lists that a rule's expression asks for."""
    return _ASKED_LIST.findall(when)


def version_of(ruleset: bytes, rates: bytes, lists: bytes) -> str:
    """Return the version of a ruleset: the first 12 hexadecimal digits of the SHA-256 over its three files' bytes."""
    return hashlib.sha256(ruleset + rates + lists).hexdigest()[:12]


class _Bounds(NamedTuple):
    most_bytes: int
    most_values: int


_SMALL: Final = _Bounds(MAX_RULESET_BYTES, MAX_RULESET_VALUES)
_LARGE: Final = _Bounds(MAX_BYTES, MAX_VALUES)


def _read(
    name: str, content: bytes, bounds: _Bounds, convert: Callable[[strict_yaml.StrictDocument], T], problems: list[str]
) -> T | None:
    try:
        return convert(strict_yaml.read(content, most_bytes=bounds.most_bytes, most_values=bounds.most_values))
    except ValueError as error:
        problems.append(f"{name}: {error}")
        return None


def _ruleset_file(found: strict_yaml.StrictDocument) -> tuple[_File, dict[strict_yaml.Path, int]]:
    file = strict_yaml.convert(found.value, _File, _FILE_KEYS)
    if bool(file.families) != (file.schema_version >= _SCHEMA_OF_FAMILIES):
        raise strict_yaml.DocumentError("families: schema 2 needs them, and schema 1 has none")
    if file.thresholds.decline < file.thresholds.review:
        raise strict_yaml.DocumentError("thresholds: decline must not be below review")
    return file, found.lines


def _rules(
    file: _File,
    lines: Mapping[strict_yaml.Path, int],
    lists: Sequence[str] | None,
    problems: list[str],
) -> list[tuple[Rule, compiler.CheckedExpression]]:
    """Check the rules; None in place of the lists' names is for lists that could not be read."""
    rules: list[tuple[Rule, compiler.CheckedExpression]] = []
    seen: dict[str, int] = {}
    parts = 0
    for position, entry in enumerate(file.rules):
        line = lines.get(("rules", position), 0)
        # What is no text of the right form is named by its place.
        named = isinstance(entry.get("id"), str) and _ID.fullmatch(entry["id"])
        place = f"{RULESET_FILE}: line {line}: rule {entry['id'] if named else f'number {position + 1}'}: "
        found: list[str] = []
        rule = _rule(entry, found)
        if named and entry["id"] in seen:
            found.append(f"another rule has the same id, on line {seen[entry['id']]}")
        elif named:
            seen[entry["id"]] = line
        if rule is not None:
            is_counted = file.schema_version >= _SCHEMA_OF_FAMILIES and rule.points is not None
            if is_counted:
                found += _without_family(rule, file.families)
            known = lists if lists is not None else asked_lists(rule.when)
            expression = _expression(rule, known, found)
            if expression is not None:
                if is_counted and "type" not in parser.names(rule.when):
                    found.append(_OF_ALL_TYPES)
                parts += parser.size(rule.when)
                if parts > MAX_PARTS:
                    problems.append(
                        f"{place}the rules have more than {MAX_PARTS:,} parts together: write fewer or simpler ones"
                    )
                    return rules
                rules.append((rule, expression))
        problems.extend(place + problem for problem in found)
    return rules


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
