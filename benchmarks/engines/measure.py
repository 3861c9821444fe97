"""Times the evaluation of rules beside other engines: `make bench-engines`.

The shipped rules and one more are translated for each engine. All judge the same transactions of the sample day and of
the rules' fixtures, in one process; each must give the hits that fraudstream gives, for the rules that it can express.
The last line printed is JSON.
"""

import argparse
import gc
import json
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from benchmarks.engines.conditions import condition, flag_of
from benchmarks.engines.libraries import ENGINES, Prepared, Values
from fraudstream.contract import RULESET_FILES
from fraudstream.detection.features import codec
from fraudstream.detection.features.registry import Vector
from fraudstream.detection.judge import Judge
from fraudstream.detection.rules.language import fields
from fraudstream.detection.rules.ruleset import Ruleset, load
from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.lab.replay.history import as_transaction, judge_history
from fraudstream_tools.lab.world.sample_day import sample_transactions
from fraudstream_tools.rules.fixtures import NOW, read_fixtures, run
from fraudstream_tools.rules.folder import RulesFolder

RULES = Path(__file__).resolve().parents[2] / "rules"
ANOTHER = {
    "id": "cash-at-night",
    "description": "A large sum in cash at night.",
    "when": 'type == "WITHDRAWAL" and localHour < 6 and amountBase >= 500',
    "points": 1,
    "reasonCode": "CASH_AT_NIGHT",
    "family": "velocity",
    "severity": "low",
    "source": "own, so that something asks for the hour",
}
"""Beside those that are shipped."""

MOST_ROUNDS = 20
ENOUGH_SECONDS = 2
"""After which no other round is begun."""

_Truths = TypeVar("_Truths", bound=Sequence[Any])


class EngineCase(NamedTuple):
    """A transaction as fraudstream's rules take it, and as the other engines do."""

    transaction: Transaction
    vector: Vector
    listed_as: tuple[str, ...]
    values: Values


def main() -> None:
    """Measure, and print a table and the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=200, help="of the sample day, beside those of fixtures")
    asked = parser.parse_args()
    ruleset = compared_ruleset()
    conditions = [condition(rule.when, rule.parameters) for rule in ruleset.rules]
    cases = [*_sample(ruleset, asked.transactions), *_fixtures()]
    own, truths = _microseconds(lambda case: _own(ruleset, case), cases)
    hits = [[value is True for value in each] for each in truths]
    rows: list[dict[str, Any]] = [{"engine": "fraudstream", "rules": len(conditions), "microseconds": own}]
    for name, prepare in ENGINES.items():
        prepared = prepare(conditions)
        took, found = _microseconds(lambda case, prepared=prepared: prepared.evaluate(case.values), cases)
        _assert_equal(name, prepared, found, hits)
        rows.append(
            {
                "engine": name,
                "version": version(name),
                "rules": len(prepared.rules),
                "microseconds": took,
                "times": round(took / own, 1),
            }
        )
        print(f"{name}: {took} µs a transaction, {len(prepared.rules)} of {len(conditions)} rules with equal hits")
    result = {
        "python": platform.python_version(),
        "transactions": len(cases),
        "rules": len(conditions),
        "rules_that_hit": sum(map(any, zip(*hits, strict=True))),
        "hits": sum(map(sum, hits)),
        "engines": rows,
        "lead": min(row["times"] for row in rows[1:]),
    }
    print(json.dumps(result))


def compared_ruleset() -> Ruleset:
    """Return the shipped rules and one more."""
    ruleset, rates, lists = (RULES.joinpath(name).read_bytes() for name in RULESET_FILES)
    # A YAML file may end with an entry in the form of JSON.
    return load(ruleset + b"\n  - " + msgspec.json.encode(ANOTHER) + b"\n", rates, lists)


def _sample(ruleset: Ruleset, wanted: int) -> list[EngineCase]:
    day = [as_transaction(each, number) for number, each in enumerate(sample_transactions(NOW), start=1)]
    judged = list(judge_history(day, {}, Judge(ruleset)))
    step = max(len(judged) // wanted, 1)
    chosen = judged[::-step][:wanted]
    return [_case(ruleset, transaction, codec.unpack(decision.features), ()) for transaction, decision in chosen]


def _fixtures() -> list[EngineCase]:
    results = [each for fixture in read_fixtures(RULES / "fixtures") for each in run(fixture, RulesFolder(RULES))]
    cases: list[EngineCase] = []
    for _, _, _, transaction, decision, ruleset in results:
        lists = zip(ruleset.lists.names, ruleset.lists.memberships(transaction), strict=True)
        listed = tuple(f"{name}:customer" for name, member in lists if member)
        cases.append(_case(ruleset, transaction, codec.unpack(decision.features), listed))
    return cases


def _case(ruleset: Ruleset, transaction: Transaction, vector: Vector, listed_as: tuple[str, ...]) -> EngineCase:
    named = zip(fields.FIELDS, fields.values(transaction, vector), strict=True)
    flags = zip(ruleset.lists.names, ruleset.lists.memberships(transaction, listed_as), strict=True)
    values = {
        each.name: str(value) if isinstance(value, str) else float(value) for each, value in named if value is not None
    }
    at_hand = {**values, **{flag_of(name): member for name, member in flags}}
    return EngineCase(transaction, vector, listed_as, at_hand)


def _own(ruleset: Ruleset, case: EngineCase) -> tuple[bool | None, ...]:
    return ruleset.evaluate(case.transaction, case.vector, case.listed_as)


def _assert_equal(
    name: str, prepared: Prepared, found: Sequence[Sequence[Any]], hits: Sequence[Sequence[bool]]
) -> None:
    for number, (truths, expected) in enumerate(zip(found, hits, strict=True)):
        if [bool(value) for value in truths] != [expected[rule] for rule in prepared.rules]:
            raise SystemExit(f"{name} gives other hits than fraudstream for transaction {number}")


def _microseconds(
    evaluate: Callable[[EngineCase], _Truths], cases: Sequence[EngineCase]
) -> tuple[float, list[_Truths]]:
    """Return the CPU time of one transaction in the fastest round, and what the first round gave."""
    gc.collect()
    first: list[_Truths] = []
    rounds: list[float] = []
    while len(rounds) < MOST_ROUNDS and sum(rounds) < ENOUGH_SECONDS:
        started = time.process_time()
        found = [evaluate(case) for case in cases]
        rounds.append(time.process_time() - started)
        first = first or found
    return round(min(rounds) / len(cases) * 1e6, 1), first


if __name__ == "__main__":
    main()
