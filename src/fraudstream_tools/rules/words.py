"""Describes in words what an expression of the rule language checks."""

import ast
from collections.abc import Mapping
from typing import Final, cast

from fraudstream.detection.rules.language.checker import Parameter
from fraudstream.detection.rules.rule import Rule

_INDENT: Final = "  "
_SIX_DIGITS: Final = 1_000_000
_COMPARISONS: Final[Mapping[type[ast.cmpop], str]] = {
    ast.Gt: "is more than",
    ast.GtE: "is at least",
    ast.Lt: "is less than",
    ast.LtE: "is at most",
    ast.Eq: "is",
    ast.NotEq: "is not",
    ast.In: "is one of",
    ast.NotIn: "is none of",
}
_OPERATORS: Final[Mapping[type[ast.operator], str]] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_FUNCTIONS: Final = {"abs": "the size of", "min": "the smallest of", "max": "the largest of"}


def share_in_words(rule: Rule) -> str:
    """Return for how many customers a live rule counts."""
    if rule.share is None:
        return "all customers"
    percent = f"{100 * rule.share:.4f}".rstrip("0").rstrip(".")
    return f"{percent} % of the customers"


def in_words(expression: ast.expr, parameters: Mapping[str, Parameter]) -> list[str]:
    """Return lines that say what an expression asks; parts that belong together are indented alike.

    Args:
        expression: of an expression that `checker.check` has accepted.
        parameters: what names of parameters stand for.
    """
    return _lines(expression, parameters, "")


def leaf_in_words(part: ast.expr, parameters: Mapping[str, Parameter]) -> str:
    """Return one line for a part without `and` and `or`."""
    match part:
        case ast.Compare(left=left, ops=operators, comparators=others):
            operands = [left, *others]
            pairs = zip(operators, operands, others, strict=False)
            return " and ".join(
                f"{_operand(first, parameters)} {_COMPARISONS[type(operator)]} {_operand(second, parameters)}"
                for operator, first, second in pairs
            )
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return f"not: {leaf_in_words(operand, parameters)}"
        case ast.Call(func=ast.Name(id="present"), args=[ast.Name(id=field)]):
            return f"{field} is known"
        case ast.Call(func=ast.Name(id="listed"), args=[ast.Constant(value=name)]):
            return f"an entity of the transaction is on the list {name}"
        case _:
            return _operand(part, parameters)


def _lines(part: ast.expr, parameters: Mapping[str, Parameter], indent: str) -> list[str]:
    match part:
        case ast.BoolOp(op=operator, values=values):
            head = "all of these:" if isinstance(operator, ast.And) else "any of these:"
            return [indent + head, *(line for value in values for line in _lines(value, parameters, indent + _INDENT))]
        case ast.UnaryOp(op=ast.Not(), operand=ast.BoolOp() as inner):
            head, *rest = _lines(inner, parameters, indent)
            return [f"{indent}not {head.strip()}", *rest]
        case _:
            return [indent + leaf_in_words(part, parameters)]


def _operand(part: ast.expr, parameters: Mapping[str, Parameter]) -> str:
    match part:
        case ast.Name(id=name) if name in parameters:
            return f"{value_in_words(parameters[name])} ({name})"
        case ast.Name(id=name):
            return name
        case ast.Constant(value=value):
            return value_in_words(value)
        case ast.BinOp(left=left, op=operator, right=right):
            return f"{_inner(left, parameters)} {_OPERATORS[type(operator)]} {_inner(right, parameters)}"
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"-{_inner(operand, parameters)}"
        case ast.Call(func=ast.Name(id=function), args=arguments):
            return f"{_FUNCTIONS[function]} {' and '.join(_operand(each, parameters) for each in arguments)}"
        case ast.List(elts=members) | ast.Tuple(elts=members) | ast.Set(elts=members):
            return ", ".join(_operand(member, parameters) for member in members)
        case _:
            return ast.unparse(part)


def _inner(part: ast.expr, parameters: Mapping[str, Parameter]) -> str:
    text = _operand(part, parameters)
    return f"({text})" if isinstance(part, ast.BinOp) else text


def value_in_words(value: object) -> str:
    """Return a value of a field or parameter."""
    match value:
        case tuple():
            return ", ".join(value_in_words(each) for each in cast("tuple[object, ...]", value))
        case float() | int():
            return f"{value:,.6g}" if abs(value) < _SIX_DIGITS else f"{value:,.0f}"
        case None:
            return "missing"
        case _:
            return str(value)
