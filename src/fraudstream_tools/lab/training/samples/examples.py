"""What a model learns from and is measured on: feature vectors, and what was known of each transaction at one time."""

from __future__ import annotations

from array import array
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import nan
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from fraudstream.detection.features.codec import FeatureError, unpack
from fraudstream.detection.features.own import INPUTS, own_values
from fraudstream.detection.features.registry import without_nan
from fraudstream.durations import DAY
from fraudstream.reporting.log.reader.label_arrival import NOTHING_KNOWN, LabelArrival
from fraudstream.reporting.log.reader.standing import is_declined
from fraudstream_tools.lab.training.rules.rule_hits import RuleHits, rule_hits

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from numpy.typing import NDArray

    from fraudstream.detection.features.registry import Vector
    from fraudstream.detection.rules.ruleset import Ruleset
    from fraudstream.reporting.log.reader.standing import LabelHorizon
    from fraudstream.transactions.decisions.decision import Decision
    from fraudstream.transactions.transaction import Transaction
    from fraudstream_tools.lab.replay.history import KnownOutcome
    from fraudstream_tools.lab.training.boosting import Flags, Matrix
    from fraudstream_tools.lab.training.samples.explored import Explored
    from fraudstream_tools.lab.training.samples.log_sample import Drawn


LEAST_ARRIVED: Final = 0.05
"""Share of labels; with fewer, each would stand for more than twenty frauds."""
NEVER: Final = 2**62
"""Later than any time."""


class Decided(NamedTuple):
    """A transaction that was judged."""

    transaction_id: str
    timestamp: int
    packed: bytes
    """Its features, as they were judged."""
    own: Vector
    """What follows from its own fields: see `features.own`."""
    rules: Collection[str]
    """Ids of the rules that hit."""
    declined: bool
    """By a decision, or by its issuer: whether it would have become a fraud nobody will know."""

    @classmethod
    def now(cls, transaction: Transaction, decision: Decision) -> Decided:
        """Return a transaction of the past as it is judged now, which kept nothing from happening then."""
        return cls(
            transaction.transaction_id,
            transaction.timestamp,
            decision.features,
            own_values(transaction),
            [reason.source for reason in decision.reasons],
            is_declined(None, transaction.authorization_result),
        )


@dataclass
class LeftOut:
    """Transactions that say nothing, and why."""

    too_new: int = 0
    """Not all of their labels can be known yet."""
    declined: int = 0
    """Without a label: that no fraud was reported says nothing of what was declined."""
    stopped: int = 0
    """Number of these that were declined by a decision and not by the issuer."""
    other_features: int = 0
    """Their features were computed by another version of the code."""
    other_kinds: int = 0
    """Frauds of kinds that were to be left out."""
    repeated: int = 0
    """Rows of a file that give an earlier one's transaction again: it counts once, with the labels of all."""


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Transactions with what was known of them, in the order of time."""

    vectors: Matrix
    labels: Flags
    timestamps: NDArray[np.int64]
    hits: RuleHits
    known_at: NDArray[np.int64]
    """Since when its fraud is known, epoch milliseconds; `NEVER` of what is not known to be fraud."""
    arrived: NDArray[np.float64]
    """Share of frauds like it that has its label: of the same age and source, or of those that it was drawn by
    chance from; 1 where somebody said that it is legitimate."""
    declined: Flags
    """By a decision or by their issuer: of these only labelled ones are here."""
    stopped: Examples | None = None
    """What was declined, by a decision or by its issuer, and has no label: nobody can learn from it, and what decides
    flags it all the same. None where nobody looked."""
    newer: Matrix | None = None
    """Features of what is too new to have a label, and was not declined; None where nobody looked."""
    weights: NDArray[np.float64] | None = None
    """For how many transactions each one stands; None where each stands for itself."""
    unseen: NDArray[np.float64] | None = None
    """For how many frauds each known one stands that nobody reports: see `explored`; None where nothing tells."""
    explored: Explored | None = None
    """What was drawn by chance of a log's approvals; None where nothing was."""
    drawn: Drawn | None = None
    """What was drawn of a log; None where all was taken of something else."""
    left_out: LeftOut = field(default_factory=LeftOut)
    arrival: LabelArrival = NOTHING_KNOWN
    delay_days: float = 0.0
    """Age from which on a transaction's label counts as known."""

    def after(self, time: int) -> Examples:
        """Return those that happened after a time, epoch milliseconds."""
        return self.within(time + 1, NEVER)

    def within(self, first: int, last: int) -> Examples:
        """Return those that happened in a time, with the stopped ones: epoch milliseconds, both included."""
        stopped = None if self.stopped is None else self.stopped.within(first, last)
        return replace(self.chosen((self.timestamps >= first) & (self.timestamps <= last)), stopped=stopped)

    def chosen(self, those: Flags) -> Examples:
        """Return some of them."""
        return replace(
            self,
            vectors=self.vectors[those],
            labels=self.labels[those],
            timestamps=self.timestamps[those],
            hits=self.hits.chosen(those),
            known_at=self.known_at[those],
            arrived=self.arrived[those],
            declined=self.declined[those],
            weights=None if self.weights is None else self.weights[those],
            unseen=None if self.unseen is None else self.unseen[those],
        )


