"""Rule engines of other projects, each given conditions in the form that is fastest in it.

They are no dependencies of the project and are loaded by name: requirements/engines.txt has them.
"""

import ast
import importlib
import json
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, Final, NamedTuple, TypeAlias

from benchmarks.engines.conditions import Condition, Every, FieldComparison, IsListed, IsThere, Membership, Some, Value

Values: TypeAlias = Mapping[str, Value | bool]
"""Of a transaction, by field; what is missing is not in it."""
Evaluate: TypeAlias = Callable[[Values], Sequence[Any]]


class Prepared(NamedTuple):
    """An engine that has read the rules."""

    rules: Sequence[int]
    """Positions of those that it can express."""
    evaluate: Evaluate
    """Returns a truth value for each of them."""


class _Syntax(NamedTuple):
    both: str
    either: str
    field: str
    there: str
    missing: str


_CEL: Final = _Syntax(" && ", " || ", "t.{}", "has(t.{})", "!has(t.{})")
_WORDS: Final = _Syntax(" and ", " or ", "{}", "{} != null", "{} == null")
_SIGNS: Final[Mapping[type[ast.operator], str]] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}


def zen_engine(conditions: Sequence[Condition]) -> Prepared:
    """Prepare zen-engine: all rules are one expression."""
    compiled = importlib.import_module("zen").compile_expression(_together(conditions, _WORDS))
    return Prepared(range(len(conditions)), compiled.evaluate)


def rule_engine(conditions: Sequence[Condition]) -> Prepared:
    """Prepare rule-engine: all rules are one expression."""
    module = importlib.import_module("rule_engine")
    compiled = module.Rule(_together(conditions, _WORDS), context=module.Context(default_value=None))
    return Prepared(range(len(conditions)), compiled.evaluate)


def common_expression_language(conditions: Sequence[Condition]) -> Prepared:
    """Prepare common-expression-language: all rules are one expression."""
    compiled = importlib.import_module("cel").compile(_together(conditions, _CEL))
    return Prepared(range(len(conditions)), _as_t(compiled.execute))


def cel_python(conditions: Sequence[Condition]) -> Prepared:
    """Prepare cel-python: all rules are one expression; its other runner, which compiles, fails on every rule."""
    module = importlib.import_module("celpy")
    environment = module.Environment()
    program = environment.program(environment.compile(_together(conditions, _CEL)))
    return Prepared(
        range(len(conditions)), _as_t(lambda named: program.evaluate({"t": module.json_to_cel(named["t"])}))
    )


def durable_rules(conditions: Sequence[Condition]) -> Prepared:
    """Prepare durable_rules: each transaction is asserted as a fact, so that every rule sees it, and retracted."""
    module = importlib.import_module("durable.lang")
    known = [
        (number, built) for number, each in enumerate(conditions) if (built := _durable(each, module.m)) is not None
    ]
    hits: set[int] = set()
    with module.ruleset("fraudstream"):
        for number, built in known:
            module.when_all(built)(_adder(hits, number))
    unmatched = importlib.import_module("durable.engine").MessageNotHandledException

    def evaluate(values: Values) -> list[bool]:
        hits.clear()
        fact = {**values, "id": "t"}
        try:
            module.assert_fact("fraudstream", fact)
        except unmatched:  # its way to say that no rule hit
            return [False] * len(known)
        module.retract_fact("fraudstream", fact)
        return [number in hits for number, _ in known]

    return Prepared([number for number, _ in known], evaluate)


def _as_t(evaluate: Callable[[dict[str, Values]], Sequence[Any]]) -> Evaluate:
    # CEL asks of a field of a variable whether it is there, and not of a variable.
    return lambda values: evaluate({"t": values})


def _adder(hits: set[int], number: int) -> Callable[[object], None]:
    # An action with a second parameter would be an asynchronous one.
    return lambda _: hits.add(number)


ENGINES: Final[Mapping[str, Callable[[Sequence[Condition]], Prepared]]] = {
    "zen-engine": zen_engine,
    "rule-engine": rule_engine,
    "common-expression-language": common_expression_language,
    "cel-python": cel_python,
    "durable_rules": durable_rules,
}
"""By the names of their packages."""


def _together(conditions: Sequence[Condition], syntax: _Syntax) -> str:
    return f"[{', '.join(_text(each, syntax) for each in conditions)}]"


def _text(condition: Condition, syntax: _Syntax) -> str:
    match condition:
        case Every(parts):
            return f"({syntax.both.join(_text(part, syntax) for part in parts)})"
        case Some(parts):
            return f"({syntax.either.join(_text(part, syntax) for part in parts)})"
        case IsThere(field, there):
            return f"({(syntax.there if there else syntax.missing).format(field)})"
        case IsListed(flag, value):
            return f"({syntax.field.format(flag)} == {json.dumps(value)})"
        case FieldComparison(left, sign, right):
            return f"({_operand(left, syntax)} {sign} {_operand(right, syntax)})"
        case Membership(field, values, member):
            among = f"({syntax.field.format(field)} in {json.dumps(values)})"
            return among if member else f"({among} == false)"


def _operand(node: ast.expr, syntax: _Syntax) -> str:
    match node:
        case ast.Name(name):
            return syntax.field.format(name)
        case ast.Constant(value):
            return json.dumps(value)
        case ast.BinOp(left, sign, right):
            return f"({_operand(left, syntax)} {_SIGNS[type(sign)]} {_operand(right, syntax)})"
        case _:
            raise ValueError(f"no operand: {ast.unparse(node)}")


_DURABLE: Final = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_TURNED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def _durable(condition: Condition, m: Any) -> Any:  # noqa: ANN401  (its own types)
    """Return a condition of durable_rules; None where it has none: it calculates on the right of a comparison alone."""
    match condition:
        case Every(parts) | Some(parts):
            built = [_durable(part, m) for part in parts]
            return None if any(each is None for each in built) else _joined(built, every=isinstance(condition, Every))
        case IsThere(field, there):
            return +getattr(m, field) if there else -getattr(m, field)
        case IsListed(flag, value):
            return getattr(m, flag) == value
        case Membership(field, values, member):
            each = [getattr(m, field) == value if member else getattr(m, field) != value for value in values]
            return _joined(each, every=not member)
        case FieldComparison(left, sign, right):
            if not isinstance(left, ast.Name):
                left, sign, right = right, _TURNED[sign], left
            if not isinstance(left, ast.Name) or (operand := _durable_operand(right, m)) is None:
                return None
            return _DURABLE[sign](getattr(m, left.id), operand)


def _joined(built: Sequence[Any], *, every: bool) -> Any:  # noqa: ANN401  (its own types)
    return reduce(lambda left, right: left & right if every else left | right, built)


def _durable_operand(node: ast.expr, m: Any) -> Any:  # noqa: ANN401  (its own types)
    match node:
        case ast.Constant(value):
            return value
        case ast.Name(name):
            return getattr(m, name)
        case ast.BinOp(ast.Name(name), ast.Mult(), ast.Constant(value)) | ast.BinOp(
            ast.Constant(value), ast.Mult(), ast.Name(name)
        ):
            return getattr(m, name) * value
        case _:
            return None
