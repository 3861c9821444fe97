"""Rules of fraudstream as conditions that any rule engine with two truth values can hold.

A rule hits where its expression is true in the three-valued logic of fraudstream. That is written out here: a
comparison is true where all of its fields are there and it holds, and false where they are there and it does not hold.
"""

import ast
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

Value: TypeAlias = float | str


class Every(NamedTuple):
    """All of the parts hold."""

    parts: "tuple[Condition, ...]"


class Some(NamedTuple):
    """At least one of the parts holds."""

    parts: "tuple[Condition, ...]"


class IsThere(NamedTuple):
    """A field has a value, or has none."""

    field: str
    there: bool


class IsListed(NamedTuple):
    """A flag that says on which list a transaction is has a value."""

    flag: str
    value: bool


class FieldComparison(NamedTuple):
    """Two operands compare as an operator of Python says; an operand is a field, a value or a calculation of them."""

    left: ast.expr
    operator: str
    right: ast.expr


class Membership(NamedTuple):
    """A field's value is one of some values, or none of them."""

    field: str
    values: tuple[Value, ...]
    member: bool


Condition: TypeAlias = Every | Some | IsThere | IsListed | FieldComparison | Membership
Parameters: TypeAlias = Mapping[str, Value | list[Value]]

_OPERATORS: Final[Mapping[type[ast.cmpop], str]] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_OPPOSITE: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


def condition(when: str, parameters: Parameters) -> Condition:
    """Return the condition under which a checked rule hits.

    Args:
        when: its expression.
        parameters: values of the names in it that are no fields.
    """
    return _Translation(parameters).holds(ast.parse(" ".join(when.split()), mode="eval").body, truth=True)


def flag_of(name: str) -> str:
    """Return the name of the field that says whether a transaction is on a list."""
    return f"listed_{name}"


class _Translation:
    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters

    def holds(self, node: ast.expr, *, truth: bool) -> Condition:
        """Return the condition under which an expression is known to be true, or known to be false."""
        match node:
            case ast.BoolOp(op, values):
                parts = tuple(self.holds(value, truth=truth) for value in values)
                return Every(parts) if isinstance(op, ast.And) is truth else Some(parts)
            case ast.UnaryOp(ast.Not(), operand):
                return self.holds(operand, truth=not truth)
            case ast.Call(ast.Name("present"), [ast.Name(field)]):
                return IsThere(field, truth)
            case ast.Call(ast.Name("listed"), [ast.Constant(str(name))]):
                return IsListed(flag_of(name), truth)
            case ast.Compare(left, [operator], [right]):
                return self._compare(left, operator, right, truth=truth)
            case _:
                raise ValueError(f"the translation does not know {ast.unparse(node)}")

    def _compare(self, left: ast.expr, operator: ast.cmpop, right: ast.expr, *, truth: bool) -> Condition:
        left = self._operand(left)
        if isinstance(operator, ast.In) and isinstance(left, ast.Name):
            return Every((IsThere(left.id, there=True), Membership(left.id, self._members(right), truth)))
        right = self._operand(right)
        names = dict.fromkeys(
            each.id for part in (left, right) for each in ast.walk(part) if isinstance(each, ast.Name)
        )
        sign = _OPERATORS[type(operator)]
        found = FieldComparison(left, sign if truth else _OPPOSITE[sign], right)
        return Every((*(IsThere(name, there=True) for name in names), found))

    def _operand(self, node: ast.expr) -> ast.expr:
        match node:
            case ast.Name(name) if not isinstance(value := self._parameters.get(name, []), list):
                return _constant(value)
            case ast.Name():
                return node
            case ast.Constant(float() | int() | str() as value):
                return _constant(value)
            case ast.BinOp(left, ast.Add() | ast.Sub() | ast.Mult() as operator, right):
                return ast.BinOp(self._operand(left), operator, self._operand(right))
            case _:
                raise ValueError(f"the translation does not know {ast.unparse(node)}")

    def _members(self, node: ast.expr) -> tuple[Value, ...]:
        values: Sequence[Value | list[Value]]
        match node:
            case ast.Name(name):
                found = self._parameters[name]
                values = found if isinstance(found, list) else [found]
            case _:
                values = ast.literal_eval(node)
        return tuple(value for value in values if not isinstance(value, list))


def _constant(value: Value) -> ast.Constant:
    return ast.Constant(value if isinstance(value, str) else float(value))
