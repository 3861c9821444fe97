"""Rules as conditions of engines that know no unknown: `make bench-engines` compares with them."""

import ast

from benchmarks.engines.conditions import Every, FieldComparison, IsThere, Membership, Some, condition
from benchmarks.engines.measure import ANOTHER, compared_ruleset


def as_text(found: object) -> str:
    match found:
        case Every(parts):
            return f"all({', '.join(map(as_text, parts))})"
        case Some(parts):
            return f"any({', '.join(map(as_text, parts))})"
        case IsThere(field, there):
            return field if there else f"no {field}"
        case FieldComparison(left, operator, right):
            return f"{ast.unparse(left)} {operator} {ast.unparse(right)}"
        case Membership(field, values, member):
            return f"{field} {'' if member else 'not '}in {values}"
        case _:
            raise AssertionError(found)


def test_a_comparison_is_true_only_where_its_fields_are_there() -> None:
    assert as_text(condition("a + b > most", {"most": 5})) == "all(a, b, a + b > 5.0)"


def test_a_comparison_that_is_denied_needs_its_fields_too() -> None:
    assert as_text(condition("not a > 1", {})) == "all(a, a <= 1.0)"


def test_a_missing_field_makes_what_asks_for_it_first_false() -> None:
    text = as_text(condition("not (present(code) and code in outage)", {"outage": ["91"]}))
    assert text == "any(no code, all(code, code not in ('91',)))"


def test_the_shipped_rules_and_one_more_are_compared() -> None:
    rules = compared_ruleset().rules
    assert rules[-1].id == ANOTHER["id"]
    assert all(condition(rule.when, rule.parameters) for rule in rules)
