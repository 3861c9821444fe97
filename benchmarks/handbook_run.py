"""The handbook's transactions, taken the product's own way: profiles, features, rules, and models trained meanwhile."""

import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.handbook import (
    DAY,
    FIRST_TEST_DAYS,
    WEEK,
    Flags,
    HandbookFigures,
    Integers,
    Numbers,
    Transactions,
    measure,
    read,
    training_days,
)
from benchmarks.rule_runs import rules_of_today
from fraudstream.detection.features import codec, registry
from fraudstream.detection.features.compute import Calendar
from fraudstream.detection.judge import Judge
from fraudstream.detection.learning import learn_label
from fraudstream.detection.models.selection import ActiveModels
from fraudstream.detection.profiles.codec import pack, unpack
from fraudstream.detection.profiles.events import identity
from fraudstream.detection.profiles.profile import LabelChange, Profile
from fraudstream.detection.rules.rule import Mode, Rule
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.detection.scoring import decide, score_of
from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.lab.training.fit import Validation, fit
from fraudstream_tools.lab.training.rules.rule_hits import RuleHits, counting_rules

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from fraudstream.detection.models.model import Model

TRAINING_DAYS: Final = 30
SHORT_TRAINING_DAYS: Final = 7
"""As the handbook trains."""
SHAPED: Final = frozenset(
    {
        "customerPeakRatio14d",
        "terminalFraudShareLast1",
        "terminalFraudShareLast2",
        "terminalFraudShareLast5",
        "terminalFraudAgeDays",
        "terminalFraudSpanDays",
    }
)
"""Features that were chosen with this generator's frauds in mind: a number leaked for 14 days, a terminal all of whose
transactions are fraud. They mean something elsewhere too, but nobody knows how much."""
PACKED: Final = 2000
"""Profiles that are packed and unpacked to measure what that takes."""
STEP: Final = 5000
"""Transactions between two signs of life."""


@dataclass
class Run:
    """What one way through the transactions gives; rows are those of the days from `first_day` on."""

    world: Transactions
    delay: int
    first_row: int
    vectors: Numbers
    hits: RuleHits
    points: Numbers
    """Of the rules that hit, as they count."""
    served: Numbers
    """Scores as served, in log-odds."""
    counting: Sequence[Rule]
    """The rules that `hits` has columns for."""
    profiles: dict[str, Profile] = field(default_factory=dict[str, Profile])
    microseconds: list[float] = field(default_factory=list[float])
    """For each transaction of the test weeks: judged with all profiles in memory, by rules and model, with reasons."""

    @property
    def days(self) -> Integers:
        """Days since the start, of the rows."""
        return self.world.days[self.first_row :]

    def spread(self, values: Numbers) -> Numbers:
        """Return values of the rows as values of all transactions."""
        return np.concatenate([np.full(self.first_row, -np.inf), values])


def go_through(path: Path, delay: int, told: "MutableMapping[int, int]") -> dict[str, Any]:
    """Go through the transactions once, and measure.

    Args:
        path: the transactions.
        delay: days until labels are known.
        told: takes the number of transactions that were judged, by delay.
    """
    world = read(path, FIRST_TEST_DAYS[-1] + WEEK)
    first_row = int(np.searchsorted(world.days, training_days(FIRST_TEST_DAYS[0], delay, TRAINING_DAYS)[0]))
    rows = len(world) - first_row
    rules = rules_of_today()
    counting = counting_rules(rules)
    hits = RuleHits(rules, np.zeros((rows, len(counting)), dtype=np.bool_))
    vectors = np.full((rows, len(registry.NAMES)), np.nan)
    run = Run(world, delay, first_row, vectors, hits, np.zeros(rows), np.zeros(rows), counting)
    starts = {int(np.searchsorted(world.days, day)): day for day in FIRST_TEST_DAYS}
    judge = Judge(rules, Calendar(label_delay_days=delay))
    waiting: deque[tuple[int, Transaction]] = deque()
    for number, transaction in enumerate(world):
        if number in starts:
            model = trained(run, starts[number], TRAINING_DAYS)
            judge = Judge(rules.with_models(ActiveModels(live=model)), Calendar(label_delay_days=delay))
        _learn_labels(run, waiting, transaction.timestamp)
        began = time.perf_counter()
        judgement = judge.judge(transaction, run.profiles, transaction.timestamp)
        took = time.perf_counter() - began
        run.profiles.update(judgement.profiles)
        if world.frauds[number]:
            waiting.append((transaction.timestamp + delay * DAY, transaction))
        if number >= first_row:
            _keep(run, judge.ruleset, number - first_row, transaction, judgement.decision.features)
            if judge.ruleset is not rules:
                run.microseconds.append(took * 1e6)
        if number % STEP == 0:
            told[delay] = number
    told[delay] = len(world)
    return _measured(run)


