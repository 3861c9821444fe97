"""Checked expressions as SQL that means the same in DuckDB and in Trino's dialect, which Athena speaks.

SQL's logic of three values is that of rules: NULL is unknown. What differs is guarded:

- Numbers are DOUBLE, and literals are written with an exponent: `0.1` alone would be a decimal.
- Dividing by zero is unknown: `NULLIF`.
- `least` and `greatest` leave NULL out in one engine and not in the other: with an operand that may be missing they are
  asked for it first.
- A calculation that could pass the largest number is unknown if it does (see `magnitude`), so that no engine meets
  infinity, or what is no number.

Whatever has to be said twice is calculated once, as a column of an inner query: statements grow with their rules and
not faster.
"""

import ast
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from fraudstream.detection.rules.language.checker import Parameter, Scope
from fraudstream.detection.rules.language.fields import BY_NAME, FieldType
from fraudstream.detection.rules.language.magnitude import Magnitude, magnitude_of
from fraudstream.detection.rules.language.parser import parsed

MISSING: Final = {FieldType.TEXT: "CAST(NULL AS VARCHAR)", FieldType.NUMBER: "CAST(NULL AS DOUBLE)"}
"""A field that the table does not have: never there, as SQL."""
_OPERATORS: Final[Mapping[type[ast.AST], str]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "=",
    ast.NotEq: "<>",
    ast.In: "IN",
    ast.NotIn: "NOT IN",
    ast.And: "AND",
    ast.Or: "OR",
}
_SAID_TWICE: Final = {"min": "least", "max": "greatest"}


class SharedColumn(NamedTuple):
    """A part of expressions that is said more than once."""

    name: str
    sql: str
    level: int
    """It asks only for columns of the table, and for shared ones of lower levels."""


class _Part(NamedTuple):
    sql: str
    level: int
    """Level of the highest shared column in it; 0: none."""
    is_plain: bool
    """It is a column or a literal, and may be said as often as wanted."""
    may_be_missing: bool


