"""In which form two times' features can be compared: a value that grows while nothing happens is no drift.

A profile fills before it settles: a count over 30 days is smaller in a log's first weeks than ever after. So a feature
is compared only if the baseline, the model's newest weeks, began when memory was as long as the feature looks back.
Ages grow for ever, so they are compared by how many are younger than a day, a week and a month, which stay where
newcomers come as before.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from fraudstream.detection.features.own import INPUTS
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.models.model import Distribution, ModelFile
from fraudstream.durations import DAY

BASELINE_DAYS: Final = 28
"""The newest days of a model's training are what later days are compared with; a month's pay days are among them."""

_OLDEST_DAYS: Final = 30
"""From this age on, all are alike; own choice: the longest window of a feature."""
_IN_DAYS: Final = (0.0, 1.0, 7.0, float(_OLDEST_DAYS))
_IN_HOURS: Final = tuple(24 * days for days in _IN_DAYS)
AGE_CUTS: Final[Mapping[str, tuple[float, ...]]] = MappingProxyType(
    {
        name: _IN_DAYS if name.endswith("Days") else _IN_HOURS
        for name in NAMES
        # That of a terminal's frauds ends with the window in which they count.
        if name.endswith(("AgeDays", "AgeHours")) and "Fraud" not in name
    }
)
"""Bins of ages, the same at each training: an age of the first bin is 0, new."""
GROWING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "localWeekday": "one day has one of it",
        "customerAmountCount": "it grows with the customer's age, which is compared",
        "customerDevicesKnown": "it grows with the customer's age, and so slowly that no baseline is old enough",
        "customerPayeesKnown": "it grows with the customer's age, and so slowly that no baseline is old enough",
    }
)
"""Features that are never compared, and why."""
_LEARNT_SLOWLY: Final = frozenset(
    {
        *("customerAmountMean", "customerAmountRatio", "customerAmountDeviations", "customerHourShare"),
        "customerPayeePeak",
        *("merchantAmountRatio", "terminalAmountRatio"),
        *(
            "customerIdleDays",
            "refundSearchedDays",
            "travelKm",
            "travelHours",
            "travelKmPerHour",
            "cardTravelKmPerHour",
        ),
    }
)
"""Means and habits of all that was ever seen, and times since the last one: after a month a day changes little."""
_WINDOW: Final = re.compile(r"(\d+)(h|d)$")


class ComparedFeatures(NamedTuple):
    """What of a model's baseline can be compared with another day."""

    compared: dict[str, Distribution]
    """By feature."""
    left_out: dict[str, str]
    """Why, by feature."""


def comparison(file: ModelFile) -> ComparedFeatures:
    """Choose which features of a model's baseline can be compared with later transactions."""
    memory = (baseline_start(file.training.first, file.training.last) - file.training.first) / DAY
    compared: dict[str, Distribution] = {}
    left_out: dict[str, str] = {}
    for name in INPUTS:
        known = file.distributions.get(name)
        if known is None:
            continue
        needed = looks_back_days(name, file.label_delay_days)
        if name in GROWING:
            left_out[name] = GROWING[name]
        elif name in AGE_CUTS and known.cuts != AGE_CUTS[name]:
            left_out[name] = "the model was trained by a version that did not compare ages by the same bins"
        elif memory < needed:
            left_out[name] = (
                f"it takes {needed:g} days to settle, and the baseline began {memory:.0f} days after the log"
            )
        else:
            compared[name] = known
    return ComparedFeatures(compared, left_out)


def baseline_start(first: int, last: int) -> int:
    """Return when the baseline of a model begins.

    Args:
        first: the time of the first transaction that it learnt from, epoch milliseconds.
        last: that of the last one.
    """
    return max(first, last - BASELINE_DAYS * DAY)


def looks_back_days(name: str, label_delay_days: float) -> float:
    """Return after how many days of memory a feature's values have settled.

    Args:
        name: the feature.
        label_delay_days: after which labels are known; features that count frauds wait for them.
    """
    waits = label_delay_days if "Fraud" in name else 0
    if window := _WINDOW.search(name):
        return int(window[1]) / (24 if window[2] == "h" else 1) + waits
    is_long = waits or name in AGE_CUTS or name in _LEARNT_SLOWLY
    return _OLDEST_DAYS + waits if is_long else 0
