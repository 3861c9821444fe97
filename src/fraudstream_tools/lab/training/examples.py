"""What a model learns from and is measured on: feature vectors, and what was known of each transaction at one time."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fraudstream.detection.features.codec import FeatureError, unpack
from fraudstream.detection.features.registry import NAMES
from fraudstream.reporting.log.reader.standing import LabelHorizon
from fraudstream_tools.lab.training.rule_hits import RuleHits, rule_hits

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from numpy.typing import NDArray

    from fraudstream.detection.rules.ruleset import Ruleset
    from fraudstream_tools.lab.replay.history import KnownOutcome
    from fraudstream_tools.lab.training.boosting import Flags, Matrix
    from fraudstream_tools.lab.training.log_sample import Drawn


class Decided(NamedTuple):
    """A transaction that was judged."""

    transaction_id: str
    timestamp: int
    packed: bytes
    """Its features, as they were judged."""
    rules: Collection[str]
    """Ids of the rules that hit."""
    declined: bool
    """By a decision, or by its issuer: whether it would have become a fraud nobody will know."""


@dataclass
class LeftOut:
    """Transactions that say nothing, and why."""

    too_new: int = 0
    """Not all of their labels can be known yet."""
    declined: int = 0
    """Without a label: that no fraud was reported says nothing of what was declined."""
    other_features: int = 0
    """Their features were computed by another version of the code."""


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Transactions with what was known of them, in the order of time."""

    vectors: Matrix
    labels: Flags
    timestamps: NDArray[np.int64]
    hits: RuleHits
    weights: NDArray[np.float64] | None = None
    """For how many transactions each one stands; None where each stands for itself."""
    drawn: Drawn | None = None
    """What was drawn of a log; None where all was taken of something else."""
    left_out: LeftOut = field(default_factory=LeftOut)

    def after(self, time: int) -> Examples:
        """Return those that happened after a time, epoch milliseconds."""
        chosen = self.timestamps > time
        return Examples(
            vectors=self.vectors[chosen],
            labels=self.labels[chosen],
            timestamps=self.timestamps[chosen],
            hits=self.hits.chosen(chosen),
            weights=None if self.weights is None else self.weights[chosen],
        )


def examples(
    decided: Iterable[Decided],
    known: Mapping[str, KnownOutcome],
    ruleset: Ruleset,
    *,
    until: int,
    label_delay_days: float,
) -> Examples:
    """Choose what can be learnt from, by what was known at a time and no more.

    A transaction counts once its label would be known: when it is older than the labels' delay. It is fraud if that
    was known by then; else it is legitimate, unless it was declined and nobody said so. Newer ones are left out,
    labelled or not: among them mostly frauds have their label yet.

    Args:
        decided: judged transactions, each one once.
        known: the newest that is known of them by `until`, by transaction id.
        ruleset: by which they were judged.
        until: the time, epoch milliseconds.
        label_delay_days: days after which a label is known, or will not come.
    """
    left_out = LeftOut()
    numbers, labels, times = array("d"), array("b"), array("q")
    rules: list[Collection[str]] = []
    horizon = LabelHorizon(until=until, delay_days=label_delay_days)
    for each in decided:
        truth = known.get(each.transaction_id)
        if not horizon.is_mature(each.timestamp):
            left_out.too_new += 1
            continue
        if each.declined and truth is None:
            left_out.declined += 1
            continue
        try:
            vector = unpack(each.packed)
        except FeatureError:
            left_out.other_features += 1
            continue
        numbers.extend([nan if value is None else value for value in vector])
        labels.append(truth is not None and truth.fraud)
        times.append(each.timestamp)
        rules.append(each.rules)
    timestamps = np.array(times, dtype=np.int64)
    order = np.argsort(timestamps, kind="stable")
    return Examples(
        vectors=np.array(numbers, dtype=np.float64).reshape(-1, len(NAMES))[order],
        labels=np.array(labels, dtype=np.bool_)[order],
        timestamps=timestamps[order],
        hits=rule_hits(ruleset, rules).chosen(order),
        left_out=left_out,
    )