def stopped_examples(
    vectors: Matrix,
    timestamps: NDArray[np.int64],
    hits: RuleHits,
    weights: NDArray[np.float64] | None = None,
) -> Examples:
    """Return declined transactions without a label: of these there is nothing else to tell."""
    number = len(timestamps)
    return Examples(
        vectors=vectors,
        labels=np.zeros(number, dtype=np.bool_),
        timestamps=timestamps,
        hits=hits,
        known_at=np.full(number, NEVER, dtype=np.int64),
        arrived=np.ones(number),
        declined=np.ones(number, dtype=np.bool_),
        weights=weights,
    )


def share_arrived(arrival: LabelArrival, horizon: LabelHorizon, timestamp: int, source: str) -> float:
    """Return the share of labels of frauds of one time that has come; 1 where nobody knows how late they come.

    Args:
        arrival: how late labels come.
        horizon: the time up to which they are known.
        timestamp: when the frauds happened, epoch milliseconds.
        source: who labels them; empty: all together.
    """
    return max(arrival.share((horizon.until - timestamp) / DAY, source), LEAST_ARRIVED)


def examples(
    decided: Iterable[Decided],
    known: Mapping[str, KnownOutcome],
    ruleset: Ruleset,
    *,
    horizon: LabelHorizon,
    arrival: LabelArrival = NOTHING_KNOWN,
) -> Examples:
    """Choose what can be learnt from, by what was known at a time and no more.

    A transaction counts once its label would be known: when it is older than the labels' delay. It is fraud if that
    was known by then; else it is legitimate, unless it was declined and nobody said so. Newer ones are left out,
    labelled or not: among them mostly frauds have their label yet.

    Args:
        decided: judged transactions, each one once.
        known: the newest that is known of them by `until`, by transaction id.
        ruleset: by which they were judged.
        horizon: the time, and the age from which on a label is known, or will not come.
        arrival: how late labels of frauds come.
    """
    left_out = LeftOut()
    numbers, labels, times, known_at, arrived = array("d"), array("b"), array("q"), array("q"), array("d")
    declined, newer = array("b"), array("d")
    rules: list[Collection[str]] = []
    stopped: list[Decided] = []
    for decision in decided:
        truth = known.get(decision.transaction_id)
        is_mature = horizon.is_mature(decision.timestamp)
        left_out.too_new += not is_mature
        if decision.declined and (truth is None or not is_mature):
            left_out.declined += is_mature
            stopped += [decision] * is_mature
            continue
        try:
            vector = _row(decision)
        except FeatureError:
            left_out.other_features += is_mature
            continue
        if not is_mature:
            newer.extend(vector)
            continue
        numbers.extend(vector)
        is_fraud = truth is not None and truth.fraud
        labels.append(is_fraud)
        known_at.append(truth.known_at if truth is not None and is_fraud else NEVER)
        source = "" if truth is None else truth.source
        arrived.append(
            share_arrived(arrival, horizon, decision.timestamp, source) if truth is None or is_fraud else 1.0
        )
        times.append(decision.timestamp)
        declined.append(decision.declined)
        rules.append(decision.rules)
    timestamps = np.array(times, dtype=np.int64)
    order = np.argsort(timestamps, kind="stable")
    return Examples(
        vectors=matrix_of(numbers)[order],
        labels=np.array(labels, dtype=np.bool_)[order],
        timestamps=timestamps[order],
        hits=rule_hits(ruleset, rules).chosen(order),
        known_at=np.array(known_at, dtype=np.int64)[order],
        arrived=np.array(arrived, dtype=np.float64)[order],
        declined=np.array(declined, dtype=np.bool_)[order],
        stopped=_stopped(stopped, ruleset),
        newer=matrix_of(newer),
        left_out=left_out,
        arrival=arrival,
        delay_days=horizon.delay_days,
    )


def _row(decision: Decided) -> list[float]:
    """Return all that a model may see of a transaction.

    Raises:
        FeatureError: its features cannot be read.
    """
    return [nan if value is None else value for value in unpack(decision.packed) + decision.own]


def _stopped(decided: Iterable[Decided], ruleset: Ruleset) -> Examples:
    numbers, times = array("d"), array("q")
    rules: list[Collection[str]] = []
    for decision in decided:
        with suppress(FeatureError):
            numbers.extend(_row(decision))
            times.append(decision.timestamp)
            rules.append(decision.rules)
    return stopped_examples(matrix_of(numbers), np.array(times, dtype=np.int64), rule_hits(ruleset, rules))


def matrix_of(numbers: array[float]) -> Matrix:
    """Return numbers as rows of all that a model may see, without a copy."""
    return np.frombuffer(numbers, dtype=np.float64).reshape(-1, len(INPUTS))


def as_vectors(rows: Matrix) -> list[Vector]:
    """Return the rows of a matrix as the analyzer sees them: None is missing."""
    return [tuple(without_nan(row)) for row in rows.tolist()]
