"""The decision log's columns as DuckDB and Parquet have them: those of `LogRecord`, by the same names."""

from collections.abc import Mapping
from types import MappingProxyType, NoneType, UnionType
from typing import Any, get_args

import msgspec

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
}
_OF_LABELS = ("label", "labelSource", "labeledAt", "learnt")


def _duckdb_type(kind: Any) -> str:  # noqa: ANN401  (an annotation)
    alternatives = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    (one,) = [each for each in alternatives if each is not NoneType]
    return _TYPES[str if isinstance(one, type) and issubclass(one, str) else one]


LINE: Mapping[str, str] = MappingProxyType(
    {field.encode_name: _duckdb_type(field.type) for field in msgspec.structs.fields(LogRecord)}
)
"""A line of a segment: column to DuckDB's type."""

_OF_SEGMENTS = {"event", *(name for name in LINE if name.startswith("inline") and name != "inlineDecision")}

LABELS: tuple[str, ...] = tuple(name for name in LINE if name not in _OF_SEGMENTS)
"""Columns of the Parquet files of labels, in order."""

DECISIONS: tuple[str, ...] = tuple(name for name in LABELS if name not in _OF_LABELS)
"""Columns of the Parquet files of decisions, in order."""

_STORED: Mapping[str, str] = {**LINE, "features": "BLOB"}

FILES: Mapping[LogTable, Mapping[str, str]] = MappingProxyType(
    {
        LogTable.DECISIONS: {name: _STORED[name] for name in DECISIONS},
        LogTable.LABELS: {name: _STORED[name] for name in LABELS},
        LogTable.TALLIES: aggregates.COLUMNS,
        LogTable.IDS: {"fingerprint": "BIGINT"},
    }
)
"""A table's Parquet files: column to DuckDB's type, in order."""
