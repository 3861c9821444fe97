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
from fraudstream.reporting.storage.duckdb_engine import quoted, write_parquet

LACKING: Final = "features IS NOT NULL AND featureSchema IS NULL"
"""Whether a row's features were not taken apart, as SQL; they cannot be where they are damaged."""
_ROWS: Final = 5000
"""Taken apart at once."""
_ENCODER: Final = msgspec.json.Encoder()


def with_features(connection: duckdb.DuckDBPyConnection, rows: Path, path: Path) -> Path:
    """Return a Parquet file of lines whose features are taken apart: the same one, if there is nothing to do.

    Args:
        connection: a database.
        rows: Parquet file with the columns of `STAGED`; it goes if there is another one in its place.
        path: where to.

    Raises:
        duckdb.Error: DuckDB could not do its work.
    """
    source = f"read_parquet({quoted(rows)}, file_row_number = true)"
    ((lacking,),) = connection.execute(f"SELECT count(*) FROM {source} WHERE {LACKING}").fetchall()
    if not lacking:
        return rows
    taken = path.with_suffix(".jsonl.gz")
    query = f"SELECT file_row_number, features FROM {source} WHERE {LACKING}"
    write_taken_apart(connection, query, ("row",), taken)
    replaced = ", ".join(f"coalesce(r.{name}, t.{name}) AS {name}" for name in ("featureSchema", *FEATURES))
    write_parquet(
        connection,
        f"SELECT r.* EXCLUDE (file_row_number) REPLACE ({replaced}) FROM {source} AS r "
        f"LEFT JOIN {taken_apart(taken, {'row': 'BIGINT'})} AS t ON r.file_row_number = t.row",
        path,
        compression="lz4_raw",
    )
    taken.unlink()
    rows.unlink()
    return path


def write_taken_apart(connection: duckdb.DuckDBPyConnection, query: str, keys: Sequence[str], path: Path) -> None:
    """Write the features of packed vectors as compressed JSON lines.

    Args:
        connection: a database.
        query: gives the keys of a row, and its packed vector.
        keys: names of the keys.
        path: where to.
    """
    # Of its own: its rows are fetched while others may be.
    found = connection.cursor().execute(query)
    with gzip.open(path, "wb", compresslevel=1) as file:
        while rows := found.fetchmany(_ROWS):
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
    values = ", ".join(f"values[{place}] AS {name}" for place, name in enumerate(FEATURES, start=1))
    return (
        f"(SELECT {', '.join(keys)}, schema AS featureSchema, {values} FROM read_json({quoted(path)}, "
        f"format = 'newline_delimited', compression = 'gzip', columns = {{{columns}}}))"
    )


_VECTOR: Final = {"schema": "BIGINT", "values": "DOUBLE[]"}
