"""A day's drift, from a sample of its decisions: the log holds the features as they were judged."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from fraudstream.detection.features.codec import FeatureError, unpack
from fraudstream.detection.features.own import inputs
from fraudstream.detection.features.registry import Vector
from fraudstream.detection.models.drift import Drift, measure
from fraudstream.detection.models.model import Model
from fraudstream.reporting.log.keys import LogTable, table_prefix
from fraudstream.reporting.log.reader.decision_log import LoggedDecision, open_log
from fraudstream.reporting.log.segments import SUFFIX, day_prefix
from fraudstream.reporting.storage.download import fetch_all

if TYPE_CHECKING:
    from fraudstream.reporting.storage.object_store import Store

OBJECTS: Final = 144
"""Six an hour, spread evenly over the day. What is busy has larger segments, and so its part of the sample."""
TRANSACTIONS: Final = 20_000
"""At most; their features and scores take about two seconds."""


T = TypeVar("T")


def drift_of(store: "Store", log_prefix: str, day: date, model: Model) -> Drift | None:
    """Measure how far the transactions logged on a day are from those that a model learnt from.

    Returns:
        None if there are too few to tell.

    Raises:
        DecisionLogError: nothing of the day's log can be read.
    """
    segments = [key for key in store.find(day_prefix(log_prefix, day)) if key.endswith(SUFFIX)]
    # Segments go first; what was merged of them stays.
    keys = segments or list(store.find(table_prefix(log_prefix, LogTable.DECISIONS, day)))
    if not keys:
        return None
    with tempfile.TemporaryDirectory() as name:
        fetch_all(store, _spread(keys, OBJECTS), Path(name) / "log")
        with open_log(Path(name) / "log") as log:
            return measure(model, list(_vectors(log.sample(TRANSACTIONS))))


def _spread(items: Sequence[T], most: int) -> list[T]:
    return [items[place * len(items) // most] for place in range(most)] if len(items) > most else list(items)


def _vectors(sample: Iterable[LoggedDecision]) -> Iterator[Vector]:
    for logged in sample:
        try:
            yield inputs(unpack(logged.features), logged.transaction)
        # One of another version is left out of the sample.
        except FeatureError:
            continue
