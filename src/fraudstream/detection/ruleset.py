"""Rulesets: rules, thresholds, exchange rates and lists, from three YAML files, checked as a whole when loaded."""

import copy
import hashlib
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar

import msgspec
import yaml

from fraudstream.detection import fields, kleene, language
from fraudstream.detection.features import Vector
from fraudstream.detection.lists import Lists, load_lists
from fraudstream.detection.models import NO_MODELS, Models
from fraudstream.detection.rates import Rates, load_rates
from fraudstream.transactions.decision import Verdict
from fraudstream.transactions.transaction import Transaction

RULESET_FILE: Final = "ruleset.yaml"
RATES_FILE: Final = "rates.yaml"
LISTS_FILE: Final = "lists.yaml"
FILES: Final = (RULESET_FILE, RATES_FILE, LISTS_FILE)
MAX_RULES: Final = 200
MAX_BYTES: Final = 4_000_000
"""Of one file: half a million tokens in lists take less."""

T = TypeVar("T")
_ANCHOR = re.compile(rb"(?:^|[\s\[{,])&\w")


class RulesetError(ValueError):
    """A ruleset cannot be used."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Say what is wrong, one sentence for each problem: file, rule, and what to do."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


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


class Rule(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One rule as it is written in the file."""

    id: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9-]{0,47}$")]
    description: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    when: str
    points: Annotated[float, msgspec.Meta(ge=-20, le=20)] | None = None
    """What a hit adds to the log-odds of fraud."""
    decision: Verdict | None = None
    """What a hit decides, whatever the score."""
    reason_code: Annotated[str, msgspec.Meta(pattern="^[A-Z][A-Z0-9_]{0,47}$")]
    severity: Severity
    mode: Mode = Mode.LIVE
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    """Where pattern and default thresholds come from; `own` where there is nothing to cite."""
    parameters: dict[str, float | str | list[float | str]] = {}


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Scores from which on a transaction is reviewed or declined."""

    review: Annotated[int, msgspec.Meta(ge=1, le=100)]
    decline: Annotated[int, msgspec.Meta(ge=1, le=101)]
    """101: the score alone never declines."""


class _File(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    schema_version: Annotated[int, msgspec.Meta(ge=1, le=1)]
    base_log_odds: Annotated[float, msgspec.Meta(ge=-20, le=20)]
    thresholds: Thresholds
    rules: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=MAX_RULES)]


class Ruleset:
    """A ruleset, checked and compiled."""

    def __init__(
        self,
        *,
        version: str,
        base_log_odds: float,
        thresholds: Thresholds,
        rules: Sequence[tuple[Rule, kleene.Checked]],
        rates: Rates,
        lists: Lists,
    ) -> None:
        """Put together what `load` has read and checked."""
        self.version = version
        self.base_log_odds = base_log_odds
        self.thresholds = thresholds
        self.rules = tuple(rule for rule, _ in rules)
        self.rates = rates
        self.lists = lists
        self.models = NO_MODELS
        """What judges beside the rules."""
        self._evaluate: Callable[..., tuple[kleene.Truth, ...]] = kleene.compile_together(
            [expression for _, expression in rules], [field.name for field in fields.FIELDS], lists.names
        )

    def with_models(self, models: Models) -> "Ruleset":
        """Give the same rules with models beside them."""
        other = copy.copy(self)
        other.models = models
        return other

    def evaluate(self, transaction: Transaction, vector: Vector) -> tuple[kleene.Truth, ...]:
        """Evaluate every rule; None is unevaluable. In the order of `rules`."""
        return self._evaluate(*fields.values(transaction, vector), *self.lists.memberships(transaction))


def load(ruleset: bytes, rates: bytes, lists: bytes) -> Ruleset:
    """Read and check the three files of a ruleset.

    Its version is made of the first 12 hexadecimal digits of the SHA-256 over the files' bytes, in this order.

    Raises:
        RulesetError: every problem that was found.
    """
    problems: list[str] = []
    known_rates = _read(RATES_FILE, rates, load_rates, problems)
    known_lists = _read(LISTS_FILE, lists, load_lists, problems)
    file = _read(RULESET_FILE, ruleset, lambda content: msgspec.convert(content, _File), problems)
    rules: list[tuple[Rule, kleene.Checked]] = []
    if file is not None:
        if file.thresholds.decline < file.thresholds.review:
            problems.append(f"{RULESET_FILE}: thresholds: decline must not be below review")
        rules = _rules(file.rules, known_lists.names if known_lists else (), problems)
    if problems or file is None or known_rates is None or known_lists is None:
        raise RulesetError(problems)
    return Ruleset(
        version=hashlib.sha256(ruleset + rates + lists).hexdigest()[:12],
        base_log_odds=file.base_log_odds,
        thresholds=file.thresholds,
        rules=rules,
        rates=known_rates,
        lists=known_lists,
    )


def _read(name: str, content: bytes, convert: Callable[[object], T], problems: list[str]) -> T | None:
    if len(content) > MAX_BYTES:
        problems.append(f"{name}: it is larger than {MAX_BYTES} bytes")
        return None
    if _ANCHOR.search(content):
        # Aliases let a small file stand for a huge one.
        problems.append(f"{name}: anchors (&name) cannot be used")
        return None
    try:
        return convert(yaml.load(content, yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}" if mark else ""
        problems.append(f"{name}: it is no YAML{where}: {error.problem}")
    except (yaml.YAMLError, RecursionError) as error:
        problems.append(f"{name}: it is no YAML that can be used: {error}")
    except ValueError as error:
        problems.append(f"{name}: {error}")
    return None


def _rules(
    entries: Sequence[dict[str, Any]], lists: Sequence[str], problems: list[str]
) -> list[tuple[Rule, kleene.Checked]]:
    rules: list[tuple[Rule, kleene.Checked]] = []
    seen: set[str] = set()
    for position, entry in enumerate(entries, start=1):
        name = f"rule {entry['id']}" if isinstance(entry.get("id"), str) else f"rule number {position}"
        try:
            rule = msgspec.convert(entry, Rule)
            if rule.id in seen:
                raise RulesetError(["another rule has the same id"])
            seen.add(rule.id)
            rules.append((rule, _expression(rule, lists)))
        except ValueError as error:
            problems.append(f"{RULESET_FILE}: {name}: {error}")
    return rules


def _expression(rule: Rule, lists: Sequence[str]) -> kleene.Checked:
    if (rule.points is None) == (rule.decision is None):
        raise RulesetError(["it needs either points or a decision, and not both"])
    parameters: dict[str, language.Parameter] = {}
    for name, value in rule.parameters.items():
        if not name.isidentifier() or name.startswith("_"):
            raise RulesetError([f"parameters: {name!r} is no name that an expression could use"])
        if name in fields.BY_NAME or name in fields.REFUSED or name in language.FUNCTION_NAMES:
            raise RulesetError([f"parameters: {name} is the name of a field or function: choose another one"])
        parameters[name] = tuple(value) if isinstance(value, list) else value
    try:
        expression = language.check(rule.when, language.Scope(fields.BY_NAME, parameters, lists))
    except language.LanguageError as error:
        raise RulesetError([f"when: {error}"]) from None
    if unused := sorted(parameters.keys() - set(re.findall(r"\w+", rule.when))):
        raise RulesetError([f"parameters: {', '.join(unused)} is not used in when"])
    return expression
