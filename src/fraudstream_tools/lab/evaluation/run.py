"""Labelled transactions, judged one after the other by the analyzer's own code: by rules alone, and with models.

Nothing is known before it was: profiles learn a label when it comes, a model when it is trained knows what was said by
then. Memory grows with the entities, with the transactions that are tested, and with the sample that is learnt from.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from fraudstream.detection.features.codec import unpack
from fraudstream.detection.features.own import INPUTS, inputs
from fraudstream.detection.features.registry import Vector
from fraudstream.detection.models.selection import ActiveModels
from fraudstream.detection.scoring import decide
from fraudstream.durations import DAY
from fraudstream.reporting.log.reader.standing import is_declined
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream_tools.lab.evaluation.figures import EvaluatedDays, EvaluationRow, row, why_unmeasured
from fraudstream_tools.lab.replay.history import ReplayedProfiles
from fraudstream_tools.lab.training.fit import TrainingError, Validation, fit
from fraudstream_tools.lab.training.rules.rule_hits import rule_hits

if TYPE_CHECKING:
    from fraudstream.detection.judge import Judge
    from fraudstream.detection.models.model import Model
    from fraudstream.detection.rules.ruleset import Ruleset
    from fraudstream_tools.lab.evaluation.ordered import Labelled
    from fraudstream_tools.lab.evaluation.plan import Course, EvaluationPlan

RULES_ALONE = "rules alone"
_HASHES = 2**32
_VALIDATED_SHARE = 4
"""One in so many days that a model learns from is its validation."""


@dataclass
class _Contestant:
    name: str
    ruleset: "Ruleset | None"
    why: str | None = None
    scores: "array[float]" = field(default_factory=lambda: array("d"))
    alerted: bytearray = field(default_factory=bytearray)
    declined: bytearray = field(default_factory=bytearray)


@dataclass
class _Memory:
    """What models can learn from: all frauds and a sample of the rest."""

    share: float
    """Share of the legitimate transactions that is kept."""
    numbers: "array[float]" = field(default_factory=lambda: array("d"))
    frauds: bytearray = field(default_factory=bytearray)
    times: "array[int]" = field(default_factory=lambda: array("q"))
    known: "array[int]" = field(default_factory=lambda: array("q"))
    declined: bytearray = field(default_factory=bytearray)
    """By their issuer."""
    rules: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    """Ids of the rules that hit each one."""

    def add(self, labelled: "Labelled", vector: Vector, rules: tuple[str, ...]) -> None:
        is_known_fraud = labelled.fraud and labelled.known_at is not None
        drawn = crc32(labelled.transaction.transaction_id.encode()) < self.share * _HASHES
        if not is_known_fraud and not drawn:
            return
        self.numbers.extend([nan if value is None else value for value in vector])
        self.frauds.append(is_known_fraud)
        self.times.append(labelled.transaction.timestamp)
        self.known.append(labelled.known_at or 0)
        self.declined.append(is_declined(None, labelled.transaction.authorization_result))
        self.rules.append(rules)

    def train(self, course: "Course", ruleset: "Ruleset", label_delay_days: float) -> "Model":
        """Train a model on what is known at a time.

        Raises:
            TrainingError: that is too little.
        """
        times = np.array(self.times, dtype=np.int64)
        chosen = (times >= course.since) & (times <= course.at - label_delay_days * DAY)
        kept = np.frombuffer(self.frauds, dtype=np.bool_)
        labels = kept & (np.array(self.known) <= course.at)
        if not chosen.any():
            raise TrainingError("there is nothing to learn from")
        days = (int(times[chosen].max()) - int(times[chosen].min())) / DAY
        newer = (times > course.at - label_delay_days * DAY) & (times <= course.at)
        vectors = np.array(self.numbers, dtype=np.float64).reshape(-1, len(INPUTS))
        declined = np.frombuffer(self.declined, dtype=np.bool_)
        return fit(
            vectors[chosen],
            labels[chosen],
            times[chosen],
            use=INPUTS,
            hits=rule_hits(ruleset, self.rules).chosen(chosen),
            declined=declined[chosen],
            newer=vectors[newer & ~declined],
            # Frauds were kept for certain, also those that nobody knows of at that time.
            stands_for=None if self.share >= 1 else np.where(kept, 1.0, 1 / self.share)[chosen],
            validation=Validation(days=max(days / _VALIDATED_SHARE, 0.1), label_delay_days=label_delay_days),
            trained_on=course.name,
            own_labels=True,
        )


def evaluate(
    transactions: "Iterable[Labelled]",
    count: int,
    judge: "Judge",
    plan: "EvaluationPlan",
    on_progress: Callable[[int], None] | None = None,
    *,
    on_training: Callable[[str], object] = lambda _: None,
) -> list[EvaluationRow]:
    """Judge labelled transactions, and measure each contestant on the same ones.

    Args:
        transactions: in the order in which they were received.
        count: how many there are, about: a sample of them is learnt from if they are many.
        judge: judges by the rules.
        plan: what is tested, and what each model may know.
        on_progress: told how many were judged.
        on_training: told the name of each model before it is trained.
    """
    history = ReplayedProfiles()
    memory = _Memory(share=min(1.0, plan.most_learnt / max(count, 1)))
    contestants = [_Contestant(RULES_ALONE, judge.ruleset)]
    waiting = sorted(plan.courses, key=lambda course: course.at)
    last_course = max((course.at for course in waiting), default=0)
    frauds, amounts, times = bytearray(), array("d"), array("q")
    for number, labelled in enumerate(transactions, start=1):
        transaction = labelled.transaction
        while waiting and waiting[0].at <= transaction.received_at:
            on_training(waiting[0].name)
            contestants.append(_trained(memory, waiting.pop(0), judge.ruleset, plan.label_delay_days))
        decision = history.judge(judge, transaction, labelled.outcome)
        vector = unpack(decision.features)
        # Of what its issuer declined, nobody learns that it was fraud, unless somebody says so.
        if transaction.timestamp < last_course and (
            labelled.known_at is not None or not is_declined(None, transaction.authorization_result)
        ):
            memory.add(labelled, inputs(vector, transaction), tuple([each.source for each in decision.reasons]))
        if transaction.timestamp >= plan.test_from:
            _test(contestants, judge.ruleset.evaluate(transaction, vector), inputs(vector, transaction))
            frauds.append(labelled.fraud)
            times.append(transaction.timestamp)
            amount = judge.ruleset.rates.to_base(transaction.amount_minor, transaction.currency, transaction.timestamp)
            amounts.append(nan if amount is None else amount)
        if on_progress:
            on_progress(number)
    tested = EvaluatedDays(
        frauds=np.frombuffer(frauds, dtype=np.bool_),
        amounts=np.array(amounts, dtype=np.float64),
        times=np.array(times, dtype=np.int64),
        reviews_a_day=plan.reviews_a_day,
    )
    return [_row(each, tested) for each in contestants]


def _trained(memory: _Memory, course: "Course", ruleset: "Ruleset", label_delay_days: float) -> _Contestant:
    try:
        model = memory.train(course, ruleset, label_delay_days)
    except TrainingError as error:
        return _Contestant(course.name, None, str(error))
    return _Contestant(course.name, ruleset.with_models(ActiveModels(live=model)))


def _test(contestants: Sequence[_Contestant], truths: "Sequence[bool | None]", vector: Vector) -> None:
    for each in contestants:
        if each.ruleset is not None:
            outcome = decide(each.ruleset, truths, vector)
            each.scores.append(outcome.log_odds)
            each.alerted.append(outcome.verdict is not Verdict.APPROVE)
            each.declined.append(outcome.verdict is Verdict.DECLINE)


def _row(contestant: _Contestant, tested: EvaluatedDays) -> EvaluationRow:
    if contestant.ruleset is None:
        return EvaluationRow(name=contestant.name, why=contestant.why)
    if (why := why_unmeasured(tested.frauds)) is not None:
        return EvaluationRow(name=contestant.name, why=why)
    return row(
        contestant.name,
        tested,
        np.array(contestant.scores, dtype=np.float64),
        alerted=np.frombuffer(contestant.alerted, dtype=np.bool_),
        declined=np.frombuffer(contestant.declined, dtype=np.bool_),
    )
