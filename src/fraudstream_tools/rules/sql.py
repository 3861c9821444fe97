"""The rules of a ruleset as SQL over the decision log's table of decisions."""

import math
from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from fraudstream.detection.features.named_values import COLUMNS
from fraudstream.detection.rules import shares
from fraudstream.detection.rules.language.fields import FIELDS
from fraudstream.detection.rules.language.sql import SqlCompiler, literal, select
from fraudstream.reporting.log.aggregates import ENTITIES
from fraudstream.reporting.log.columns import LINE

if TYPE_CHECKING:
    from fraudstream.detection.rules.lists import Lists
    from fraudstream.detection.rules.rule import Rule
    from fraudstream.detection.rules.ruleset import Ruleset

FIELD_COLUMNS: Final[Mapping[str, str]] = {field.name: field.name for field in FIELDS if field.name in LINE} | dict(
    COLUMNS
)
"""A rule's field to the column of the log that holds it; what the log does not keep is not there."""


def truth_of(compiler: SqlCompiler, rule: "Rule") -> str:
    """Return whether a rule hits a row, as SQL."""
    parameters = {name: tuple(value) if isinstance(value, list) else value for name, value in rule.parameters.items()}
    return compiler.compile(rule.when, parameters)


def counting_truth_of(compiler: SqlCompiler, rule: "Rule") -> str:
    """Return whether a rule hits a row and counts for its customer, as SQL."""
    truth = truth_of(compiler, rule)
    if rule.share is None:
        return truth
    high, low = (
        f"(strpos('{shares.DIGITS}', substr(customerId, -{place}, 1)) - 1)" for place in shares.places(rule.id)
    )
    return f"(({high} * {len(shares.DIGITS)} + {low} < {shares.bound(rule)}) AND {truth})"


def rule_statement(ruleset: "Ruleset", rule: "Rule") -> str:
    """Return the query that tells of every decision whether a rule hits it."""
    compiler = SqlCompiler(FIELD_COLUMNS, lists_as_sql(ruleset.lists))
    truth = truth_of(compiler, rule)
    return select("decisions", compiler.shared, ["transactionId", f"{truth} AS hit"])


def lists_as_sql(lists: "Lists") -> dict[str, str]:
    """Return by list the question whether a row of decisions was on it, as SQL that is never NULL."""
    return {name: _membership(name, entries) for name, entries in lists.entries().items()}


def _membership(name: str, entries: frozenset[tuple[str, str, float]]) -> str:
    questions = [f"coalesce(contains(listedAs, {literal(f'{name}:{kind}')}), false)" for kind in ENTITIES]
    of_columns = sorted(entry for entry in entries if entry[0] in ENTITIES)
    for (kind, end), members in groupby(sorted(of_columns, key=itemgetter(0, 2)), key=itemgetter(0, 2)):
        column = ENTITIES[kind]
        tokens = ", ".join(literal(token) for _, token, _ in members)
        ended = "" if math.isinf(end) else f" AND receivedAt < {end:.0f}"
        questions.append(f"coalesce({column} IN ({tokens}){ended}, false)")
    return f"({' OR '.join(questions)})"
