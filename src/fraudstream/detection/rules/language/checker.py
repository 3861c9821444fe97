"""The language of rules: a small, typed, side-effect-free subset of Python's expressions.

An expression is parsed with `ast`, checked node by node against what is listed here, rewritten for three-valued logic
and compiled once. What is not listed is refused; nothing of an expression runs before all of it has been checked.

Three-valued logic (Kleene): a comparison or calculation with a missing field is unknown, `False and unknown` is False,
`True or unknown` is True, everything else with unknown is unknown. A rule that comes out unknown is *unevaluable*.
`present(field)` is always known. A division by zero is unknown, and so is a calculation that passes the largest number.
"""

import ast
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from fraudstream.detection.rules.language.compiler import (
    FUNCTIONS,
    CheckedExpression,
    Rewriter,
    is_,
    read_field,
    read_listed,
)
from fraudstream.detection.rules.language.fields import REFUSED, Field, FieldType
from fraudstream.detection.rules.language.magnitude import LARGEST, magnitude_of
from fraudstream.detection.rules.language.parser import MAX_DEPTH, MAX_TEXT, LanguageError, at, parse, refused, unusable
from fraudstream.detection.rules.strict_yaml import shown_key, suggestion

Parameter: TypeAlias = float | str | tuple[float | str, ...]
"""A rule's parameter: a value, or several to be used with `in`."""

FUNCTION_NAMES: Final = ("present", "listed", *FUNCTIONS)
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_EQUALITY = (ast.Eq, ast.NotEq)
_MEMBERSHIP = (ast.In, ast.NotIn)
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)


class Scope(NamedTuple):
    """What the names in an expression can mean."""

    fields: Mapping[str, Field]
    parameters: Mapping[str, Parameter]
    lists: Sequence[str] = ()
    """Names that `listed` knows."""


def check(text: str, scope: Scope) -> CheckedExpression:
    """Check an expression and rewrite it for three-valued logic.

    Raises:
        LanguageError: the expression is not one of the language, or does not say true or false.
    """
    body = parse(text)
    checker = _Checker(scope)
    result = checker.check(body, 0)
    if result.type is not FieldType.FLAG:
        raise LanguageError(f"it gives {result.type.value}, but a rule must say true or false: compare it")
    if not checker.asks:
        raise LanguageError("it asks nothing about the transaction, so it is always the same")
    return result


def check_part(part: ast.expr, scope: Scope) -> CheckedExpression:
    """Check and rewrite a part of an expression; it need not say true or false.

    Raises:
        LanguageError: it is not of the language.
    """
    return _Checker(scope).check(part, 0)


