"""A backtest as SQL: transactions counted by what all rules, and the models beside them, say of them together.

The query means the same to DuckDB and to Athena. Of a ruleset without a model, the truths of its rules tell what it
decides; of one with a live model the query calculates the score, in the order of operations in which the judge does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fraudstream.detection.features.named_values import INPUT_COLUMNS
from fraudstream.detection.features.own import INPUTS
from fraudstream.detection.models.model import Model
from fraudstream.detection.rules.acting import Costs
from fraudstream.detection.rules.language.sql import SharedColumn, SqlCompiler, literal, select
from fraudstream.detection.rules.rule import Mode
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.detection.scoring import LEAST_LIKELY, MOST_LIKELY, Score, base_of
from fraudstream.reporting.log.aggregates import DECLINED_BY_ISSUER
from fraudstream.reporting.log.reader.standing import LabelHorizon, Standing
from fraudstream.transactions.decisions.decision import Truth, Verdict
from fraudstream_tools.lab.backtest.run import PROPENSITY_UNIT, Known, Truths
from fraudstream_tools.lab.models_as_sql import raw_sum
from fraudstream_tools.rules.sql import FIELD_COLUMNS, counting_truth_of, lists_as_sql

_A_CODE: Final = 31
"""Rules in a code: two bits each, in a whole number of 64 bits with its sign."""
_ACTED: Final = (None, Verdict.APPROVE, Verdict.REVIEW, Verdict.DECLINE)
_TRUTHS: Final[tuple[bool | None, ...]] = (False, True, None)
# Hundredths, halves to the even one, as Python rounds.
_HUNDREDTHS: Final = "(100e0 * coalesce(amountBase, 0e0))"
AMOUNT: Final = (
    f"CAST(CASE WHEN {_HUNDREDTHS} - floor({_HUNDREDTHS}) < 0.5e0 THEN floor({_HUNDREDTHS}) "
    f"WHEN {_HUNDREDTHS} - floor({_HUNDREDTHS}) > 0.5e0 THEN floor({_HUNDREDTHS}) + 1e0 "
    f"ELSE 2e0 * floor((floor({_HUNDREDTHS}) + 1e0) / 2e0) END AS BIGINT)"
)
"""The amount of a decision in hundredths of the base currency, as SQL."""


DECLINED: Final = f"(coalesce(decision = '{Verdict.DECLINE}', false) OR {DECLINED_BY_ISSUER})"
"""Whether a row was declined, by its decision or by its issuer, as SQL."""


def standing_of(horizon: LabelHorizon, *, is_labelled: bool) -> str:
    """Return what is known of a row with the columns of a decision and its newest `label`, as SQL."""
    if not is_labelled:
        return str(Standing.UNKNOWN.value)
    return (
        f"CASE WHEN timestamp > {literal(horizon.matured_until)} THEN {Standing.UNKNOWN.value} "
        f"WHEN label = '{Truth.FRAUD}' THEN {Standing.FRAUD.value} "
        f"WHEN label IS NOT NULL THEN {Standing.LEGITIMATE.value} "
        f"WHEN {DECLINED} THEN {Standing.UNKNOWN.value} ELSE {Standing.MATURED.value} END"
    )


# Whole numbers, as all that transactions are counted by.
_PROPENSITY: Final = (
    f"CASE WHEN standing IN ({Standing.FRAUD.value}, {Standing.LEGITIMATE.value}) "
    f"THEN CAST(round({PROPENSITY_UNIT}e0 * coalesce(explorationPropensity, 0e0)) AS BIGINT) ELSE 0 END"
)
_IS_UNSEEN: Final = (
    f"CASE WHEN standing = {Standing.MATURED.value} AND decision = '{Verdict.APPROVE}' THEN 1 ELSE 0 END"
)


@dataclass(frozen=True, kw_only=True)
class BacktestQuery:
    """Rulesets to be judged by one query."""

    source: str
    """What stands in `FROM`: it has the truths of all rules, and the scores."""
    codes: Sequence[str]
    """The rules' truths packed, as SQL."""
    scores: Mapping[int, str]
    """Position of each ruleset with a live model to its column of scores, before anything is forced: eight times the
    score, four more where the model speaks for fraud, and what is done at the probability: a place in `_ACTED`."""
    places: Sequence[Sequence[int]]
    """For each ruleset the places of its rules among all."""

    @property
    def keys(self) -> Sequence[str]:
        """What transactions are counted by."""
        return ["standing", _PROPENSITY, _IS_UNSEEN, *self.codes, *self.scores.values()]

    def counts(self) -> str:
        """Return the query that counts."""
        keys = ", ".join(self.keys)
        numbers = ", ".join(str(place + 1) for place in range(len(self.keys)))
        counted = f"count(*), sum({AMOUNT}), count(*) - count(amountBase), min(timestamp), max(timestamp)"
        return f"SELECT {keys}, {counted} FROM {self.source} GROUP BY {numbers}"

    def listing(self) -> str:
        """Return the query that lists each transaction, with what it is counted by."""
        return f"SELECT transactionId, timestamp, {AMOUNT}, {', '.join(self.keys)} FROM {self.source}"

    def read(self, row: Sequence[Any]) -> tuple[Known, list[tuple[Truths, Score | None]]]:
        """Return what a row's keys say: what is known, and for each ruleset its truths and its score by a model."""
        known, rest = Known(Standing(row[0]), row[1], row[2] == 1), row[3:]
        codes: Sequence[int]
        codes, scores = rest[: len(self.codes)], rest[len(self.codes) :]
        of_models = {
            position: Score(score // 8, model_agrees=score // 4 % 2 == 1, acted=_ACTED[score % 4])
            for position, score in zip(self.scores, scores, strict=True)
        }
        truths: list[Truths] = [
            tuple(_TRUTHS[codes[place // _A_CODE] >> 2 * (place % _A_CODE) & 3] for place in places)
            for places in self.places
        ]
        return known, [(truth, of_models.get(position)) for position, truth in enumerate(truths)]


def backtest_query(rows: str, rulesets: Sequence[Ruleset]) -> BacktestQuery:
    """Build the query.

    Args:
        rows: a table as SQL, or a query in brackets with a name: decisions that have `standing`.
        rulesets: one, or two.
    """
    compiled: dict[str, int] = {}
    shared: list[SharedColumn] = []
    places: list[list[int]] = []
    for position, ruleset in enumerate(rulesets):
        # Lists differ from one ruleset to the other, and so do the names of what is shared.
        compiler = SqlCompiler(FIELD_COLUMNS, lists_as_sql(ruleset.lists), prefix=f"shared{position}x")
        truths = [counting_truth_of(compiler, rule) for rule in ruleset.rules]
        places.append([compiled.setdefault(truth, len(compiled)) for truth in truths])
        shared += compiler.shared
    columns = [f"{truth} AS rule{place}" for truth, place in compiled.items()]
    source = f"({select(rows, shared, ['*', *columns])}) AS judged"
    scores = {position: f"score{position}" for position, ruleset in enumerate(rulesets) if ruleset.models.live}
    if scores:
        # Sums are most of the statement: names are short in them, and two rulesets with one model share its sum.
        names = {name: f"f{place}" for place, name in enumerate(INPUTS)}
        raws: dict[str, str] = {}
        of_models = {n: raws.setdefault(raw_sum(_live(rulesets[n]).file, names), f"raw{n}") for n in scores}
        sums = [f"{raw} AS {name}" for raw, name in raws.items()]
        named = [f"{INPUT_COLUMNS[name]} AS {short}" for name, short in names.items()]
        source = f"(SELECT *, {', '.join(named)} FROM {source}) AS named"
        source = f"(SELECT *, {', '.join(sums)} FROM {source}) AS summed"
        scored = [f"{_score(rulesets[n], places[n], of_models[n])} AS {name}" for n, name in scores.items()]
        source = f"(SELECT *, {', '.join(scored)} FROM {source}) AS scored"
    return BacktestQuery(source=source, codes=_codes(len(compiled)), scores=scores, places=places)


def _codes(rules: int) -> list[str]:
    return [
        "("
        + " + ".join(
            f"coalesce(CAST(rule{place} AS BIGINT), 2) * {4 ** (place - first)}"
            for place in range(first, min(first + _A_CODE, rules))
        )
        + ")"
        for first in range(0, rules, _A_CODE)
    ]


def _live(ruleset: Ruleset) -> Model:
    if ruleset.models.live is None:
        raise TypeError("only a ruleset with a live model has scores of its own")
    return ruleset.models.live


def _score(ruleset: Ruleset, places: Sequence[int], raw: str) -> str:
    """Return what rules and model come to, before anything is forced, as a column of `BacktestQuery.scores`."""
    model = _live(ruleset).file
    odds = f"{literal(model.calibration.slope)} * {raw} + {literal(model.calibration.intercept)}"
    evidence = f"{literal(model.weight)} * (({odds}) - {literal(model.prior_log_odds)})"
    points = f"({_points(ruleset, places)}) * {literal(model.points_weight)}"
    log_odds = f"({literal(base_of(ruleset, _live(ruleset)))} + ({points} + {evidence}))"
    bounded = f"greatest(least({log_odds}, 50e0), -50e0)"
    score = f"CAST(floor(100e0 / (1e0 + exp(-{bounded})) + 0.5e0) AS BIGINT)"
    acted = _acted(ruleset, places, bounded)
    return f"8 * {score} + CASE WHEN {evidence} > 0e0 THEN 4 ELSE 0 END + {acted}"


def _acted(ruleset: Ruleset, places: Sequence[int], log_odds: str) -> str:
    """Return what a ruleset does at the probability that log-odds stand for, as a place in `_ACTED`."""
    curve, acting = _live(ruleset).file.probability, ruleset.acting
    if acting is None or curve is msgspec.UNSET:
        return "0"
    odds = (
        f"({literal(curve.intercept)} + {literal(curve.high)} * ln(1e0 + exp({log_odds})) "
        f"- {literal(curve.low)} * ln(1e0 + exp(-{log_odds})))"
    )
    above = f"(1e0 / (1e0 + exp(-greatest(least({odds}, 50e0), -50e0))))"
    share = f"({literal(curve.levels_out_at)} + {literal(1 - curve.levels_out_at)} * {above})"
    probability = f"greatest(least({share}, {literal(MOST_LIKELY)}), {literal(LEAST_LIKELY)})"
    if isinstance(acting, Costs):
        approved = f"{probability} * ({literal(acting.fraud)} + {literal(acting.fraud_share)} * amountBase)"
        declined = f"(1e0 - {probability}) * {literal(acting.honest_decline)}"
        review = literal(acting.review)
        case = (
            f"CASE WHEN amountBase IS NULL THEN 0 WHEN {declined} < least({approved}, {review}) THEN 3 "
            f"WHEN {review} < {approved} THEN 2 ELSE 1 END"
        )
    else:
        case = (
            f"CASE WHEN {probability} >= {literal(acting.decline)} THEN 3 "
            f"WHEN {probability} >= {literal(acting.review)} THEN 2 ELSE 1 END"
        )
    unweighed = [
        f"coalesce(rule{place}, false)"
        for rule, place in zip(ruleset.rules, places, strict=True)
        if rule.mode is Mode.LIVE and rule.id in ruleset.unweighed
    ]
    return f"CASE WHEN {' OR '.join(unweighed)} THEN 0 ELSE {case} END" if unweighed else case


def _points(ruleset: Ruleset, places: Sequence[int]) -> str:
    """Return the points of the live rules that hit: `Counting.points` as SQL, in its order of operations."""
    of_families: dict[str | None, list[str]] = {family: ["0e0"] for family in ruleset.counting.families or (None,)}
    for rule, place in zip(ruleset.rules, places, strict=True):
        if rule.mode is Mode.LIVE and rule.points is not None:
            family = rule.family if ruleset.counting.families else None
            of_families[family].append(
                f"CASE WHEN rule{place} THEN {literal(ruleset.points_beside_live[rule.id])} ELSE 0e0 END"
            )
    sums = {family: " + ".join(points) for family, points in of_families.items()}
    if not ruleset.counting.families:
        return sums[None]
    capped = [f"least({sums[family]}, {literal(most)})" for family, most in ruleset.counting.families.items()]
    return " + ".join(["0e0", *capped])
