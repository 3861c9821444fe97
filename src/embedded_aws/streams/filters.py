"""Event patterns, as the filter criteria of stream event sources and pipes know them.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filtering-syntax
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

Matcher = Callable[[Any], bool]
"""Returns whether the value of a field matches; the value of an absent field is `ABSENT`."""

ABSENT = object()
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda left, right: left == right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def compile_filters(patterns: Sequence[Mapping[str, Any]]) -> Callable[[Mapping[str, Any]], bool]:
    """Turn event patterns into one question: does a record match any of them?

    Args:
        patterns: Decoded patterns; none at all lets every record pass.

    Raises:
        ValueError: A pattern is malformed or uses an operator that filters don't have.
    """
    matchers = [_compile_object(pattern, "pattern") for pattern in patterns]
    if not matchers:
        return lambda _record: True
    return lambda record: any(matches(record) for matches in matchers)


def _compile_object(pattern: Mapping[str, Any], path: str) -> Matcher:
    if not pattern:
        raise ValueError(f"{path} is empty")
    fields: list[tuple[str, Matcher]] = []
    alternatives: list[Matcher] = []
    for name, inner in pattern.items():
        if name == "$or":
            alternatives = _compile_alternatives(inner, path)
        else:
            fields.append((name, _compile_field(inner, f"{path}.{name}")))

    def matches(value: object) -> bool:
        if isinstance(value, list):
            return any(matches(each) for each in cast("list[Any]", value))
        known: Mapping[str, Any] = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
        return all(match(known.get(name, ABSENT)) for name, match in fields) and (
            not alternatives or any(match(known) for match in alternatives)
        )

    return matches


def _compile_alternatives(patterns: object, path: str) -> list[Matcher]:
    if not isinstance(patterns, list) or not all(isinstance(each, dict) for each in cast("list[Any]", patterns)):
        raise ValueError(f"{path}.$or must be an array of patterns")
    return [_compile_object(each, f"{path}.$or") for each in cast("list[dict[str, Any]]", patterns)]


def _compile_field(pattern: object, path: str) -> Matcher:
    if isinstance(pattern, Mapping):
        return _compile_object(cast("Mapping[str, Any]", pattern), path)
    if not isinstance(pattern, list) or not pattern:
        raise ValueError(f"{path} must be an object or an array that is not empty")
    rules = [_compile_rule(each, path) for each in cast("list[Any]", pattern)]

    def matches(value: object) -> bool:
        # An array matches if any of its elements does: what a set (SS) needs.
        values = cast("list[Any]", value) if isinstance(value, list) else [value]
        return any(rule(each) for each in values for rule in rules)

    return matches


def _compile_rule(rule: object, path: str) -> Matcher:
    if isinstance(rule, Mapping):
        operators = cast("Mapping[str, Any]", rule)
        if len(operators) != 1:
            raise ValueError(f"{path}: a rule has one operator")
        ((operator, operand),) = operators.items()
        return _compile_operator(operator, operand, path)
    if isinstance(rule, list):
        raise ValueError(f"{path}: a rule can't be an array")  # noqa: TRY004  (a malformed pattern, not a wrong call)
    return lambda value: value is not ABSENT and type(value) is type(rule) and value == rule


def _compile_operator(operator: str, operand: object, path: str) -> Matcher:
    match operator, operand:
        case "exists", bool():
            # Only leaves exist: an object in between is neither there nor missing.
            return lambda value: (value is not ABSENT and not isinstance(value, Mapping)) is operand
        case "prefix", str():
            return lambda value: isinstance(value, str) and value.startswith(operand)
        case "suffix", str():
            return lambda value: isinstance(value, str) and value.endswith(operand)
        case "equals-ignore-case", str():
            return lambda value: isinstance(value, str) and value.casefold() == operand.casefold()
        case "anything-but", str() | int() | float():
            return lambda value: value is not ABSENT and value != operand
        case "anything-but", list() if operand:
            unwanted = cast("list[Any]", operand)
            return lambda value: value is not ABSENT and value not in unwanted
        case "numeric", list() if operand:
            return _compile_numeric(cast("list[Any]", operand), path)
        case "exists" | "prefix" | "suffix" | "equals-ignore-case" | "anything-but" | "numeric", _:
            raise ValueError(f"{path}: operator {operator} doesn't take such an operand")
        case _:
            raise ValueError(f"{path}: filters have no operator {operator}")


def _compile_numeric(operand: list[Any], path: str) -> Matcher:
    pairs = list(zip(operand[::2], operand[1::2], strict=False))
    if len(operand) % 2 or not all(name in _COMPARISONS and _is_number(bound) for name, bound in pairs):
        raise ValueError(f"{path}: operator numeric takes pairs of a comparison and a number")
    # DynamoDB's numbers are strings in a stream record, so no comparison ever matches one: as on AWS.
    return lambda value: _is_number(value) and all(_COMPARISONS[name](value, bound) for name, bound in pairs)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
