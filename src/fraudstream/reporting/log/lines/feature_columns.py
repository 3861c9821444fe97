"""Feature columns of what lacks them: lines that an older version wrote have their features in the packed form alone.

DuckDB takes no packed bytes apart, so that is done here, once: what is merged has the columns.
"""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from fraudstream.detection.features.named_values import exact
from fraudstream.reporting.log.columns import FEATURES
from fraudstream.reporting.log.lines.line_files import LineFiles
from fraudstream.reporting.storage.duckdb_engine import quoted

LACKING: Final = "features IS NOT NULL AND featureSchema IS NULL"
"""Whether a row's features were not taken apart, as SQL; they cannot be where they are damaged."""
_ROWS: Final = 5000
"""Taken apart at once."""
_ENCODER: Final = msgspec.json.Encoder()


def with_features(connection: duckdb.DuckDBPyConnection, lines: LineFiles, other: LineFiles) -> LineFiles:
    """Return lines whose features are taken apart: the same files, if there is nothing to do.

    Args:
        connection: a database.
        lines: files with the columns of `STAGED`; they go if there are others in their place.
        other: where to.

    Raises:
        duckdb.Error: DuckDB could not do its work.
    """
    ((lacking,),) = connection.execute(f"SELECT count(*) FROM {lines.rows} WHERE {LACKING}").fetchall()
    if not lacking:
        return lines
    taken = other.path.with_suffix(".jsonl.gz")
    query = f"SELECT filename, file_row_number, features FROM {lines.rows} WHERE {LACKING}"
    write_taken_apart(connection, query, tuple(_PLACE), taken)
    replaced = ", ".join(f"coalesce(r.{name}, t.{name}) AS {name}" for name in ("featureSchema", *FEATURES))
    other.write(
        connection,
        f"SELECT r.* EXCLUDE (filename, file_row_number) REPLACE ({replaced}) FROM {lines.rows} AS r "
        f"LEFT JOIN {taken_apart(taken, _PLACE)} AS t USING (filename, file_row_number)",
    )
    taken.unlink()
    lines.remove()
    return other


def write_taken_apart(connection: duckdb.DuckDBPyConnection, query: str, keys: Sequence[str], path: Path) -> None:
    """Write the features of packed vectors as compressed JSON lines.

    Args:
        connection: a database.
        query: gives the keys of a row, and its packed vector.
        keys: names of the keys.
        path: where to.
    """
    # Of its own: its rows are fetched while others may be.
    cursor = connection.cursor().execute(query)
    with gzip.open(path, "wb", compresslevel=1) as file:
        while rows := cursor.fetchmany(_ROWS):
            file.write(_ENCODER.encode_lines(list(_lines(rows, keys))))


def _lines(rows: Sequence[Sequence[object]], keys: Sequence[str]) -> Iterator[dict[str, object]]:
    for *names, packed in rows:
        vector = exact(packed) if isinstance(packed, bytes) else None
        if vector is not None:
            yield {**dict(zip(keys, names, strict=True)), "schema": vector.schema, "values": vector.values}


def taken_apart(path: Path, keys: dict[str, str]) -> str:
    """Return what `write_taken_apart` wrote as a table in SQL: the keys, `featureSchema` and the features' columns.

    Args:
        path: the file.
        keys: names of the keys, with DuckDB's types.
    """
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in (keys | _VECTOR).items())
    values = ", ".join(f"values[{position}] AS {name}" for position, name in enumerate(FEATURES, start=1))
    return (
        f"(SELECT {', '.join(keys)}, schema AS featureSchema, {values} FROM read_json({quoted(path)}, "
        f"format = 'newline_delimited', compression = 'gzip', columns = {{{columns}}}))"
    )


_PLACE: Final = {"filename": "VARCHAR", "file_row_number": "BIGINT"}
_VECTOR: Final = {"schema": "BIGINT", "values": "DOUBLE[]"}
