"""Examples from a decision log, where features stand as they were judged."""

from array import array
from collections.abc import Callable, Collection, Sequence
from math import nan

import numpy as np
from numpy.typing import NDArray

from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.reporting.log.reader.decision_log import DecisionLog
from fraudstream.reporting.log.reader.files import DecisionLogError
from fraudstream.reporting.log.reader.standing import Standing
from fraudstream.transactions.decisions.decision import FraudType
from fraudstream_tools.lab.training.rules.rule_hits import RuleHits, counting_rules
from fraudstream_tools.lab.training.samples.examples import (
    NEVER,
    Examples,
    LeftOut,
    matrix_of,
    share_arrived,
    stopped_examples,
)
from fraudstream_tools.lab.training.samples.explored import unseen_frauds
from fraudstream_tools.lab.training.samples.log_sample import MOST_LEGITIMATE, Drawn, LogSample, SampledRow


def from_log(
    log: DecisionLog,
    ruleset: Ruleset,
    on_progress: Callable[[int], None] | None = None,
    *,
    most: int = MOST_LEGITIMATE,
    without: Collection[FraudType] = (),
) -> Examples:
    """Read examples from a decision log: each decision once, with the newest of its labels that is known.

    All frauds are taken, and of the rest a sample; memory grows with it, and not with the log.

    Args:
        log: opened as of the time up to which anything may be known.
        ruleset: whose rules are asked of each transaction, whatever rules there were then.
        on_progress: told how many decisions were taken.
        most: legitimate transactions that are taken, on average.
        without: kinds of fraud that are left out.

    Raises:
        DecisionLogError: there is no decision or no label in it, or it cannot be read.
    """
    if not log.decisions_count:
        raise DecisionLogError("there is no decision in the decision log: nothing can be learnt from it")
    if not log.is_labelled:
        raise DecisionLogError("there is no label in the decision log: nothing can be learnt from it")
    sample = LogSample(log, most, without)
    counting = [position for position, rule in enumerate(ruleset.rules) if rule in counting_rules(ruleset)]
    rows = _Rows(log, counting)
    for number, row in enumerate(sample.rows(ruleset), start=1):
        rows.add(row)
        if on_progress:
            on_progress(number)
    legitimate, weights = rows.weights(sample)
    timestamps, arrived = np.array(rows.times, dtype=np.int64), np.array(rows.arrived, dtype=np.float64)
    propensities = np.array(rows.propensities, dtype=np.float64)
    is_drawn = ~np.isnan(propensities)
    is_reported = np.array(rows.open_approvals, dtype=np.bool_) & ~is_drawn & sample.drawing.spans(timestamps)
    unseen, explored = unseen_frauds(propensities, is_reported / arrived, sample.drawing)
    stopped = _stopped(sample, ruleset, counting)
    newer = array("d")
    for values in sample.newer_rows():
        newer.extend(nan if value is None else value for value in values)
    return Examples(
        vectors=matrix_of(rows.numbers),
        labels=np.array(rows.labels, dtype=np.bool_),
        timestamps=timestamps,
        hits=_hits(ruleset, rows.hits, len(timestamps), counting),
        known_at=np.array(rows.known_at, dtype=np.int64),
        arrived=np.where(unseen > 0, 1 / (1 + unseen), arrived),
        declined=np.array(rows.declined, dtype=np.bool_),
        stopped=stopped,
        newer=matrix_of(newer),
        arrival=log.arrival,
        delay_days=log.horizon.delay_days,
        weights=None if sample.is_whole else weights,
        unseen=unseen if unseen.any() else None,
        explored=explored if sample.drawing.drawn else None,
        drawn=Drawn(taken=legitimate, of=sample.of),
        left_out=LeftOut(
            too_new=sample.strata.too_new,
            declined=sample.strata.declined,
            stopped=sample.strata.stopped,
            other_features=log.unreadable_features(),
            other_kinds=sample.other_kinds,
        ),
    )


class _Rows:
    """What is read of a log's labelled decisions, in columns."""

    def __init__(self, log: DecisionLog, counting: Sequence[int]) -> None:
        self._log = log
        self._counting = counting
        self.numbers, self.labels, self.times, self.known_at = array("d"), array("b"), array("q"), array("q")
        self.hits = bytearray()
        self.arrived, self.declined = array("d"), array("b")
        self.propensities, self.open_approvals = array("d"), array("b")
        self._strata = array("q")
        """Of each row the place of its stratum below; -1 of a fraud."""
        self._places: dict[tuple[int, int], int] = {}

    def add(self, row: SampledRow) -> None:
        is_fraud, is_legitimate = row.standing is Standing.FRAUD, row.standing is Standing.LEGITIMATE
        arrival, horizon = self._log.arrival, self._log.horizon
        self.numbers.extend(nan if value is None else value for value in row.values)
        self.hits.extend([row.truths[position] is True for position in self._counting])
        self.labels.append(is_fraud)
        self.times.append(row.timestamp)
        self.declined.append(row.declined)
        self.known_at.append(row.labeled_at if is_fraud else NEVER)
        self.arrived.append(1.0 if is_legitimate else share_arrived(arrival, horizon, row.timestamp, row.source))
        self._strata.append(-1 if is_fraud else self._places.setdefault(row.stratum, len(self._places)))
        self.propensities.append((row.exploration_propensity or nan) if is_fraud else nan)
        self.open_approvals.append(is_fraud and row.approved and not row.declined)

    def weights(self, sample: LogSample) -> tuple[int, NDArray[np.float64]]:
        """Return how many are legitimate, and for how many transactions each one stands."""
        strata = np.array(self._strata, dtype=np.int64)
        counts: list[int] = np.bincount(strata[strata >= 0], minlength=len(self._places)).tolist()
        stands_for = sample.weights(dict(zip(self._places, counts, strict=True)))
        # A fraud stands for itself: the last place, which -1 leads to.
        by_place = np.array([*(stands_for[stratum] for stratum in self._places), 1.0])
        return sum(counts), by_place[strata]


def _hits(ruleset: Ruleset, hits: bytearray, rows: int, counting: Sequence[int]) -> RuleHits:
    """Return which rules hit which rows, given a byte for each of the rules that count, row after row."""
    return RuleHits(ruleset, np.frombuffer(hits, dtype=np.bool_).reshape(rows, len(counting)))


def _stopped(sample: LogSample, ruleset: Ruleset, counting: Sequence[int]) -> Examples:
    """Return what was declined and has no label; `counting` are the places of the rules that count."""
    numbers, times, hits = array("d"), array("q"), bytearray()
    for row in sample.stopped_rows(ruleset):
        numbers.extend(nan if value is None else value for value in row.values)
        hits.extend([row.truths[position] is True for position in counting])
        times.append(row.timestamp)
    number = len(times)
    return stopped_examples(
        matrix_of(numbers),
        np.array(times, dtype=np.int64),
        _hits(ruleset, hits, number, counting),
        weights=np.full(number, sample.strata.declined / max(number, 1)),
    )
