"""A vector's values one by one: what the decision log carries beside the packed form, for engines that speak SQL.

A value has a place in the log's list and a column of its own in the log's Parquet files. Both stay for ever: places
follow the schemas that brought the features, oldest first, and a column holds one meaning only.
"""

import struct
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from fraudstream.detection.features.codec import FeatureError, schema_of, unpack
from fraudstream.detection.features.own import VALUES
from fraudstream.detection.features.registry import DECLARED, FEATURES, Feature, Form

_SINGLE: Final = struct.Struct("<f")


class ListedVector(NamedTuple):
    """A vector as the log lists it."""

    schema: int
    """Schema of the features that were computed."""
    values: tuple[float | None, ...]
    """In the order of `PLACES`; None for what is missing."""


def _columns_of(declared: Sequence[Feature]) -> dict[str, Feature]:
    """Return features by column: a name that is declared again, with another meaning, gets the schema behind it."""
    columns: dict[str, Feature] = {}
    for feature in sorted(declared, key=lambda each: each.since):
        columns[f"{feature.name}_{feature.since}" if feature.name in columns else feature.name] = feature
    return columns


PLACES: Final[Mapping[str, Feature]] = MappingProxyType(_columns_of(DECLARED))
"""Column to feature, retired ones too, in the order of a list's values."""
COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {feature.name: column for column, feature in PLACES.items() if not feature.retired}
)
"""Name of a feature, as rules write it, to the column of its meaning."""

INPUT_COLUMNS: Final[Mapping[str, str]] = MappingProxyType({**COLUMNS, **{each.name: each.sql for each in VALUES}})
"""What a model sees to what it is of a row of the log, as SQL: a column, or what follows from the logged fields."""

_FROM_VECTOR: Final = [FEATURES.index(feature) if feature in FEATURES else None for feature in PLACES.values()]
_SINGLES: Final = [place for place, feature in enumerate(PLACES.values()) if feature.form is Form.AMOUNT]


def listed(packed: bytes) -> ListedVector | None:
    """Return a packed vector as a list of numbers; None where there is none that this version can read.

    Numbers in single precision have as many digits as tell them apart: read as single precision, they are exact.
    """
    values = _values(packed)
    if values is None:
        return None
    for place in _SINGLES:
        if value := values[place]:
            values[place] = _shortest(value)
    whole = [int(value) if value is not None and value.is_integer() else value for value in values]
    return ListedVector(schema_of(packed), tuple(whole))


def exact(packed: bytes) -> ListedVector | None:
    """Return a packed vector's values as they were judged; None where there is none that this version can read."""
    values = _values(packed)
    return None if values is None else ListedVector(schema_of(packed), tuple(values))


def _values(packed: bytes) -> list[float | None] | None:
    try:
        vector = unpack(packed)
    except FeatureError:
        return None
    return [None if place is None else vector[place] for place in _FROM_VECTOR]


def _shortest(value: float) -> float:
    for digits in (7, 8):
        shorter = float(f"{value:.{digits}g}")
        if _SINGLE.unpack(_SINGLE.pack(shorter))[0] == value:
            return shorter
    return float(f"{value:.9g}")
