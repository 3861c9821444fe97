"""Comparisons in rules that no transaction can ever meet: what the analyzer reads, and nobody can have meant.

`written.py` beside this tells whoever writes or publishes rules.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Final, NamedTuple

from fraudstream.detection.features.registry import MAXIMA
from fraudstream.detection.rules import strict_yaml
from fraudstream.detection.rules.language import parser
from fraudstream.detection.rules.rule import Rule
from fraudstream.transactions.fields import DeclaredField
from fraudstream.transactions.pseudonyms.tokens import TOKEN_PATTERN
from fraudstream.transactions.transaction import FIELDS

_WIDEST_CODE: Final = 8
"""Digits of the longest code that is all digits."""
_CALLED_OTHERWISE: Final = {"UK": "GB", "EL": "GR"}
"""Countries by what they are often called, where ISO 3166 has another code."""


class _TextForm(NamedTuple):
    """What a text of a transaction can be."""

    pattern: re.Pattern[str]
    codes: frozenset[str] | None
    must_be: str

    def fits(self, value: str) -> bool:
        return bool(self.pattern.search(value)) and (self.codes is None or value in self.codes)

    def near(self, value: str) -> str:
        """Return a hint at what is meant, or nothing."""
        capitals = value.strip().upper()
        tried = [capitals, _CALLED_OTHERWISE.get(capitals, "")]
        if capitals.isdigit():
            tried += [capitals.zfill(width) for width in range(len(capitals) + 1, _WIDEST_CODE + 1)]
        meant = next((each for each in tried if self.fits(each)), None)
        if meant is not None:
            return f": did you mean {meant}?"
        return strict_yaml.suggestion(capitals, sorted(self.codes or ()))


def _form_of(field: DeclaredField) -> _TextForm | None:
    if field.spec.identifies is not None:
        return _TextForm(re.compile(rf"^{TOKEN_PATTERN}$"), None, "a token, as the API's answers show it")
    request = field.spec.request
    if request is None or request.pattern is None or not request.extra:
        return None
    return _TextForm(re.compile(request.pattern), request.extra.get("codes"), str(request.extra["must_be"]))


_FORMS: Final[Mapping[str, _TextForm]] = {
    field.public_name: form for field in FIELDS if field.spec.in_rules and (form := _form_of(field)) is not None
}


def unmet(rule: Rule) -> list[str]:
    """Return a sentence for each comparison of a field with a value that it can never have."""
    comparisons = [node for node in ast.walk(parser.parsed(rule.when)) if isinstance(node, ast.Compare)]
    comparisons.sort(key=lambda node: node.col_offset)
    problems = [
        problem
        for node in comparisons
        for operator, (left, right) in zip(node.ops, pairwise([node.left, *node.comparators]), strict=True)
        for problem in _of_pair(left, operator, right, rule)
    ]
    return list(dict.fromkeys(problems))


def _of_pair(left: ast.expr, operator: ast.cmpop, right: ast.expr, rule: Rule) -> Iterator[str]:
    turned = _TURNED.get(type(operator), operator)
    for field, asked, other in ((left, operator, right), (right, turned, left)):
        if isinstance(field, ast.Name):
            values = _values(other, rule)
            yield from _unfit_texts(field.id, asked, values)
            yield from _unreached(field.id, asked, values)


def _unfit_texts(field: str, operator: ast.cmpop, values: Iterable[float | str]) -> Iterator[str]:
    if field not in _FORMS or not isinstance(operator, _OF_TEXTS):
        return
    form = _FORMS[field]
    for value in values:
        if isinstance(value, str) and not form.fits(value):
            yield f"{field} is never {strict_yaml.shown_key(value)}, but {form.must_be}{form.near(value)}"


def _unreached(field: str, operator: ast.cmpop, values: Iterable[float | str]) -> Iterator[str]:
    if field in MAXIMA and any(_is_beyond(value, operator, MAXIMA[field]) for value in values):
        yield f"{field} is {MAXIMA[field]:g} at most"


def _is_beyond(value: float | str, operator: ast.cmpop, most: float) -> bool:
    """Return whether what is at most `most` can never stand to a value as an operator asks."""
    if isinstance(value, str):
        return False
    if isinstance(operator, ast.Gt):
        return value >= most
    return isinstance(operator, ast.Eq | ast.In | ast.GtE) and value > most


_TURNED: Final[Mapping[type[ast.cmpop], ast.cmpop]] = {
    ast.Lt: ast.Gt(),
    ast.LtE: ast.GtE(),
    ast.Gt: ast.Lt(),
    ast.GtE: ast.LtE(),
}
_OF_TEXTS: Final = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)


def _values(part: ast.expr, rule: Rule) -> list[float | str]:
    """Return the values that a part is written as, or that a parameter stands for; none for anything else."""
    match part:
        case ast.Constant(value=str() | float() | int() as value):
            return [value]
        case ast.Name(id=name) if name in rule.parameters:
            value = rule.parameters[name]
            return value if isinstance(value, list) else [value]
        case ast.List(elts=members) | ast.Tuple(elts=members) | ast.Set(elts=members):
            return [value for member in members for value in _values(member, rule)]
        case _:
            return []
