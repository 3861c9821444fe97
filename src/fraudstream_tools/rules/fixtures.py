"""Fixtures: for each rule, histories that must hit it and histories that must not."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from fraudstream.contract import LISTS_FILE
from fraudstream.detection.judge import Judge
from fraudstream.detection.learning import learn_label
from fraudstream.detection.profiles import events
from fraudstream.detection.profiles.profile import LabelChange, Profile
from fraudstream.detection.rules import strict_yaml
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.durations import DAY, HOUR, MINUTE, SECOND
from fraudstream.transactions.decisions.decision import Decision, Truth
from fraudstream.transactions.transaction import FIELDS, Transaction
from fraudstream_tools.rules.folder import RulesFolder

FOLDER: Final = "fixtures"
NOW: Final = 1_780_000_000_000
"""When the transactions of fixtures are judged, epoch milliseconds: 2026-05-28, 20:26:40 in UTC."""
MAX_BYTES: Final = 100_000
MAX_VALUES: Final = 10_000

_AGO = r"^-?[0-9]{1,6}[smhd]$"
_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_DEFAULTS: Final = {"customerId": "ann", "amountMinor": 2000, "currency": "EUR", "type": "PAYMENT"}


class FixtureError(ValueError):
    """A file of fixtures cannot be used; the message says what is wrong in it."""


class Expected(StrEnum):
    """What a rule must say."""

    HIT = "hit"
    MISS = "miss"
    UNEVALUABLE = "unevaluable"


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an entry says beside the transaction's fields."""

    at: Annotated[str, msgspec.Meta(pattern=_AGO)] = "0m"
    """When it happened, as time from now: -5m, -2h, -10d."""
    times: Annotated[int, msgspec.Meta(ge=1, le=500)] = 1
    every: Annotated[str, msgspec.Meta(pattern=_AGO)] = "1m"
    """For `times`: the time from one to the next; `{n}` in a text is replaced by the number of each, from 1."""
    label: Truth | None = None
    """What it has turned out to be by now."""


_ENTRY_KEYS: Final = _Entry.__struct_fields__


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A history, and what a rule must say of the transaction at its end."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    expect: Expected
    transaction: dict[str, Any]
    history: tuple[dict[str, Any], ...] = ()
    defaults: dict[str, Any] = {}
    """Fields of all its transactions, where they do not say otherwise."""


class Fixture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of fixtures: the cases of one rule."""

    rule: str
    cases: Annotated[tuple[Case, ...], msgspec.Meta(min_length=1)]
    lists: dict[str, Any] | None = None
    """The entries of lists, in place of the ruleset's own."""
    defaults: dict[str, Any] = {}


_KEYS: Final = (*Fixture.__struct_fields__, *Case.__struct_fields__)


class Result(NamedTuple):
    """What a rule said of a case."""

    rule: str
    case: Case
    outcome: Expected
    transaction: Transaction
    decision: Decision
    ruleset: Ruleset
    """The one that judged: with the fixture's lists."""

    @property
    def passed(self) -> bool:
        """Return whether it said what it must."""
        return self.outcome is self.case.expect


def read_fixtures(folder: Path) -> list[Fixture]:
    """Read all files of fixtures in a folder.

    Raises:
        FixtureError: one of them cannot be used.
    """
    return [_read(path) for path in sorted(folder.glob("*.yaml"))]


def run(fixture: Fixture, rules: RulesFolder) -> list[Result]:
    """Judge the cases of a fixture by a ruleset.

    Raises:
        FixtureError: a case does not make transactions, or the ruleset has no such rule.
    """
    own = None if fixture.lists is None else msgspec.json.encode({"blocked": {}, "trusted": {}} | fixture.lists)
    ruleset = rules.load({} if own is None else {LISTS_FILE: own})
    if fixture.rule not in {rule.id for rule in ruleset.rules}:
        raise FixtureError(f"{fixture.rule}.yaml: the ruleset has no rule {fixture.rule}")
    return [_judge(fixture, case, ruleset) for case in fixture.cases]