class _Checker:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._rewriter = Rewriter()
        self.asks = False
        """It has met a field or a list."""

    def check(self, node: ast.expr, depth: int) -> CheckedExpression:
        if depth > MAX_DEPTH:
            raise LanguageError("it is nested too deeply")
        match node:
            case ast.BoolOp():
                return self._logic(node, depth)
            case ast.UnaryOp():
                return self._unary(node, depth)
            case ast.BinOp():
                return self._arithmetic(node, depth)
            case ast.Compare():
                return self._comparison(node, depth)
            case ast.Call():
                return self._call(node, depth)
            case ast.Name():
                return self._name(node)
            case ast.Constant():
                return self._constant(node)
            case _:
                raise refused(node, node)

    def _typed(self, node: ast.expr, depth: int, wanted: FieldType) -> CheckedExpression:
        result = self.check(node, depth + 1)
        if result.type is not wanted:
            raise LanguageError(f"{at(node)} stands {result.type.value} where {wanted.value} is needed")
        return result

    def _number(self, node: ast.expr, depth: int) -> CheckedExpression:
        return self._typed(node, depth, FieldType.NUMBER)

    def _flag(self, node: ast.expr, depth: int) -> CheckedExpression:
        return self._typed(node, depth, FieldType.FLAG)

    def _name(self, node: ast.Name) -> CheckedExpression:
        name = node.id
        if name in self._scope.parameters:
            value = self._scope.parameters[name]
            if isinstance(value, tuple):
                raise LanguageError(f"{at(node)}: {name} holds several values: use it after in")
            return _literal(value)
        if name in REFUSED:
            raise LanguageError(f"{name} cannot be used in a rule: {REFUSED[name]}")
        if name not in self._scope.fields:
            known = [*self._scope.fields, *self._scope.parameters, *FUNCTION_NAMES]
            raise LanguageError(
                f"{at(node)}: there is no field or parameter {name[:MAX_TEXT]}{suggestion(name, known)}"
            )
        field = self._scope.fields[name]
        self.asks = True
        return CheckedExpression(read_field(field), field.type, field.optional, field.choices)

    def _constant(self, node: ast.Constant) -> CheckedExpression:
        match node.value:
            case bool():
                raise LanguageError(f"{at(node)}: write the condition itself, without {node.value}")
            case None:
                raise LanguageError(f"{at(node)}: ask present(field) whether a field is there, without None")
            case int() | float() | str():
                if reason := unusable(node.value):
                    raise LanguageError(f"{at(node)}: {reason}")
                return _literal(node.value)
            case _:
                raise LanguageError(f"{at(node)}: only numbers and texts can be written out")

    def _logic(self, node: ast.BoolOp, depth: int) -> CheckedExpression:
        return self._rewriter.joined([self._flag(operand, depth) for operand in node.values], node.op)

    def _unary(self, node: ast.UnaryOp, depth: int) -> CheckedExpression:
        if isinstance(node.op, ast.Not):
            operand, kind = self._flag(node.operand, depth), FieldType.FLAG
        elif isinstance(node.op, ast.USub):
            operand, kind = self._number(node.operand, depth), FieldType.NUMBER
        else:
            raise refused(node.op, node)
        return self._rewriter.calculated([operand], lambda parts: ast.UnaryOp(node.op, parts[0]), kind)

    def _arithmetic(self, node: ast.BinOp, depth: int) -> CheckedExpression:
        if not isinstance(node.op, _ARITHMETIC):
            raise refused(node.op, node)
        left, right = self._number(node.left, depth), self._number(node.right, depth)
        if not isinstance(node.op, ast.Div):
            result = self._rewriter.calculated([left, right], lambda parts: ast.BinOp(parts[0], node.op, parts[1]))
        elif isinstance(right.node, ast.Constant) and not right.node.value:
            raise LanguageError(f"{at(node)}: a division by zero")
        else:
            result = self._rewriter.divided(left, right)
        if magnitude_of(node, self._scope.parameters).is_finite:
            return result
        return self._rewriter.bounded(result, LARGEST)

    def _comparison(self, node: ast.Compare, depth: int) -> CheckedExpression:
        lefts = [node.left, *node.comparators]
        pairs = [
            self._pair(left, operator, right, depth)
            for left, operator, right in zip(lefts, node.ops, node.comparators, strict=False)
        ]
        return pairs[0] if len(pairs) == 1 else self._rewriter.joined(pairs, ast.And())

    def _pair(self, left: ast.expr, operator: ast.cmpop, right: ast.expr, depth: int) -> CheckedExpression:
        first = self.check(left, depth + 1)
        if first.type is FieldType.FLAG:
            raise LanguageError(f"{at(left)}: a condition cannot be compared: use and, or, not")
        if isinstance(operator, _MEMBERSHIP):
            members = self._members(right, first)
            return self._rewriter.calculated(
                [first], lambda parts: ast.Compare(parts[0], [operator], [members]), FieldType.FLAG
            )
        if not isinstance(operator, _ORDER + _EQUALITY):
            raise refused(operator, left)
        second = self.check(right, depth + 1)
        if first.type is not second.type:
            raise LanguageError(f"{at(left)}: {first.type.value} is compared with {second.type.value}")
        if first.type is FieldType.TEXT and isinstance(operator, _ORDER):
            raise LanguageError(f"{at(left)}: texts have no order: use ==, != or in")
        _check_choices(first, second)
        _check_choices(second, first)
        return self._rewriter.calculated(
            [first, second], lambda parts: ast.Compare(parts[0], [operator], [parts[1]]), FieldType.FLAG
        )

    def _members(self, node: ast.expr, left: CheckedExpression) -> ast.expr:
        parameter = self._scope.parameters.get(node.id) if isinstance(node, ast.Name) else None
        if isinstance(parameter, tuple):
            members = [_literal(value) for value in parameter]
        elif isinstance(node, ast.List | ast.Tuple | ast.Set):
            members = [self._constant(part) for part in node.elts if isinstance(part, ast.Constant)]
            if len(members) != len(node.elts):
                raise LanguageError(f"{at(node)}: what follows in can only hold numbers and texts written out")
        else:
            raise LanguageError(
                f"{at(node)}: after in must stand values in brackets, or a parameter that holds several"
            )
        if not members:
            raise LanguageError(f"{at(node)}: it is looked for among no values")
        values: list[object] = []
        for member in members:
            if member.type is not left.type:
                raise LanguageError(f"{at(node)}: {left.type.value} is looked for among {member.type.value}")
            _check_choices(left, member)
            values.append(member.node.value if isinstance(member.node, ast.Constant) else None)
        return ast.Constant(frozenset(values))  # pyright: ignore[reportArgumentType]  (the compiler takes frozen sets)

    def _call(self, node: ast.Call, depth: int) -> CheckedExpression:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTION_NAMES:
            raise LanguageError(
                f"{at(node)}: only {', '.join(FUNCTION_NAMES)} can be called{suggestion(name, FUNCTION_NAMES)}"
            )
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise LanguageError(f"{at(node)}: {name} takes plain arguments only")
        match name, node.args:
            case "present", [ast.Name() as argument] if argument.id not in self._scope.parameters:
                asked = self._name(argument)
                return CheckedExpression(ast.UnaryOp(ast.Not(), is_(asked.node, None)), FieldType.FLAG, False)
            case "listed", [ast.Constant(value=str(wanted))]:
                if wanted not in self._scope.lists:
                    near = suggestion(wanted, self._scope.lists) or f"; there are {', '.join(self._scope.lists)}"
                    raise LanguageError(f"{at(node)}: there is no such list{near}")
                self.asks = True
                return CheckedExpression(read_listed(self._scope.lists.index(wanted)), FieldType.FLAG, False)
            case "abs", [argument]:
                operands = [self._number(argument, depth)]
            case (("min" | "max"), [_, _, *_]):
                operands = [self._number(argument, depth) for argument in node.args]
            case _:
                usage = {"present": "one field", "listed": "the name of a list in quotes", "abs": "one number"}
                raise LanguageError(f"{at(node)}: {name} takes {usage.get(name, 'two or more numbers')}")
        return self._rewriter.calculated(operands, lambda parts: ast.Call(ast.Name(name, ast.Load()), parts, []))


def _literal(value: float | str) -> CheckedExpression:
    kind = FieldType.TEXT if isinstance(value, str) else FieldType.NUMBER
    return CheckedExpression(ast.Constant(value if isinstance(value, str) else float(value)), kind, False)


def _check_choices(field: CheckedExpression, other: CheckedExpression) -> None:
    if not field.choices or not isinstance(other.node, ast.Constant) or not isinstance(other.node.value, str):
        return
    if other.node.value not in field.choices:
        name = field.node.id if isinstance(field.node, ast.Name) else "the field"
        raise LanguageError(
            f"{name} is never {shown_key(other.node.value)}{suggestion(other.node.value, field.choices)}"
        )
