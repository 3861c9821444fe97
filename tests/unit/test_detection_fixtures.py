"""Every rule that is deployed hits the histories that it must hit, and no others."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import yaml

from fraudstream.detection.judge import Judge
from fraudstream.detection.ruleset import FILES, Ruleset, load
from fraudstream.transactions.decision import Decision
from fraudstream.transactions.transaction import Transaction

if TYPE_CHECKING:
    from fraudstream.detection.profiles import Profile

RULES = Path(__file__).parents[2] / "rules"
FIXTURES = sorted((RULES / "fixtures").glob("*.yaml"))
NOW = 1_780_000_000_000
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def deployed(lists: dict[str, Any] | None = None) -> Ruleset:
    contents = {name: (RULES / name).read_bytes() for name in FILES}
    if lists is not None:
        contents["lists.yaml"] = yaml.safe_dump({"blocked": {}, "trusted": {}} | lists).encode()
    return load(*(contents[name] for name in FILES))


def transaction(number: int, fields: dict[str, Any]) -> Transaction:
    at = fields.pop("at", "0m")
    timestamp = NOW + int(timedelta(**{UNITS[at[-1]]: int(at[:-1])}).total_seconds() * 1000)
    defaults = {"customerId": "ann", "amountMinor": 2000, "currency": "EUR", "type": "PAYMENT"}
    given = defaults | {name: value for name, value in fields.items() if value is not None}
    return msgspec.convert(
        given | {"transactionId": f"t{number}", "timestamp": timestamp, "receivedAt": NOW}, Transaction
    )


def judge_last(ruleset: Ruleset, transactions: list[Transaction]) -> Decision:
    profiles: dict[str, Profile] = {}
    judge = Judge(ruleset)
    *history, last = transactions
    for each in history:
        profiles.update(judge.judge(each, profiles, NOW).profiles)
    return judge.judge(last, profiles, NOW).decision


def cases() -> list[Any]:
    found = []
    for path in FIXTURES:
        content = yaml.safe_load(path.read_text())
        found.extend(pytest.param(content, case, id=f"{content['rule']}: {case['name']}") for case in content["cases"])
    return found


@pytest.mark.parametrize(("fixture", "case"), cases())
def test_a_rule_judges_its_fixture_as_it_must(fixture: dict[str, Any], case: dict[str, Any]) -> None:
    defaults = fixture.get("defaults", {}) | case.get("defaults", {})
    transactions = [
        transaction(number, defaults | fields)
        for number, fields in enumerate([*case.get("history", []), case["transaction"]])
    ]
    decision = judge_last(deployed(fixture.get("lists")), transactions)
    if fixture["rule"] in decision.unevaluable_rules:
        outcome = "unevaluable"
    else:
        outcome = "hit" if fixture["rule"] in {reason.source for reason in decision.reasons} else "miss"
    assert outcome == case["expect"]


def test_every_rule_has_a_history_that_hits_and_one_that_does_not() -> None:
    outcomes = {
        content["rule"]: {case["expect"] for case in content["cases"]}
        for content in (yaml.safe_load(path.read_text()) for path in FIXTURES)
    }
    assert outcomes.keys() == {rule.id for rule in deployed().rules}
    assert [rule for rule, seen in outcomes.items() if not {"hit", "miss"} <= seen] == []
