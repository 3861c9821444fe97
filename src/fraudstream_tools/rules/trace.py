"""Which parts of a rule decided what it said of a transaction, in three-valued logic."""

import ast
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from fraudstream.detection.features.registry import Vector
from fraudstream.detection.rules.language import checker, compiler, fields, parser
from fraudstream.detection.rules.language.compiler import TruthValue
from fraudstream.detection.rules.rule import Rule
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.transactions.transaction import Transaction

Values = dict[str, str | float | None]


class ExpressionPart(NamedTuple):
    """A part of a rule's expression without `and` and `or`; a part inside a `not` has a `not` of its own."""

    expression: ast.expr
    truth: TruthValue
    """None is unknown: a field that it needs is missing."""
    values: Values
    """Values of the fields in it."""

    @property
    def missing(self) -> list[str]:
        """The fields in it that the transaction lacks."""
        return [name for name, value in self.values.items() if value is None]


class RuleTrace(NamedTuple):
    """What a rule said of a transaction, and why."""

    rule: Rule
    truth: TruthValue
    decisive: tuple[ExpressionPart, ...]
    """The parts that made it so. Where the rule is true or false, it would have been so whatever its other parts were:
    an `and` that is false has its false parts here, one that is true all of them, an `or` the other way round. Where it
    is unknown, the parts that are unknown."""


def parameters_of(rule: Rule) -> dict[str, checker.Parameter]:
    """Return a rule's parameters as the language takes them."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in rule.parameters.items()}


def traces(
    ruleset: Ruleset,
    transaction: Transaction,
    vector: Vector,
    listed_as: Collection[str] = (),
    among: Collection[str] | None = None,
) -> list[RuleTrace]:
    """Return of every rule what it said of a transaction and why, in the order of the ruleset.

    Args:
        ruleset: the rules, and the lists that they ask.
        transaction: what they were asked about.
        vector: its features, as judged.
        listed_as: on which lists it was beside those of lists.yaml.
        among: ids of the rules that are asked for; None for all.
    """
    tracer = _Tracer(ruleset, transaction, vector, listed_as)
    return [tracer.trace(rule) for rule in ruleset.rules if among is None or rule.id in among]


class _Tracer:
    def __init__(self, ruleset: Ruleset, transaction: Transaction, vector: Vector, listed_as: Collection[str]) -> None:
        self._lists = ruleset.lists.names
        self._transaction, self._vector = transaction, vector
        given = fields.values(transaction, vector)
        self._values = {field.name: value for field, value in zip(fields.FIELDS, given, strict=True)}
        self._memberships = ruleset.lists.memberships(transaction, listed_as)

    def trace(self, rule: Rule) -> RuleTrace:
        scope = checker.Scope(fields.BY_NAME, parameters_of(rule), self._lists)
        body = parser.parsed(rule.when)
        return RuleTrace(rule, self._truth(body, scope), tuple(self._decisive(body, scope)))

    def _truth(self, part: ast.expr, scope: checker.Scope) -> TruthValue:
        # The one evaluator of rules says what a part says too.
        checked = checker.check_part(part, scope)
        evaluate = compiler.compile_together([checked])
        return evaluate(fields.TYPES[self._transaction.type], self._transaction, self._vector, self._memberships)[0]

    def _decisive(self, part: ast.expr, scope: checker.Scope, *, negated: bool = False) -> Iterator[ExpressionPart]:
        match part:
            case ast.BoolOp(values=operands):
                truth = self._truth(part, scope)
                for operand in self._deciding(operands, truth, scope):
                    yield from self._decisive(operand, scope, negated=negated)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield from self._decisive(operand, scope, negated=not negated)
            case _:
                whole = ast.UnaryOp(ast.Not(), part) if negated else part
                names = {node.id for node in ast.walk(part) if isinstance(node, ast.Name)}
                values = {name: value for name, value in self._values.items() if name in names}
                yield ExpressionPart(whole, self._truth(whole, scope), values)

    def _deciding(self, operands: Sequence[ast.expr], truth: TruthValue, scope: checker.Scope) -> list[ast.expr]:
        # Whatever an `and` or an `or` is, the operands that are the same made it so.
        return [operand for operand in operands if self._truth(operand, scope) is truth]
