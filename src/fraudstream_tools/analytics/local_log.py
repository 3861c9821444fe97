"""Questions to a decision log on this machine, by DuckDB.

The question may be anybody's: DuckDB is shut off from all but the log's files before it sees it, and its settings are
locked. Files of the log can be read so, and nothing can be written, since a question is one SELECT.
"""

import re
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb

from fraudstream.reporting.log.columns import FILES
from fraudstream.reporting.log.keys import LogTable
from fraudstream.reporting.storage.duckdb_engine import connect, listed, quoted
from fraudstream_tools.analytics.answers import LogAnswer, QuestionError

TABLES: Final = (LogTable.DECISIONS, LogTable.LABELS, LogTable.HITS, LogTable.TALLIES)
"""Those that can be asked, as in Athena."""
_NO_TIME_ZONE: Final = "pytz"


def ask_folder(folder: Path, sql: str, values: Sequence[str], limit: int) -> LogAnswer:
    """Ask the merged hours of a decision log.

    Args:
        folder: the log's, with `decisions/`, `labels/`, `hits/` and `tallies/`.
        sql: one SELECT over these tables; each has the column `date` besides its own, as text.
        values: take the places of the question marks, in order.
        limit: rows that are returned at most.

    Raises:
        QuestionError: there is no merged hour, or DuckDB does not answer the question.
    """
    files = {table: sorted(folder.glob(f"{table}/date=*/*.parquet")) for table in TABLES}
    if not any(files.values()):
        raise QuestionError(f"{folder}: {_nothing_to_ask(folder)}")
    with tempfile.TemporaryDirectory() as spill, connect(Path(spill)) as connection:
        try:
            open_tables(connection, folder, {table: files[table] for table in TABLES if _is_named(table, sql)})
            _refuse_all_but_one_select(connection, sql)
            found = connection.execute(sql, list(values))
            columns = [name for name, *_ in found.description or ()]
            rows = found.fetchmany(limit + 1)
        except duckdb.Error as error:
            raise QuestionError(_explained(error)) from None
    return LogAnswer(columns=columns, rows=rows[:limit], has_more=len(rows) > limit)


def _nothing_to_ask(folder: Path) -> str:
    """Return what is missing in a folder, and what to do about it."""
    named = shlex.quote(str(folder))
    if any(folder.glob("segments/date=*/*/*")):
        return (
            "none of its hours is merged yet; the bucket's are merged when they are over, and "
            f"`fraudstream report --log {named} --date DAY` merges those of a day that are here"
        )
    return (
        f"there is no merged hour of a decision log; copy some with `fraudstream log pull {named}`, or name the folder "
        "that has decisions/ and tallies/ in it with --log"
    )


def _is_named(table: LogTable, sql: str) -> bool:
    # Opening a table reads the footer of each of its files.
    return re.search(rf"\b{table}\b", sql, re.IGNORECASE) is not None


def open_tables(connection: duckdb.DuckDBPyConnection, folder: Path, files: Mapping[LogTable, Sequence[Path]]) -> None:
    """Define tables of a log's files, and shut the database off from all others, for good.

    Args:
        connection: a database.
        folder: the log's.
        files: by table.

    Raises:
        duckdb.Error: a file is no Parquet.
    """
    for table, found in files.items():
        # A file from before a column was added does not have it.
        typed = ", ".join(f"NULL::{kind} AS {name}" for name, kind in FILES[table].items())
        nothing = f'SELECT {typed}, NULL::VARCHAR AS "date" WHERE false'
        read = f"FROM read_parquet({listed(found)}, union_by_name = true, hive_partitioning = true, "
        more = f" UNION ALL BY NAME {read}hive_types_autocast = false)" if found else ""
        connection.execute(f"CREATE VIEW {table} AS {nothing}{more}")
    # The log's days are UTC's, as Athena's are: DuckDB would take today from this machine's time zone.
    connection.execute("SET TimeZone = 'UTC'")
    folders = ", ".join(quoted(folder / table) for table in files)
    connection.execute(f"SET allowed_directories = [{folders}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _refuse_all_but_one_select(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = connection.extract_statements(sql)
    # COPY could write among the log's files, which may be read.
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QuestionError("a question is one SELECT: nothing else is run, and no second statement")


def _explained(error: duckdb.Error) -> str:
    said = str(error)
    if _NO_TIME_ZONE in said:
        return "a column is a time with a time zone: cast it to varchar or to timestamp"
    # DuckDB shows the place in the statement below.
    return f"DuckDB does not answer: {said.strip()}"
