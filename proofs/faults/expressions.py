"""DynamoDB's condition and update expressions, as far as fraudstream uses them; anything else is an error."""

import base64
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

Item: TypeAlias = dict[str, Any]
Values: TypeAlias = Mapping[str, Any]
"""DynamoDB's JSON: name to attribute value, such as `{"S": "EUR"}`."""

_TOKEN: Final = re.compile(r"\s*(<>|<=|>=|[=<>(),]|[#:]?\w+)")


class ExpressionError(ValueError):
    """An expression that this evaluator does not know: teach it, or the experiment would prove nothing."""


def tokens(expression: str) -> list[str]:
    """Split an expression into its words and signs.

    Raises:
        ExpressionError: it holds a sign that no expression of fraudstream has.
    """
    found: list[str] = []
    position = 0
    while position < len(expression.rstrip()):
        match = _TOKEN.match(expression, position)
        if match is None:
            raise ExpressionError(f"cannot read the expression at {position}: {expression}")
        found.append(match[1])
        position = match.end()
    return found


class ConditionExpression:
    """A condition over one item."""

    def __init__(self, expression: str, names: Mapping[str, str], values: Values) -> None:
        """Parse the expression with its placeholders for names and values."""
        self._tokens = tokens(expression)
        self._names = names
        self._values = values
        self._at = 0
        self._item: Values = {}

    def holds(self, item: Values) -> bool:
        """Return whether the condition holds for an item; an item that is not there has no attributes."""
        self._item, self._at = item, 0
        result = self._any()
        if self._at != len(self._tokens):
            raise ExpressionError(f"a condition does not end where it should: {' '.join(self._tokens)}")
        return result

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _any(self) -> bool:
        result = self._all()
        while self._peek() == "OR":
            self._next()
            result = self._all() or result
        return result

    def _all(self) -> bool:
        result = self._one()
        while self._peek() == "AND":
            self._next()
            result = self._one() and result
        return result

    def _one(self) -> bool:
        token = self._next()
        match token:
            case "NOT":
                return not self._one()
            case "(":
                result = self._any()
                self._expect(")")
                return result
            case "attribute_exists" | "attribute_not_exists":
                self._expect("(")
                name = self._name(self._next())
                self._expect(")")
                return (name in self._item) is (token == "attribute_exists")  # noqa: S105  (a word of the expression)
            case _:
                return _compare(self._value(token), self._next(), self._value(self._next()))

    def _expect(self, sign: str) -> None:
        if (found := self._next()) != sign:
            raise ExpressionError(f"{sign} is missing before {found}: {' '.join(self._tokens)}")

    def _name(self, token: str) -> str:
        return self._names[token] if token.startswith("#") else token

    def _value(self, token: str) -> Any:  # noqa: ANN401  (an attribute value of any type)
        return self._values[token] if token.startswith(":") else self._item.get(self._name(token))


_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _compare(left: Values | None, sign: str, right: Values | None) -> bool:
    if left is None or right is None or left.keys() != right.keys():
        return sign == "<>"
    return _COMPARISONS[sign](_comparable(left), _comparable(right))


def _comparable(attribute: Values) -> Any:  # noqa: ANN401  (a value of any type)
    ((kind, value),) = attribute.items()
    match kind:
        case "N":
            return float(value)
        case "B":
            return base64.b64decode(value)
        case _:
            return value


def updated(item: Item, expression: str, names: Mapping[str, str], values: Values) -> Item:
    """Return an item after an update expression of SET and REMOVE clauses.

    Raises:
        ExpressionError: it does something else.
    """
    result = dict(item)
    words = iter(tokens(expression))
    clause = next(words, "")
    while clause:
        clause = _clause(clause, words, item, result, names=names, values=values)
    return result


def _clause(
    clause: str,
    words: Iterator[str],
    before: Item,
    result: Item,
    *,
    names: Mapping[str, str],
    values: Values,
) -> str:
    """Carry out one clause; give the word that begins the next one."""
    while True:
        word = next(words)
        name = names[word] if word.startswith("#") else word
        match clause:
            case "SET":
                if next(words) != "=":
                    raise ExpressionError("SET takes `name = ...`")
                result[name] = _value(words, before, values)
            case "REMOVE":
                result.pop(name, None)
            case _:
                raise ExpressionError(f"{clause} is no clause that is known")
        following = next(words, "")
        if following != ",":
            return following


def _value(words: Iterator[str], before: Item, values: Values) -> Any:  # noqa: ANN401  (any attribute)
    """Return what an attribute is set to: `:value`, or `if_not_exists(name, :value)`, which asks the item of before."""
    word = next(words)
    if word.startswith(":"):
        return values[word]
    if word != "if_not_exists":
        raise ExpressionError("SET takes `:value` or `if_not_exists(name, :value)`")
    _, name, _, value, _ = (next(words) for _ in range(5))
    return before.get(name, values[value])
