"""Samples from a decision log: features as they were judged."""

from collections.abc import Iterator
from typing import Final

from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.rules.language.fields import FIELDS
from fraudstream.reporting.log.columns import LINE
from fraudstream.reporting.log.reader.decision_log import DecisionLog
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream_tools.lab.backtest.run import Sample

NOT_LOGGED: Final = tuple(field.name for field in FIELDS if field.name not in LINE and field.name not in NAMES)
"""Fields of rules that the log does not keep: a rule that needs one cannot be judged from it."""


def log_samples(log: DecisionLog) -> Iterator[Sample]:
    """Return every decision of a log as a sample, in the order of time."""
    for logged in log.decisions():
        yield Sample(
            logged.transaction,
            (logged.features,),
            log.standing(logged),
            tuple(logged.listed_as),
            logged.exploration_propensity,
            logged.decision == Verdict.APPROVE,
        )
