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

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from fraudstream_tools.lab.replay.history import KnownOutcome
    from fraudstream_tools.lab.training.boosting import Flags, Matrix
    from fraudstream_tools.lab.training.log_sample import Drawn


class Decided(NamedTuple):
    """A transaction that was judged."""

    transaction_id: str
    timestamp: int
    packed: bytes
    """Its features, as they were judged."""
    points: float
    """The sum of the points of the rules that hit."""
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
    points: NDArray[np.float64]
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
            points=self.points[chosen],
            weights=None if self.weights is None else self.weights[chosen],
        )


def examples(
    decided: Iterable[Decided], known: Mapping[str, KnownOutcome], *, until: int, label_delay_days: float
) -> Examples:
    """Choose what can be learnt from, by what was known at a time and no more.

    A transaction counts once its label would be known: when it is older than the labels' delay. It is fraud if that
    was known by then; else it is legitimate, unless it was declined and nobody said so. Newer ones are left out,
    labelled or not: among them mostly frauds have their label yet.

    Args:
        decided: judged transactions, each one once.
        known: the newest that is known of them by `until`, by transaction id.
        until: the time, epoch milliseconds.
        label_delay_days: days after which a label is known, or will not come.
    """
    left_out = LeftOut()
    numbers, points, labels, times = array("d"), array("d"), array("b"), array("q")
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
        points.append(each.points)
    return _arranged(numbers, labels, times, points, left_out)


def _arranged(
    numbers: array[float], labels: array[int], times: array[int], points: array[float], left_out: LeftOut
) -> Examples:
    timestamps = np.array(times, dtype=np.int64)
    order = np.argsort(timestamps, kind="stable")
    return Examples(
        vectors=np.array(numbers, dtype=np.float64).reshape(-1, len(NAMES))[order],
        labels=np.array(labels, dtype=np.bool_)[order],
        timestamps=timestamps[order],
        points=np.array(points, dtype=np.float64)[order],
        left_out=left_out,
    )


def rule_points(sources: Iterable[str], points: Mapping[str, float]) -> float:
    """Add up the points of the rules that a decision's reasons name.

    They are looked up, since a live model's weight for them may stand in what was logged.

    Args:
        sources: what is behind each reason: the id of a rule, or the name of a feature.
        points: by the ids of the rules.
    """
    return sum(points.get(source, 0.0) for source in sources)
