"""The decision log's columns as DuckDB and Parquet have them: those of `LogRecord`, by the same names."""

from collections.abc import Mapping
from types import MappingProxyType, NoneType, UnionType
from typing import Any, get_args

import msgspec

from fraudstream.detection.features.named_values import PLACES
from fraudstream.detection.features.registry import Form
from fraudstream.reporting.log import aggregates
from fraudstream.reporting.log.keys import LogTable
from fraudstream.reporting.log.record import LogRecord

_TYPES: Mapping[Any, str] = {
    int: "BIGINT",
    float: "DOUBLE",
    str: "VARCHAR",
    bool: "BOOLEAN",
    tuple[str, ...]: "VARCHAR[]",
    tuple[float, ...]: "DOUBLE[]",
    tuple[float | None, ...]: "DOUBLE[]",
}
RETOLD = "learnt DESC NULLS LAST, loggedAt DESC, actionAt DESC NULLS LAST, fraudType DESC NULLS LAST"
"""The order, as SQL, in which the first line of one label holds: it is logged anew when profiles have learnt it, and
when it is told which kind of fraud it was or what the client did. Two of these may come in the same second."""
_OF_LABELS = ("label", "labelSource", "labeledAt", "learnt", "fraudType", "actionTaken", "actionAt")


def _duckdb_type(kind: Any) -> str:  # noqa: ANN401  (an annotation)
    alternatives = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    (inner_type,) = [each for each in alternatives if each is not NoneType]
    return _TYPES[str if isinstance(inner_type, type) and issubclass(inner_type, str) else inner_type]


LINE: Mapping[str, str] = MappingProxyType(
    {field.encode_name: _duckdb_type(field.type) for field in msgspec.structs.fields(LogRecord)}
)
"""A line of a segment: column to DuckDB's type."""

FEATURES: Mapping[str, str] = MappingProxyType(dict.fromkeys(PLACES, "DOUBLE"))
"""A feature's column in Parquet files: all are of one type, so that a query calculates as rules do."""

DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {column: f"{feature.description} (feature since schema {feature.since})" for column, feature in PLACES.items()}
    | {"featureSchema": "version of the list of features that the feature columns were computed by"}
)
"""What is said of a column where it is defined."""

_AS_JUDGED = {Form.AMOUNT: "::FLOAT::DOUBLE"}
FEATURES_OF_LINES: Mapping[str, str] = MappingProxyType(
    {
        column: f"featureValues[{place}]{_AS_JUDGED.get(feature.form, '')}"
        for place, (column, feature) in enumerate(PLACES.items(), start=1)
    }
)
"""A feature's column to what it is of a segment's line, as SQL."""

TAKEN_APART = ", ".join(f"{value} AS {name}" for name, value in FEATURES_OF_LINES.items())
"""All of them, for the columns of a query."""

_OF_SEGMENTS = {
    "event",
    "featureValues",
    *(name for name in LINE if name.startswith("inline") and name not in {"inlineDecision", "inlineFallback"}),
}

LABELS: tuple[str, ...] = (*(name for name in LINE if name not in _OF_SEGMENTS), *FEATURES)
"""Columns of the Parquet files of labels, in order."""

DECISIONS: tuple[str, ...] = tuple(name for name in LABELS if name not in _OF_LABELS)
"""Columns of the Parquet files of decisions, in order."""

STAGED: Mapping[str, str] = MappingProxyType(
    {name: "BLOB" if name == "features" else kind for name, kind in LINE.items() if name != "featureValues"}
    | dict(FEATURES)
)
"""A line as readers have it: its features taken apart."""

HITS: Mapping[str, str] = MappingProxyType(
    {
        "transactionId": "VARCHAR",
        "receivedAt": "BIGINT",
        "rule": "VARCHAR",
        "mode": "VARCHAR",
        "code": "VARCHAR",
        "points": "DOUBLE",
        "decision": "VARCHAR",
        "currency": "VARCHAR",
        "amountMinor": "BIGINT",
        "amountBase": "DOUBLE",
    }
)
"""A hit of a rule on a decided transaction."""

FILES: Mapping[LogTable, Mapping[str, str]] = MappingProxyType(
    {
        LogTable.DECISIONS: {name: STAGED[name] for name in DECISIONS},
        LogTable.LABELS: {name: STAGED[name] for name in LABELS},
        LogTable.HITS: HITS,
        LogTable.TALLIES: aggregates.COLUMNS,
        LogTable.IDS: {"fingerprint": "BIGINT"},
    }
)
"""A table's Parquet files: column to DuckDB's type, in order."""
