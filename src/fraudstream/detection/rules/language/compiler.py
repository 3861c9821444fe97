"""Three-valued logic for checked expressions: each part is rewritten to plain Python that yields None for unknown."""

import ast
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from fraudstream.detection.rules.language.fields import FieldType

TruthValue: TypeAlias = bool | None
"""None is unknown."""

FUNCTIONS: Final = {"abs": abs, "max": max, "min": min}
"""What an expression can call when it runs."""


class CheckedExpression(NamedTuple):
    """An expression, or a part of one, that has passed the check."""

    node: ast.expr
    """Rewritten for three-valued logic."""
    type: FieldType
    unknown: bool
    """It can come out unknown."""
    choices: tuple[str, ...] = ()


class Rewriter:
    """Rewrites the parts of one expression."""

    def __init__(self) -> None:
        self._kept = 0

    def both(self, left: CheckedExpression, right: CheckedExpression, operator: ast.boolop) -> CheckedExpression:
        """Build `left and right` or `left or right`."""
        if not left.unknown and not right.unknown:
            return CheckedExpression(ast.BoolOp(operator, [left.node, right.node]), FieldType.FLAG, False)
        # For `and`: False if left is False, else right if right is False or left is True, else unknown.
        decisive = isinstance(operator, ast.Or)
        first, keep_first = self._keep(left)
        second, keep_second = self._keep(right)
        right_counts = ast.BoolOp(ast.Or(), [is_(keep_second, decisive), is_(first, not decisive)])
        otherwise = ast.IfExp(right_counts, second, ast.Constant(None))
        return CheckedExpression(
            ast.IfExp(is_(keep_first, decisive), ast.Constant(decisive), otherwise), FieldType.FLAG, True
        )

    def divided(self, left: CheckedExpression, right: CheckedExpression) -> CheckedExpression:
        """Build a division that is unknown where it divides by zero."""
        if isinstance(right.node, ast.Constant):
            return self.calculated([left], lambda parts: ast.BinOp(parts[0], ast.Div(), right.node))
        divisor, keep = self._keep(right)
        zero = ast.BoolOp(ast.Or(), [is_(keep, None), ast.Compare(divisor, [ast.Eq()], [ast.Constant(0.0)])])
        safe = CheckedExpression(ast.IfExp(zero, ast.Constant(None), divisor), FieldType.NUMBER, True)
        return self.calculated([left, safe], lambda parts: ast.BinOp(parts[0], ast.Div(), parts[1]))

    def bounded(self, part: CheckedExpression, largest: float) -> CheckedExpression:
        """Build a number that is unknown where it passes the largest one, up or down."""
        value, keep = self._keep(part)
        first = value if part.unknown else keep
        inside = ast.Compare(ast.Constant(-largest), [ast.LtE(), ast.LtE()], [first, ast.Constant(largest)])
        beyond = ast.UnaryOp(ast.Not(), inside)
        test = ast.BoolOp(ast.Or(), [is_(keep, None), beyond]) if part.unknown else beyond
        return CheckedExpression(ast.IfExp(test, ast.Constant(None), value), FieldType.NUMBER, True)

    def _keep(self, part: CheckedExpression) -> tuple[ast.expr, ast.expr]:
        """Return what names a part's value, and what evaluates it first."""
        if isinstance(part.node, ast.Name | ast.Constant):
            return part.node, part.node
        self._kept += 1
        name = f"_kept{self._kept}"
        return ast.Name(name, ast.Load()), ast.NamedExpr(ast.Name(name, ast.Store()), part.node)

    def calculated(
        self,
        operands: Sequence[CheckedExpression],
        build: Callable[[list[ast.expr]], ast.expr],
        result: FieldType = FieldType.NUMBER,
    ) -> CheckedExpression:
        """Build what is unknown when an operand is, and else what `build` makes of the operands."""
        parts: list[ast.expr] = []
        tests: list[ast.expr] = []
        for operand in operands:
            part, keep = self._keep(operand) if operand.unknown else (operand.node, operand.node)
            parts.append(part)
            if operand.unknown:
                tests.append(is_(keep, None))
        if not tests:
            return CheckedExpression(build(parts), result, False)
        test = tests[0] if len(tests) == 1 else ast.BoolOp(ast.Or(), tests)
        return CheckedExpression(ast.IfExp(test, ast.Constant(None), build(parts)), result, True)


def is_(node: ast.expr, value: bool | None) -> ast.expr:  # noqa: FBT001  (a constant of the language, not a switch)
    """Build the question whether a value is True, False or unknown."""
    return ast.Compare(node, [ast.Is()], [ast.Constant(value)])


def compile_together(
    expressions: Sequence[CheckedExpression], fields: Sequence[str], lists: Sequence[str]
) -> Callable[..., tuple[TruthValue, ...]]:
    """Compile checked expressions into one function, so that a whole ruleset is evaluated by a single call.

    Args:
        expressions: what `check` gave.
        fields: names of the function's arguments: all fields of the expressions' scopes.
        lists: names of the lists; for each an argument follows the fields: whether the transaction is on it.

    Returns:
        A function of the fields' values, then the lists' flags, to the expressions' truth values.
    """
    names = [*fields, *(list_argument(lists, name) for name in lists)]
    arguments = ast.arguments(
        posonlyargs=[ast.arg(name) for name in names], args=[], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    body = ast.Tuple([expression.node for expression in expressions], ast.Load())
    tree = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, body)))
    # Every node was made or checked above, and there are no builtins but the three listed functions.
    return eval(compile(tree, "<ruleset>", "eval"), {"__builtins__": {}, **FUNCTIONS})  # noqa: S307


def list_argument(lists: Sequence[str], name: str) -> str:
    """Return the name of the argument that holds whether the transaction is on a list."""
    return f"_list{lists.index(name)}"
