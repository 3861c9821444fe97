"""Rulesets: rules, thresholds, exchange rates and lists, from three YAML files, checked as a whole when loaded."""

import copy
import hashlib
from collections.abc import Callable, Collection, Sequence
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import msgspec

from fraudstream.contract import LISTS_FILE, RATES_FILE, RULESET_FILE, VERSION_DIGITS
from fraudstream.detection.features.registry import Vector
from fraudstream.detection.models.selection import NO_MODELS, ActiveModels
from fraudstream.detection.rules import strict_yaml
from fraudstream.detection.rules.acting import Acting, Costs, ProbabilityThresholds
from fraudstream.detection.rules.counting import Counting, points_beside, unweighed_beside
from fraudstream.detection.rules.language import compiler
from fraudstream.detection.rules.language.fields import TYPES
from fraudstream.detection.rules.lists import Lists, load_lists
from fraudstream.detection.rules.rates import Rates, load_rates
from fraudstream.detection.rules.rule import ID_PATTERN, Severity, Thresholds
from fraudstream.detection.rules.rule_checks import CheckedRule, check_rules
from fraudstream.detection.rules.shares import is_in_share
from fraudstream.transactions.pseudonyms.tokens import TokenRaiser
from fraudstream.transactions.transaction import Transaction

SCHEMA_VERSION: Final = 2
"""The newest that can be read."""
MAX_RULES: Final = 200
MAX_RULESET_BYTES: Final = 400_000
"""Twice what so many rules of the shipped rules' size need."""
MAX_BYTES: Final = 4_000_000
"""Bytes of lists and of rates, at most: a hundred thousand tokens take less."""
MAX_RULESET_VALUES: Final = 20_000
MAX_VALUES: Final = 400_000

T = TypeVar("T")


class RulesetError(ValueError):
    """A ruleset cannot be used."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Store what is wrong, one sentence for each problem: file, rule, and what to do."""
        self.problems = tuple(problems)
        # What a process gets from another one is made anew of just that.
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Return the problems, one on each line."""
        return "\n".join(self.problems)


class _File(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    schema_version: Annotated[int, msgspec.Meta(ge=1, le=SCHEMA_VERSION)]
    base_log_odds: Annotated[float, msgspec.Meta(ge=-20, le=20)]
    thresholds: Thresholds
    rules: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=MAX_RULES)]
    families: Annotated[
        dict[Annotated[str, msgspec.Meta(pattern=ID_PATTERN)], Annotated[float, msgspec.Meta(gt=0, le=20)]],
        msgspec.Meta(max_length=50),
    ] = {}
    floors: dict[Severity, Annotated[int, msgspec.Meta(ge=0, le=100)]] = {}
    probabilities: ProbabilityThresholds | None = None
    costs: Costs | None = None


_SCHEMA_OF_FAMILIES: Final = 2
_FILE_KEYS: Final = tuple(
    field.encode_name for struct in (_File, Thresholds, Costs) for field in msgspec.structs.fields(struct)
)


class Ruleset:
    """A ruleset, checked and compiled."""

    def __init__(
        self,
        *,
        version: str,
        base_log_odds: float,
        thresholds: Thresholds,
        rules: Sequence[CheckedRule],
        rates: Rates,
        lists: Lists,
        counting: Counting,
        acting: Acting | None,
    ) -> None:
        """Build the ruleset from what `load` has read and checked."""
        self.version = version
        self.base_log_odds = base_log_odds
        self.thresholds = thresholds
        self.rules = tuple(rule for rule, _ in rules)
        self._divided = [rule for rule in self.rules if rule.share is not None]
        self.rates = rates
        self.lists = lists
        self.counting = counting
        self.acting = acting
        """What is done at a probability; None: thresholds of scores decide there too."""
        self.models = NO_MODELS
        """What judges beside the rules."""
        self.points = points_beside(None, self.rules)
        """What each rule adds where rules decide alone, by its id."""
        self.points_beside_live = self.points_beside_shadow = self.points
        """What each rule adds beside the live and beside the shadow model, by its id."""
        self.unweighed: Collection[str] = frozenset()
        """Ids of rules with points that the live model's training has not seen as they are now."""
        self._evaluate = compiler.compile_together([expression for _, expression in rules])

    def with_raised_lists(self, raiser: TokenRaiser) -> "Ruleset":
        """Return the same rules with the tokens of their lists in the newest number."""
        other = copy.copy(self)
        other.lists = self.lists.raised(raiser)
        return other

    def outside_share(self, customer: str) -> frozenset[str]:
        """Return the ids of the live rules in whose share of the customers one is not, by the token."""
        return frozenset(rule.id for rule in self._divided if not is_in_share(rule, customer))

    def with_models(self, models: ActiveModels) -> "Ruleset":
        """Return the same rules with models beside them."""
        other = copy.copy(self)
        other.models = models
        other.points_beside_live = points_beside(models.live, self.rules)
        other.points_beside_shadow = points_beside(models.shadow, self.rules)
        other.unweighed = unweighed_beside(models.live, self.rules)
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
        listed = self.lists.memberships(transaction, listed_as)
        return self._evaluate(TYPES[transaction.type], transaction, vector, listed)


def load(ruleset: bytes, rates: bytes, lists: bytes) -> Ruleset:
    """Read and check the three files of a ruleset.

    Raises:
        RulesetError: every problem that was found.
    """
    problems: list[str] = []
    known_rates = _read(RATES_FILE, rates, _LARGE, lambda document: load_rates(document.value), problems)
    known_lists = _read(LISTS_FILE, lists, _LARGE, lambda document: load_lists(document.value), problems)
    read = _read(RULESET_FILE, ruleset, _SMALL, _ruleset_file, problems)
    file, lines = read or (None, {})
    rules: list[CheckedRule] = []
    if file is not None:
        families = file.families if file.schema_version >= _SCHEMA_OF_FAMILIES else None
        lists_named = known_lists.names if known_lists else None
        rules, rule_problems = check_rules(file.rules, lines, families=families, lists=lists_named)
        problems += rule_problems
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
        acting=file.probabilities or file.costs,
    )


def version_of(ruleset: bytes, rates: bytes, lists: bytes) -> str:
    """Return the version of a ruleset: the first 12 hexadecimal digits of the SHA-256 over its three files' bytes."""
    return hashlib.sha256(ruleset + rates + lists).hexdigest()[:VERSION_DIGITS]


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


def _ruleset_file(document: strict_yaml.StrictDocument) -> tuple[_File, dict[strict_yaml.Path, int]]:
    file = strict_yaml.convert(document.value, _File, _FILE_KEYS)
    if bool(file.families) != (file.schema_version >= _SCHEMA_OF_FAMILIES):
        raise strict_yaml.DocumentError("families: schema 2 needs them, and schema 1 has none")
    if file.thresholds.decline < file.thresholds.review:
        raise strict_yaml.DocumentError("thresholds: decline must not be below review")
    if file.probabilities is not None and file.probabilities.decline < file.probabilities.review:
        raise strict_yaml.DocumentError("probabilities: decline must not be below review")
    if file.probabilities is not None and file.costs is not None:
        raise strict_yaml.DocumentError("costs: give either these or probabilities")
    return file, document.lines
