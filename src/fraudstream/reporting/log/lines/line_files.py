"""Files of parsed lines of the log: one, or one for each range of customers where there are too many lines to sort."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from fraudstream.reporting.log.columns import TAKEN_APART
from fraudstream.reporting.storage.duckdb_engine import listed, quoted, write_parquet
from fraudstream.transactions.pseudonyms.tokens import TOKEN_PREFIX

_FIRST_THAT_DIFFERS: Final = len(TOKEN_PREFIX) + 1
"""Place of the first character that differs from one token to another."""
_CHARACTERS: Final = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
"""What that may be, in the order in which texts are compared."""
_OF_A_RANGE: Final = 2
"""Characters with which a range's tokens begin: that makes 32 ranges, each about a group of rows of 3.6 million."""
_RANGE: Final = (
    f"coalesce(instr('{_CHARACTERS}', substr(customerId, {_FIRST_THAT_DIFFERS}, 1)) + 1, 0) // {_OF_A_RANGE}"
)
_RANGES: Final = (len(_CHARACTERS) + 1) // _OF_A_RANGE + 1
_HELD_ROWS: Final = 120_000
"""Rows that a thread holds before it adds them to the ranges' files: more take too much memory, fewer more time."""
_GROUP_ROWS: Final = 4_096
"""Rows of a group in a range's file. Until it has as many, each of the open files holds its rows too: where groups are
as long as elsewhere, that is more than the function has, and what DuckDB holds goes to the disk and back."""

TEXT_OF_FEATURES: Final = "featureText"
"""Column for the list of a line's features as it stands there."""


@dataclass(frozen=True)
class LineFiles:
    """Parquet files of parsed lines."""

    path: Path
    """The file, or a folder of files if they are divided."""
    divided: bool = False
    """Whether there is a file for each range of customers."""
    as_text: bool = False
    """Whether the features are text still, which `rows` takes apart: to divide one column takes less time than many."""

    def write(self, connection: duckdb.DuckDBPyConnection, query: str) -> None:
        """Write a query's rows, instead of those that are there.

        Args:
            connection: a database.
            query: gives lines.

        Raises:
            duckdb.Error: a row of the log is not what was written.
        """
        if not self.divided:
            write_parquet(connection, query, self.path, compression="lz4_raw")
            return
        connection.execute(f"SET partitioned_write_flush_threshold = {_HELD_ROWS}")
        connection.execute(
            f"COPY (SELECT *, {_RANGE} AS range FROM ({query})) TO {quoted(self.path)} "
            f"(FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE {_GROUP_ROWS}, PARTITION_BY (range), OVERWRITE)"
        )
        if not any(self._files()):
            self.path.joinpath("range=0").mkdir(parents=True, exist_ok=True)
            write_parquet(connection, query, self.path / "range=0" / "none.parquet")

    def remove(self) -> None:
        """Remove the files."""
        if self.divided:
            shutil.rmtree(self.path)
        else:
            self.path.unlink()

    @property
    def rows(self) -> str:
        """Return the lines as a table in SQL: in the order of the ranges, with `filename` and `file_row_number`."""
        files = listed(self._files())
        rows = f"read_parquet({files}, filename = true, file_row_number = true, hive_partitioning = false)"
        if not self.as_text:
            return rows
        # What is no list of numbers gives none, as where a line is parsed whole.
        lists = f"SELECT *, TRY_CAST({TEXT_OF_FEATURES} AS DOUBLE[]) AS featureValues FROM {rows}"
        return f"(SELECT * EXCLUDE ({TEXT_OF_FEATURES}, featureValues), {TAKEN_APART} FROM ({lists}))"

    def _files(self) -> Iterator[Path]:
        if not self.divided:
            yield self.path
            return
        for range_number in range(_RANGES):
            yield from sorted(self.path.glob(f"range={range_number}/*.parquet"))
