"""What the log says of the transactions received on one day, as tables that SQL can be asked of.

They come from tallies and labels alone, never from the day's transactions themselves: a day of 86 million takes no more
memory than a quiet one, but for the entities that were stopped, and for its labels.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from fraudstream.reporting.log import aggregates
from fraudstream.reporting.log.columns import FILES, LABELS
from fraudstream.reporting.log.keys import LogTable, table_prefix
from fraudstream.reporting.log.reader.given_up import LABELLED
from fraudstream.reporting.storage.download import fetch_all
from fraudstream.reporting.storage.duckdb_engine import connect, listed
from fraudstream.reporting.storage.object_store import digest

if TYPE_CHECKING:
    from fraudstream.reporting.storage.object_store import Store

READ = (LogTable.TALLIES, LogTable.LABELS, LogTable.IDS)
"""What a report is made of."""

Inputs = Mapping[LogTable, Mapping[str, str]]
"""Keys of the files of a day, each with the mark of its content."""


def list_inputs(store: "Store", log_prefix: str, day: date) -> Inputs:
    """Return what the report of a day would be made of."""
    return {table: store.find(table_prefix(log_prefix, table, day)) for table in READ}


class ChangedFilesError(ValueError):
    """Files of the log are not what was written."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Name the files by their keys."""
        super().__init__(", ".join(keys))
        self.keys = keys


def open_day(store: "Store", inputs: Inputs, folder: Path, written: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
    """Download a day's files to a folder, and return a database that holds them.

    It has `tallies` (see `reporting.log.aggregates`; rows of different hours are not added up yet), `labels`
    (every label ever set), `ids` (fingerprints of the transactions that the log tells of), `labelled` (of each decided
    transaction that has a label, the newest), and `truths`: the tallies of `labelled`, with `label` as one more column.

    Args:
        store: where the files are.
        inputs: from `list_inputs`.
        folder: an empty folder, which must outlive the database.
        written: SHA-256 of the files' contents as they were written, by key.

    Raises:
        ChangedFilesError: some of them are not what was written.
        duckdb.Error: a file is not what was written.
    """
    fetched = {table: fetch_all(store, list(inputs[table]), folder / table) for table in READ}
    if changed := [
        key
        for table in READ
        for key, path in zip(inputs[table], fetched[table], strict=True)
        if key in written and digest(path) != written[key]
    ]:
        raise ChangedFilesError(changed)
    connection = connect(folder)
    for table, paths in fetched.items():
        connection.execute(f"CREATE VIEW {table} AS {_select(table, paths)}")
    columns = ", ".join(name for name in LABELS if name != "features")
    connection.execute(f"CREATE TABLE labelled AS {LABELLED.format(columns=columns)}")
    counted = " UNION ALL ".join(f"({query})" for query in aggregates.of_decisions("labelled", by=", label"))
    connection.execute(f"CREATE TABLE truths AS {counted}")
    return connection


def _select(table: LogTable, paths: Sequence[Path]) -> str:
    typed = ", ".join(f"NULL::{kind} AS {name}" for name, kind in FILES[table].items())
    nothing = f"SELECT {typed} WHERE false"
    # A file from before a column was added does not have it.
    return f"{nothing} UNION ALL BY NAME FROM read_parquet({listed(paths)}, union_by_name = true)" if paths else nothing
