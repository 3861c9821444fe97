"""What rules and models did on a day, and how right they were."""

import math
from typing import Final

from fraudstream.reporting.daily.queries import DayQueries, binned, named, score_bin
from fraudstream.reporting.daily.schema.findings import (
    ModelFigures,
    OtherReason,
    Overlap,
    RuleFigures,
    ScoreBin,
    ShadowRule,
)
from fraudstream.reporting.daily.schema.parts import Interval, Value, wilson
from fraudstream.reporting.daily.schema.report import UnreadProfile
from fraudstream.transactions.decisions.reasons import NO_RULES_CODES

OVERLAPS: Final = 20
NOISY_BELOW: Final = 0.1
"""A rule is noisy if its precision is below that: even the upper end of the interval, and of enough labels."""
NOISY_LABELS: Final = 20

PROFILE_CODES: Final = ("PROFILE_DAMAGED", "PROFILE_NEWER", "LIST_UNREADABLE")
"""Reasons that name an entity's profile or lists and not a rule."""

_NO_RULES = tuple(sorted(NO_RULES_CODES))
_IS_RULE = f"dimension = 'rule' AND other NOT IN {_NO_RULES}"
# Tallies of earlier versions have all sources among the rules.
ONLY_RULES = f"key NOT IN (SELECT key FROM tallies WHERE dimension = 'rule' AND other IN {_NO_RULES})"
"""Condition on tallies that have the source of a reason, but not its code."""

_UNREAD_PROFILES = f"""
    SELECT key AS profile, other AS code, sum(transactions)::BIGINT AS decisions FROM tallies
    WHERE dimension = 'rule' AND other IN {PROFILE_CODES} GROUP BY ALL ORDER BY 1, 2
"""
_OTHER_REASONS = f"""
    SELECT key, other, sum(transactions) FROM tallies WHERE dimension = 'rule' AND other IN {_NO_RULES}
    AND other NOT IN {PROFILE_CODES} GROUP BY ALL ORDER BY 3 DESC, 1, 2
"""

_RULES = f"""
    WITH hits AS (
        SELECT key AS source, min(other) AS code, sum(transactions) AS hits,
            sum(transactions) FILTER (decision = 'REVIEW') AS reviewed,
            sum(transactions) FILTER (decision = 'DECLINE') AS declined
        FROM tallies WHERE {_IS_RULE} GROUP BY key
    ), alone AS (
        SELECT key AS source, sum(transactions) AS unique_hits FROM tallies WHERE dimension = 'ruleAlone' GROUP BY key
    ), known AS (
        SELECT key AS source, sum(transactions) FILTER (label = 'FRAUD') AS fraud,
            sum(transactions) FILTER (label = 'LEGITIMATE') AS legitimate
        FROM truths WHERE {_IS_RULE} GROUP BY key
    ), blind AS (
        SELECT key AS source, sum(transactions) AS unevaluable
        FROM tallies WHERE dimension = 'unevaluable' GROUP BY key
    )
    SELECT source, coalesce(code, ''), coalesce(hits, 0), coalesce(unique_hits, 0), coalesce(reviewed, 0),
        coalesce(declined, 0), coalesce(fraud, 0), coalesce(legitimate, 0), coalesce(unevaluable, 0)
    FROM hits FULL JOIN blind USING (source) LEFT JOIN alone USING (source) LEFT JOIN known USING (source)
    ORDER BY 3 DESC, source
"""

_RULE_VALUES = f"""
    SELECT key, currency, sum(amountMinor) FROM tallies WHERE {_IS_RULE}
    GROUP BY key, currency ORDER BY key, sum(transactions) DESC, currency
"""

_OVERLAPS = f"""
    SELECT key, other, sum(transactions) FROM tallies WHERE dimension = 'rulePair'
        AND {ONLY_RULES} AND {ONLY_RULES.replace("key", "other", 1)}
    GROUP BY ALL ORDER BY 3 DESC, 1, 2 LIMIT {OVERLAPS}
"""


def rules(queries: DayQueries) -> tuple[RuleFigures, ...]:
    """Return what each rule did, the one with the most hits first."""
    values: dict[str, list[Value]] = {}
    for source, currency, value in queries.rows(_RULE_VALUES):
        values.setdefault(source, []).append(Value(currency=currency, value=value))
    figures: list[RuleFigures] = []
    for row in queries.rows(_RULES):
        known = named(RuleFigures, row)
        precision = wilson(known["fraud"], known["fraud"] + known["legitimate"])
        figures.append(
            RuleFigures(**known, values=tuple(values.get(row[0], ())), precision=precision, noisy=_is_noisy(precision))
        )
    return tuple(figures)


def unread_profiles(queries: DayQueries) -> tuple[UnreadProfile, ...]:
    """Return the profiles without which transactions were judged."""
    return tuple(
        UnreadProfile(profile=profile, code=code, decisions=decisions)
        for profile, code, decisions in queries.rows(_UNREAD_PROFILES)
    )


def other_reasons(queries: DayQueries) -> tuple[OtherReason, ...]:
    """Return what the model weighed and what could not be judged; unread profiles are told of by themselves."""
    return tuple(
        OtherReason(source=source, code=code, decisions=decisions)
        for source, code, decisions in queries.rows(_OTHER_REASONS)
    )


def _is_noisy(precision: Interval | None) -> bool:
    return precision is not None and precision.n >= NOISY_LABELS and precision.high < NOISY_BELOW


def shadow_rules(queries: DayQueries) -> tuple[ShadowRule, ...]:
    """Return what the shadow rules would have hit, the one with the most hits first."""
    known = queries.known("shadow")
    figures: list[ShadowRule] = []
    for source, hits in queries.tally("shadow"):
        fraud, legitimate = known.get((source, ""), (0, 0))
        precision = wilson(fraud, fraud + legitimate)
        figures.append(ShadowRule(source=source, hits=hits, fraud=fraud, legitimate=legitimate, precision=precision))
    return tuple(figures)


def overlaps(queries: DayQueries, of: tuple[RuleFigures, ...]) -> tuple[Overlap, ...]:
    """Return the pairs of rules that hit together most often."""
    hits = {rule.source: rule.hits for rule in of}
    return tuple(
        Overlap(first=first, second=second, transactions=count, share=round(count / min(hits[first], hits[second]), 6))
        for first, second, count in queries.rows(_OVERLAPS)
    )


def model(queries: DayQueries) -> ModelFigures:
    """Return what models did, and how right the scores were."""
    known = [[0, 0] for _ in range(10)]
    for (score, _), (fraud, legitimate) in queries.known("score").items():
        known[score_bin(score)][0] += fraud
        known[score_bin(score)][1] += fraud + legitimate
    calibration = [
        ScoreBin(from_score=10 * place, fraud=fraud_share)
        for place, (fraud, labelled) in enumerate(known)
        if (fraud_share := wilson(fraud, labelled))
    ]
    probabilities = queries.tally("probability")
    return ModelFigures(
        versions=queries.tally("version", "other"),
        shadow_versions=queries.tally("shadowScore", "other"),
        shadow_scores=binned(queries.tally("shadowScore")),
        calibration=tuple(calibration),
        probability_decisions=sum(count for _, count in probabilities),
        # Exact in any order, and a float even of nothing: a report that is read back must not differ from a new one.
        expected_frauds=round(math.fsum(float(probability) * count for probability, count in probabilities), 1),
    )
