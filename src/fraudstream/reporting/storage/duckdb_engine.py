"""DuckDB, set up for a function that has little memory, two cores and no network."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

MEMORY_LIMIT = "1200MB"
"""What DuckDB may hold; the rest of the function's memory is Python's, and for what DuckDB does not count. Beyond it,
tables spill into the folder."""
THREADS = 2
GROUP_ROWS = 122_880
"""DuckDB's own default: whole vectors, and columns long enough to compress well."""


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """Return a database in memory.

    Args:
        folder: where DuckDB may put what does not fit into memory.
    """
    connection = duckdb.connect(
        config={
            # Nothing is ever fetched: json and parquet are part of the wheel, and inside the VPC there is nowhere to
            # fetch from.
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": str(folder / "spill"),
            "memory_limit": MEMORY_LIMIT,
            "threads": THREADS,
        }
    )
    # It would appear in the function's log.
    connection.execute("SET enable_progress_bar = false")
    return connection


def quoted(path: Path) -> str:
    """Return a path as SQL, for statements that allow no parameter."""
    return "'" + str(path).replace("'", "''") + "'"


def listed(paths: Iterable[Path]) -> str:
    """Return paths as a list in SQL."""
    return "[" + ", ".join(quoted(path) for path in paths) + "]"


def write_parquet(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    path: Path,
    *,
    compression: str = "zstd",
    group_rows: int = GROUP_ROWS,
) -> None:
    """Write a query's rows to a Parquet file.

    Args:
        connection: a database.
        query: gives the rows.
        path: where to.
        compression: of the columns.
        group_rows: rows of a group, whose least and greatest values the file tells.

    Raises:
        duckdb.Error: a row of the log is not what was written.
    """
    connection.execute(
        f"COPY ({query}) TO {quoted(path)} (FORMAT parquet, COMPRESSION {compression}, ROW_GROUP_SIZE {group_rows})"
    )