def untested(ruleset: Ruleset, fixtures: Sequence[Fixture]) -> list[str]:
    """Name the rules that have no case which must hit, or none which must not."""
    seen = {fixture.rule: {case.expect for case in fixture.cases} for fixture in fixtures}
    return [rule.id for rule in ruleset.rules if not {Expected.HIT, Expected.MISS} <= seen.get(rule.id, set())]


def outcome_of(rule: str, decision: Decision) -> Expected:
    """Return what a rule said when a decision was made."""
    if rule in decision.unevaluable_rules:
        return Expected.UNEVALUABLE
    hits = {*decision.shadow_hits, *(reason.source for reason in decision.reasons)}
    return Expected.HIT if rule in hits else Expected.MISS


def _read(path: Path) -> Fixture:
    try:
        document = strict_yaml.read(path.read_bytes(), most_bytes=MAX_BYTES, most_values=MAX_VALUES)
        fixture = strict_yaml.convert(document.value, Fixture, _KEYS)
    except strict_yaml.DocumentError as error:
        raise FixtureError(f"{path.name}: {error}") from None
    except OSError as error:
        raise FixtureError(f"{path.name}: {error.strerror}") from None
    if fixture.rule != path.stem:
        raise FixtureError(f"{path.name}: it holds fixtures of {fixture.rule}: name it {fixture.rule}.yaml")
    return fixture


def _judge(fixture: Fixture, case: Case, ruleset: Ruleset) -> Result:
    where = f"{fixture.rule}.yaml: {case.name}"
    defaults = _DEFAULTS | fixture.defaults | case.defaults
    history = [
        each
        for number, entry in enumerate(case.history)
        for each in _transactions(defaults | entry, f"history-{number}", where)
    ]
    (last, _), *others = _transactions(defaults | case.transaction, "last", where)
    if others:
        raise FixtureError(f"{where}: there is one transaction to judge: times belongs into its history")
    judge = Judge(ruleset)
    profiles: dict[str, Profile] = {}
    for each, _ in history:
        profiles.update(judge.judge(each, profiles, NOW).profiles)
    for number, (each, label) in enumerate(history):
        if label is Truth.FRAUD:
            profiles.update(learn_label(each, profiles, LabelChange(NOW - len(history) + number, number), 1).changed)
    decision = judge.judge(last, profiles, NOW).decision
    return Result(fixture.rule, case, outcome_of(fixture.rule, decision), last, decision, ruleset)


def _transactions(given: Mapping[str, Any], name: str, where: str) -> list[tuple[Transaction, Truth | None]]:
    said = {key: value for key, value in given.items() if key in _ENTRY_KEYS}
    fields = {key: value for key, value in given.items() if key not in _ENTRY_KEYS and value is not None}
    known = [*_FIELDS, *_ENTRY_KEYS]
    if unknown := [key for key in fields if key not in _FIELDS]:
        raise FixtureError(f"{where}: there is no field {unknown[0]}{strict_yaml.suggestion(unknown[0], known)}")
    made: list[tuple[Transaction, Truth | None]] = []
    try:
        entry = strict_yaml.convert(said, _Entry)
        for number in range(entry.times):
            at = NOW + _milliseconds(entry.at) + number * _milliseconds(entry.every)
            numbered = {
                key: value.replace("{n}", str(number + 1)) if isinstance(value, str) else value
                for key, value in fields.items()
            }
            own = {"transactionId": f"{name}-{number}", "timestamp": at, "receivedAt": NOW}
            transaction = strict_yaml.convert(own | numbered, Transaction)
            events.check(transaction)
            made.append((transaction, entry.label))
    except ValueError as error:
        raise FixtureError(f"{where}: {error}") from None
    return made


_FIELDS: Final = tuple(field.public_name for field in FIELDS)


def _milliseconds(text: str) -> int:
    return int(text[:-1]) * _UNITS[text[-1]]