class SqlCompiler:
    """Compiles the expressions of one query, which share what they say twice."""

    def __init__(self, columns: Mapping[str, str], lists: Mapping[str, str], *, prefix: str = "shared") -> None:
        """Store where fields and lists are found, and begin without shared columns.

        Args:
            columns: a field to its column as SQL; one that is not there is always missing.
            lists: name of a list to the question whether a row is on it, as SQL that is never NULL.
            prefix: what names of shared columns begin with.
        """
        self._prefix = prefix
        self._columns = columns
        self._lists = lists
        self._names: dict[str, SharedColumn] = {}

    @property
    def shared(self) -> Sequence[SharedColumn]:
        """What the compiled expressions ask for beside the table's columns."""
        return list(self._names.values())

    def compile(self, text: str, parameters: Mapping[str, Parameter]) -> str:
        """Return an expression that `checker.check` has accepted as SQL."""
        return self._part(parsed(text), Scope(BY_NAME, parameters)).sql

    def _part(self, node: ast.expr, scope: Scope) -> _Part:
        match node:
            case ast.Name():
                return self._name(node.id, scope)
            case ast.Constant(value=str() | int() | float() as value):
                return _literal(value)
            case ast.BoolOp():
                parts = [self._part(each, scope) for each in node.values]
                return _joined(f" {_OPERATORS[type(node.op)]} ", parts)
            case ast.UnaryOp(op=ast.Not()):
                operand = self._part(node.operand, scope)
                return operand._replace(sql=f"(NOT {operand.sql})", is_plain=False)
            case ast.UnaryOp():
                operand = self._part(node.operand, scope)
                return operand._replace(sql=f"(- {operand.sql})", is_plain=False)
            case ast.BinOp():
                return self._arithmetic(node, scope)
            case ast.Compare():
                return self._comparison(node, scope)
            case ast.Call(func=ast.Name(id=name)):
                return self._call(name, node.args, scope)
            case _:
                raise TypeError(f"{type(node).__name__} has passed the check and has no SQL")

    def _name(self, name: str, scope: Scope) -> _Part:
        if name in scope.parameters:
            value = scope.parameters[name]
            if isinstance(value, tuple):
                raise TypeError("several values stand after in, and nowhere else")
            return _literal(value)
        field = BY_NAME[name]
        sql = self._columns.get(name)
        return _Part(sql or MISSING[field.type], 0, True, field.optional or sql is None)

    def _arithmetic(self, node: ast.BinOp, scope: Scope) -> _Part:
        left, right = self._part(node.left, scope), self._part(node.right, scope)
        if isinstance(node.op, ast.Div) and not isinstance(node.right, ast.Constant):
            right = right._replace(sql=f"NULLIF({right.sql}, 0e0)", may_be_missing=True)
        result = _joined(f" {_OPERATORS[type(node.op)]} ", [left, right])
        magnitude: Magnitude = magnitude_of(node, scope.parameters)
        if magnitude.is_finite:
            return result
        # Operands are finite, so it is no NaN, and infinity is a literal of both dialects.
        guarded = f"NULLIF(NULLIF({result.sql}, CAST('Infinity' AS DOUBLE)), CAST('-Infinity' AS DOUBLE))"
        return result._replace(sql=guarded, may_be_missing=True)

    def _comparison(self, node: ast.Compare, scope: Scope) -> _Part:
        pairs: list[_Part] = []
        operands = [node.left, *node.comparators]
        for left, operator, right in zip(operands, node.ops, operands[1:], strict=False):
            first = self._part(left, scope)
            if len(node.ops) > 1:
                first = self._once(first)
            if isinstance(operator, ast.In | ast.NotIn):
                members = ", ".join(sorted(_members(right, scope)))
                pairs.append(first._replace(sql=f"({first.sql} {_OPERATORS[type(operator)]} ({members}))"))
                continue
            second = self._part(right, scope)
            pairs.append(
                _joined(f" {_OPERATORS[type(operator)]} ", [first, self._once(second) if len(node.ops) > 1 else second])
            )
        return pairs[0] if len(pairs) == 1 else _joined(" AND ", pairs)

    def _call(self, name: str, arguments: Sequence[ast.expr], scope: Scope) -> _Part:
        if name == "listed" and isinstance(arguments[0], ast.Constant):
            return _Part(self._lists[str(arguments[0].value)], 0, False, False)
        parts = [self._part(each, scope) for each in arguments]
        if name == "present":
            return _Part(f"({parts[0].sql} IS NOT NULL)", 0, False, False)
        if name not in _SAID_TWICE:
            return parts[0]._replace(sql=f"{name}({parts[0].sql})", is_plain=False)
        parts = [self._once(each) if each.may_be_missing else each for each in parts]
        chosen = _joined(", ", parts)
        tests = " AND ".join(f"{each.sql} IS NOT NULL" for each in dict.fromkeys(parts) if each.may_be_missing)
        sql = f"{_SAID_TWICE[name]}{chosen.sql}"
        return chosen._replace(sql=f"(CASE WHEN {tests} THEN {sql} END)" if tests else sql)

    def _once(self, part: _Part) -> _Part:
        """Return what names a part's value."""
        if part.is_plain:
            return part
        if part.sql not in self._names:
            self._names[part.sql] = SharedColumn(f"{self._prefix}{len(self._names) + 1}", part.sql, part.level + 1)
        column = self._names[part.sql]
        return _Part(column.name, column.level, True, part.may_be_missing)


def select(table: str, shared: Sequence[SharedColumn], columns: Sequence[str]) -> str:
    """Return a query for columns of a table that ask for shared ones too.

    Args:
        table: a table, or a query in brackets with a name.
        shared: of the compiler.
        columns: as SQL.
    """
    source = table
    for level in sorted({each.level for each in shared}):
        more = ", ".join(f"{each.sql} AS {each.name}" for each in shared if each.level == level)
        source = f"(SELECT *, {more} FROM {source}) AS level{level}"
    return f"SELECT {', '.join(columns)} FROM {source}"


def _joined(operator: str, parts: Sequence[_Part]) -> _Part:
    return _Part(
        f"({operator.join(each.sql for each in parts)})",
        max(each.level for each in parts),
        False,
        any(each.may_be_missing for each in parts),
    )


def _literal(value: float | str) -> _Part:
    return _Part(literal(value), 0, True, False)


def literal(value: float | str) -> str:
    """Return a text or number as SQL; a number is a DOUBLE in every dialect."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    digits = f"{Decimal(repr(float(value))).normalize():e}".replace("e+", "e")
    return f"({digits})" if value < 0 else digits


def _members(node: ast.expr, scope: Scope) -> set[str]:
    match node:
        case ast.Name(id=name):
            values = scope.parameters[name]
            return {literal(each) for each in (values if isinstance(values, tuple) else (values,))}
        case ast.List() | ast.Tuple() | ast.Set():
            return {
                literal(each.value)
                for each in node.elts
                if isinstance(each, ast.Constant) and isinstance(each.value, str | int | float)
            }
        case _:
            raise TypeError("after in stand values")
