"""Examples from a decision log, where features stand as they were judged."""

from array import array
from collections.abc import Callable, Collection, Sequence
from math import nan

import numpy as np

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
from fraudstream_tools.lab.training.samples.log_sample import MOST_LEGITIMATE, Drawn, LogSample


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
    numbers, labels, times, strata = array("d"), array("b"), array("q"), array("q")
    known_at, arrived, declined = array("q"), array("d"), array("b")
    propensities, open_approvals = array("d"), array("b")
    counting = [position for position, rule in enumerate(ruleset.rules) if rule in counting_rules(ruleset)]
    hits = bytearray()
    places: dict[tuple[int, int], int] = {}
    for number, row in enumerate(sample.rows(ruleset), start=1):
        is_fraud = row.standing is Standing.FRAUD
        numbers.extend(nan if value is None else value for value in row.values)
        hits.extend([row.truths[position] is True for position in counting])
        labels.append(is_fraud)
        times.append(row.timestamp)
        declined.append(row.declined)
        known_at.append(row.labeled_at if is_fraud else NEVER)
        is_legitimate = row.standing is Standing.LEGITIMATE
        arrived.append(1.0 if is_legitimate else share_arrived(log.arrival, log.horizon, row.timestamp, row.source))
        strata.append(-1 if is_fraud else places.setdefault(row.stratum, len(places)))
        propensities.append((row.exploration_propensity or nan) if is_fraud else nan)
        open_approvals.append(is_fraud and row.approved and not row.declined)
        if on_progress:
            on_progress(number)
    stratum_of = np.array(strata, dtype=np.int64)
    counts: list[int] = np.bincount(stratum_of[stratum_of >= 0], minlength=len(places)).tolist()
    stands_for = sample.weights(dict(zip(places, counts, strict=True)))
    # A fraud stands for itself: the last place, which -1 leads to.
    by_place = np.array([*(stands_for[stratum] for stratum in places), 1.0])
    timestamps, shares = np.array(times, dtype=np.int64), np.array(arrived, dtype=np.float64)
    probabilities = np.array(propensities, dtype=np.float64)
    is_drawn = ~np.isnan(probabilities)
    is_reported = np.array(open_approvals, dtype=np.bool_) & ~is_drawn & sample.drawing.spans(timestamps)
    unseen, explored = unseen_frauds(probabilities, is_reported / shares, sample.drawing)
    stopped = _stopped(sample, ruleset, counting)
    newer = array("d")
    for values in sample.newer_rows():
        newer.extend(nan if value is None else value for value in values)
    return Examples(
        vectors=matrix_of(numbers),
        labels=np.array(labels, dtype=np.bool_),
        timestamps=timestamps,
        hits=RuleHits(ruleset, np.frombuffer(hits, dtype=np.bool_).reshape(len(labels), len(counting))),
        known_at=np.array(known_at, dtype=np.int64),
        arrived=np.where(unseen > 0, 1 / (1 + unseen), shares),
        declined=np.array(declined, dtype=np.bool_),
        stopped=stopped,
        newer=matrix_of(newer),
        arrival=log.arrival,
        delay_days=log.horizon.delay_days,
        weights=None if sample.is_whole else by_place[stratum_of],
        unseen=unseen if unseen.any() else None,
        explored=explored if sample.drawing.drawn else None,
        drawn=Drawn(taken=sum(counts), of=sample.of),
        left_out=LeftOut(
            too_new=sample.strata.too_new,
            declined=sample.strata.declined,
            stopped=sample.strata.stopped,
            other_features=log.unreadable_features(),
            other_kinds=sample.other_kinds,
        ),
    )


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
        RuleHits(ruleset, np.frombuffer(hits, dtype=np.bool_).reshape(number, len(counting))),
        weights=np.full(number, sample.strata.declined / max(number, 1)),
    )