def _learn_labels(run: Run, waiting: deque[tuple[int, Transaction]], now: int) -> None:
    while waiting and waiting[0][0] <= now:
        known_at, fraud = waiting.popleft()
        run.profiles.update(
            learn_label(fraud, run.profiles, LabelChange(known_at, identity(fraud.transaction_id)), 1).changed
        )


def _keep(run: Run, ruleset: Ruleset, row: int, transaction: Transaction, packed: bytes) -> None:
    vector = codec.unpack(packed)
    truths = ruleset.evaluate(transaction, vector)
    hits = [rule for rule, truth in zip(ruleset.rules, truths, strict=True) if truth and rule.mode is Mode.LIVE]
    run.vectors[row] = [np.nan if value is None else value for value in vector]
    ids = {rule.id for rule in hits}
    run.hits.rows[row] = [rule.id in ids for rule in run.counting]
    run.points[row] = ruleset.counting.points(hits, ruleset.points_beside_live)
    run.served[row] = decide(ruleset, truths, vector).log_odds


def trained(run: Run, first_test_day: int, length: int, use: Sequence[str] = registry.NAMES) -> "Model":
    """Train a model on the days whose labels are known when a test week starts."""
    first, last = training_days(first_test_day, run.delay, length)
    part: Flags = (run.days >= first) & (run.days < last)
    return fit(
        run.vectors[part],
        run.world.frauds[run.first_row :][part],
        run.world.times[run.first_row :][part],
        hits=run.hits.chosen(part),
        newer=run.vectors[(run.days >= last) & (run.days < first_test_day)],
        use=use,
        validation=Validation(days=WEEK, label_delay_days=run.delay),
        trained_on="the handbook's transactions",
        own_labels=True,
    )


def _measured(run: Run) -> dict[str, Any]:
    whole = np.array([score_of(value) for value in run.served.tolist()], dtype=np.float64)
    general = [name for name in registry.NAMES if name not in SHAPED]
    found = {
        "served": _figures(run, run.served),
        "served as whole numbers": _figures(run, whole),
        "model alone": _figures(run, run.served - run.points),
        "model alone, general features": _figures(run, _scored(run, TRAINING_DAYS, general)),
        "model alone, 7 days of training": _figures(run, _scored(run, SHORT_TRAINING_DAYS, registry.NAMES)),
        "model alone, 7 days, general features": _figures(run, _scored(run, SHORT_TRAINING_DAYS, general)),
    }
    sizes = [len(pack(profile)) for profile in run.profiles.values()]
    return {
        "figures": found,
        "rules": len(run.hits.ruleset.rules),
        "us_per_tx_p50": round(float(np.median(run.microseconds)), 1),
        "us_per_tx_p99": round(float(np.percentile(run.microseconds, 99)), 1),
        "us_to_unpack_and_pack_a_profile": round(_packing(list(run.profiles.values())[:PACKED]), 1),
        "bytes_max": max(sizes),
        "bytes_mean": round(float(np.mean(sizes)), 1),
    }


def _figures(run: Run, scores: Numbers) -> list[HandbookFigures]:
    spread = run.spread(scores)
    return [measure(run.world, spread, day, run.delay) for day in FIRST_TEST_DAYS]


def _scored(run: Run, length: int, use: Sequence[str]) -> Numbers:
    scores = np.zeros(len(run.vectors))
    for day in FIRST_TEST_DAYS:
        model = trained(run, day, length, use)
        rows = np.flatnonzero((run.days >= day) & (run.days < day + WEEK))
        for row in rows:
            values = run.vectors[row].tolist()
            scores[row] = model.raw(tuple([None if math.isnan(value) else value for value in values]))
    return scores


def _packing(profiles: Sequence[Profile]) -> float:
    stored = [pack(profile) for profile in profiles]
    began = time.perf_counter()
    for state in stored:
        pack(unpack(state))
    return (time.perf_counter() - began) * 1e6 / len(stored)
