"""DuckDB, set up for a function that has little memory, two cores and no network."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

MEMORY_LIMIT = "1200MB"
"""What DuckDB may hold; the rest of the function's memory is Python's, and for what DuckDB does not count. Beyond it,
tables spill into the folder."""
THREADS = 2


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


def write_parquet(connection: duckdb.DuckDBPyConnection, query: str, path: Path, *, compression: str = "zstd") -> None:
    """Write a query's rows to a Parquet file.

    Raises:
        duckdb.Error: a row of the log is not what was written.
    """
    connection.execute(f"COPY ({query}) TO {quoted(path)} (FORMAT parquet, COMPRESSION {compression})")
