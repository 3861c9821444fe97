"""Three-valued logic for checked expressions: each part is rewritten to plain Python that yields None for unknown."""

import ast
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from fraudstream.detection.rules.language.fields import FIRST_ASKED, Field, FieldType

TruthValue: TypeAlias = bool | None
"""None is unknown."""

FUNCTIONS: Final = {"abs": abs, "max": max, "min": min}
"""What an expression can call when it runs."""
_TRANSACTION: Final = "_transaction"
_VECTOR: Final = "_vector"
_LISTED: Final = "_listed"


class CheckedExpression(NamedTuple):
    """An expression, or a part of one, that has passed the check."""

    node: ast.expr
    """Rewritten for three-valued logic."""
    type: FieldType
    unknown: bool
    """It can come out unknown."""
    choices: tuple[str, ...] = ()
    questions: "Questions | None" = None
    """Questions of a flag that can come out unknown, where its parts can be asked one by one."""


class Questions(NamedTuple):
    """Parts of an expression's node, for a caller that does not need its value as a whole."""

    unknown: ast.expr
    """Asks whether it is unknown."""
    unknown_again: ast.expr
    """Asks the same, where `unknown` was asked before."""
    value: ast.expr
    """What it is, where it is known."""


class Rewriter:
    """Rewrites the parts of one expression."""

    def __init__(self) -> None:
        self._kept = 0

    def joined(self, operands: Sequence[CheckedExpression], operator: ast.boolop) -> CheckedExpression:
        """Build `a and b and …` or `a or b or …`.

        For `and`: False if any operand is False, else unknown if any is, else True. Most rules do not hit, and are
        known not to after an operand or two.
        """
        if not any(operand.unknown for operand in operands):
            return CheckedExpression(ast.BoolOp(operator, [each.node for each in operands]), FieldType.FLAG, False)
        decisive = isinstance(operator, ast.Or)
        decides: list[ast.expr] = []
        unknown: list[ast.expr] = []
        for operand in operands:
            if not operand.unknown:
                decides.append(operand.node if decisive else ast.UnaryOp(ast.Not(), operand.node))
            elif operand.questions:
                asks, asks_again, value = operand.questions
                is_decisive = value if decisive else ast.UnaryOp(ast.Not(), value)
                decides.append(ast.BoolOp(ast.And(), [ast.UnaryOp(ast.Not(), asks), is_decisive]))
                unknown.append(asks_again)
            else:
                part, keep = self._keep(operand)
                decides.append(is_(keep, decisive))
                unknown.append(is_(part, None))
        otherwise = ast.IfExp(_any(unknown), ast.Constant(None), ast.Constant(not decisive))
        return CheckedExpression(ast.IfExp(_any(decides), ast.Constant(decisive), otherwise), FieldType.FLAG, True)

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
        tests_again: list[ast.expr] = []
        for operand in operands:
            part, keep = self._keep(operand) if operand.unknown else (operand.node, operand.node)
            parts.append(part)
            if operand.unknown:
                tests.append(is_(keep, None))
                tests_again.append(is_(part, None))
        value = build(parts)
        if not tests:
            return CheckedExpression(value, result, False)
        node = ast.IfExp(_any(tests), ast.Constant(None), value)
        questions = Questions(_any(tests), _any(tests_again), value) if result is FieldType.FLAG else None
        return CheckedExpression(node, result, True, questions=questions)


def _any(tests: list[ast.expr]) -> ast.expr:
    return tests[0] if len(tests) == 1 else ast.BoolOp(ast.Or(), tests)


def is_(node: ast.expr, value: bool | None) -> ast.expr:  # noqa: FBT001  (a constant of the language, not a switch)
    """Build the question whether a value is True, False or unknown."""
    return ast.Compare(node, [ast.Is()], [ast.Constant(value)])


def compile_together(expressions: Sequence[CheckedExpression]) -> Callable[..., tuple[TruthValue, ...]]:
    """Compile checked expressions into one function, so that a whole ruleset is evaluated by a single call.

    It reads a field where an expression comes to it: most rules are decided by a part or two.

    Args:
        expressions: what `check` gave.

    Returns:
        A function of the transaction's type as plain text, the transaction, its vector, and for each list in the
        scope's order whether the transaction is on it, to the expressions' truth values.
    """
    names = (FIRST_ASKED, _TRANSACTION, _VECTOR, _LISTED)
    arguments = ast.arguments(
        posonlyargs=[ast.arg(name) for name in names], args=[], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    body = ast.Tuple([expression.node for expression in expressions], ast.Load())
    tree = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, body)))
    # Every node was made or checked above, and there are no builtins but the three listed functions.
    return eval(compile(tree, "<ruleset>", "eval"), {"__builtins__": {}, **FUNCTIONS})  # noqa: S307  (said above)


def read_field(field: Field) -> ast.expr:
    """Build what reads a field's value."""
    match field.place:
        case int(place):
            return _item(_VECTOR, place)
        case str(attribute):
            return ast.Attribute(_argument(_TRANSACTION), attribute, ast.Load())
        case None:
            return _argument(field.name)


def read_listed(place: int) -> ast.expr:
    """Build what reads whether the transaction is on a list.

    Args:
        place: of the list in its scope.
    """
    return _item(_LISTED, place)


def _argument(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _item(argument: str, place: int) -> ast.expr:
    return ast.Subscript(_argument(argument), ast.Constant(place), ast.Load())
