"""The segments of one hour of the log, merged into Parquet files that hold each event once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from fraudstream.reporting.log import aggregates
from fraudstream.reporting.log.columns import DECISIONS, FILES, HITS, LABELS, RETOLD
from fraudstream.reporting.log.keys import LogTable, midnight, milliseconds
from fraudstream.reporting.log.lines.feature_columns import with_features
from fraudstream.reporting.log.lines.line_files import LineFiles
from fraudstream.reporting.log.lines.staging import promised_lines, stage
from fraudstream.reporting.log.record import NO_CURRENCY
from fraudstream.reporting.storage.duckdb_engine import GROUP_ROWS, connect, listed, quoted, write_parquet

FINGERPRINT = "(md5_number_lower(transactionId) >> 24)::BIGINT"
"""Forty bits of a transaction's id, as SQL. Of 86 million ids one in 12,700 unknown ones looks like a known one."""

DECISIONS_A_GROUP = GROUP_ROWS
MOST_SORTED = 600_000
"""Lines that are sorted by customer, about half of them decisions. DuckDB runs out of the function's memory where it
sorts millions of rows as wide as these, on disk too: more lines are divided by ranges of customers."""

_KEYS = f"""
CREATE TABLE keys AS
    SELECT transactionId, min(receivedAt) AS receivedAt,
        min(loggedAt) FILTER (event IN ('STORED', 'UNREADABLE')) AS storedAt,
        min(decidedAt) AS decidedAt, max(loggedAt) AS loggedAt, count(*) FILTER (event = 'DECIDED') AS decisions,
        max(CASE WHEN inlineDecision IS NOT NULL THEN '{aggregates.INLINE_ANSWERED}' ELSE inlineFallback END)
            FILTER (event = 'STORED') AS inline
    FROM stage WHERE event <> 'LABELED' GROUP BY transactionId
"""
# Of copies, which are all the same, the first.
_REPEATS = """
CREATE TABLE repeats AS
    SELECT filename, file_row_number FROM (
        SELECT filename, file_row_number, row_number() OVER (
            PARTITION BY transactionId ORDER BY decidedAt, loggedAt, filename, file_row_number) AS place
        FROM stage SEMI JOIN (SELECT transactionId FROM keys WHERE decisions > 1) USING (transactionId)
        WHERE event = 'DECIDED'
    ) WHERE place > 1
"""
# Whatever is asked of a customer is in one group of rows, or in two that follow each other.
_ORDER = " ORDER BY customerId, receivedAt, transactionId"
_HITS = f"""
    SELECT {", ".join(HITS)} FROM (
        SELECT * EXCLUDE (points), unnest(sources) AS rule, 'LIVE' AS mode, unnest(reasons) AS code,
            unnest(points) AS points
        FROM {{decisions}} WHERE len(sources) > 0
    ) WHERE code NOT IN ({aggregates.NO_RULES})
    UNION ALL SELECT {", ".join(HITS)} FROM (
        SELECT * EXCLUDE (points), unnest(shadowHits) AS rule, 'SHADOW' AS mode, NULL AS code, NULL AS points
        FROM {{decisions}} WHERE len(shadowHits) > 0
    )
    ORDER BY rule, mode, receivedAt, transactionId
"""
_LABELS = f"""
CREATE TABLE labels AS
    SELECT DISTINCT ON (transactionId, labeledAt, label) {{columns}}
    FROM stage WHERE event = 'LABELED'
    ORDER BY transactionId, labeledAt, label, decision IS NULL, {RETOLD}, labelSource
"""


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What an hour of the log came to."""

    files: Mapping[tuple[LogTable, date], Path]
    """By what is in them, and the day on which the transactions were received."""
    lines: int
    """Lines read, repetitions among them."""
    newest: int
    """When the newest change was logged, epoch milliseconds; 0 if nothing could be read."""
    damaged: Mapping[Path, str]
    """Segments of which something could not be read, with what is wrong."""


def merge(segments: Sequence[Path], folder: Path, earlier: Mapping[LogTable, Sequence[Path]] | None = None) -> Merged:
    """Merge the segments of an hour; whatever they repeat or overlap in counts once.

    Args:
        segments: files of the hour's segments, in any order.
        folder: an empty folder, for the files that come of it and for what does not fit into memory.
        earlier: what the hour was merged into before, to be kept although its segments are gone.

    Raises:
        duckdb.Error: DuckDB could not do its work, whatever the segments are.
    """
    with connect(folder) as connection:
        divided = sum(map(promised_lines, segments)) > MOST_SORTED
        lines = LineFiles(folder / "stage", divided, as_text=divided)
        damaged = stage(connection, segments, lines)
        if earlier:
            lines = _with_earlier(connection, lines, earlier, LineFiles(folder / "combined", divided))
        lines = with_features(connection, lines, LineFiles(folder / "unpacked", divided))
        connection.execute(f"CREATE VIEW stage AS SELECT * FROM {lines.rows} WHERE valid")
        connection.execute(_KEYS)
        connection.execute(_REPEATS)
        connection.execute(_LABELS.format(columns=", ".join(LABELS)))
        order = "" if divided else _ORDER
        files = {
            (table, day): path
            for day in _days(connection)
            for table, path in _write_day(connection, day, folder, order)
        }
        number, newest = _row(connection, "SELECT count(*), max(loggedAt) FROM stage")
        lines.remove()
        return Merged(files=files, lines=number, newest=newest or 0, damaged=damaged)


def _with_earlier(
    connection: duckdb.DuckDBPyConnection,
    staged: LineFiles,
    earlier: Mapping[LogTable, Sequence[Path]],
    combined: LineFiles,
) -> LineFiles:
    """Add lines for what an hour's earlier files tell and its segments do not; return the files of all lines."""
    decisions, labels, tallies = (
        _rows_of(table, earlier.get(table, ())) for table in (LogTable.DECISIONS, LogTable.LABELS, LogTable.TALLIES)
    )
    lines = f"(SELECT * EXCLUDE (segment, filename, file_row_number) FROM {staged.rows} WHERE valid)"
    known = f"(SELECT transactionId FROM {lines} WHERE event IN ('STORED', 'UNREADABLE'))"
    combined.write(
        connection,
        f"SELECT * FROM {lines} "
        f"UNION ALL BY NAME SELECT *, 'DECIDED' AS event, true AS valid FROM {decisions} "
        f"UNION ALL BY NAME SELECT *, 'LABELED' AS event, true AS valid FROM {labels} "
        # When it was stored is not known any more: the time of its receipt stands in.
        "UNION ALL BY NAME SELECT schemaVersion, 'STORED' AS event, receivedAt AS loggedAt, transactionId, timestamp, "
        f"receivedAt, amountMinor, currency, inlineDecision, inlineFallback, true AS valid "
        f"FROM {decisions} ANTI JOIN {known} USING (transactionId) "
        f"WHERE transactionId NOT IN (SELECT key FROM {tallies} WHERE dimension = 'onlyDecided') "
        "UNION ALL BY NAME SELECT 1 AS schemaVersion, 'STORED' AS event, largest AS loggedAt, key AS transactionId, "
        f"largest AS timestamp, largest AS receivedAt, 0 AS amountMinor, '{NO_CURRENCY}' AS currency, true AS valid "
        f"FROM {tallies} WHERE dimension = 'onlyStored' AND key NOT IN {known}",
    )
    staged.remove()
    return combined


def _rows_of(table: LogTable, paths: Sequence[Path]) -> str:
    nothing = "SELECT " + ", ".join(f"NULL::{kind} AS {name}" for name, kind in FILES[table].items()) + " WHERE false"
    more = f" UNION ALL BY NAME FROM read_parquet({listed(paths)}, union_by_name = true)" if paths else ""
    return f"({nothing}{more})"


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, int]:
    ((first, second),) = connection.execute(query).fetchall()
    return first, second


def _days(connection: duckdb.DuckDBPyConnection) -> list[date]:
    rows = connection.execute("SELECT DISTINCT receivedAt // 86400000 FROM stage ORDER BY 1").fetchall()
    return [date(1970, 1, 1) + timedelta(days=row[0]) for row in rows]


def _write_day(
    connection: duckdb.DuckDBPyConnection, day: date, folder: Path, order: str
) -> Iterator[tuple[LogTable, Path]]:
    start, end = (milliseconds(midnight(each)) for each in (day, day + timedelta(days=1)))
    received = f"receivedAt >= {start} AND receivedAt < {end}"
    paths = {table: folder / f"{table}-{day}.parquet" for table in LogTable}
    decided, labelled = (
        _row(connection, f"SELECT count(decidedAt), count(*) FROM keys WHERE {received}"),
        _row(connection, f"SELECT count(*), 0 FROM labels WHERE {received}"),
    )
    if decided[0]:
        columns = ", ".join(DECISIONS)
        rows = f"SELECT {columns} FROM stage ANTI JOIN repeats USING (filename, file_row_number)"
        wanted = f"{rows} WHERE event = 'DECIDED' AND {received}{order}"
        write_parquet(connection, wanted, paths[LogTable.DECISIONS], group_rows=DECISIONS_A_GROUP)
        yield LogTable.DECISIONS, paths[LogTable.DECISIONS]
        if write_hits(connection, paths[LogTable.DECISIONS], paths[LogTable.HITS]):
            yield LogTable.HITS, paths[LogTable.HITS]
    if labelled[0]:
        rows = f"SELECT * FROM labels WHERE {received} ORDER BY transactionId, labeledAt, label"
        write_parquet(connection, rows, paths[LogTable.LABELS])
        yield LogTable.LABELS, paths[LogTable.LABELS]
    if decided[1]:
        keys = f"(SELECT * FROM keys WHERE {received})"
        write_tallies(connection, keys, paths[LogTable.DECISIONS] if decided[0] else None, paths[LogTable.TALLIES])
        yield LogTable.TALLIES, paths[LogTable.TALLIES]
        rows = f"SELECT DISTINCT {FINGERPRINT} AS fingerprint FROM {keys} ORDER BY 1"
        write_parquet(connection, rows, paths[LogTable.IDS])
        yield LogTable.IDS, paths[LogTable.IDS]


def write_hits(connection: duckdb.DuckDBPyConnection, decisions: Path, path: Path) -> bool:
    """Write the hits of rules on decisions; return whether there is any.

    Args:
        connection: a database.
        decisions: Parquet file of decisions.
        path: where to.
    """
    write_parquet(connection, _HITS.format(decisions=f"read_parquet({quoted(decisions)})"), path)
    hits, _ = _row(connection, f"SELECT count(*), 0 FROM read_parquet({quoted(path)})")
    return hits > 0


def write_tallies(connection: duckdb.DuckDBPyConnection, keys: str, decisions: Path | None, path: Path) -> None:
    """Write the tallies of an hour's decisions.

    Args:
        connection: a database.
        keys: what tells how the log came about (see `aggregates.of_keys`), as SQL.
        decisions: Parquet file of decisions, if there are any.
        path: where to.
    """
    connection.execute(
        "CREATE TEMP TABLE tally (" + ", ".join(f"{name} {kind}" for name, kind in aggregates.COLUMNS.items()) + ")"
    )
    # One after the other: side by side, each would hold its columns.
    for query in aggregates.of_keys(keys):
        connection.execute(f"INSERT INTO tally {query}")
    if decisions:
        for query in aggregates.of_decisions(f"read_parquet({quoted(decisions)})"):
            connection.execute(f"INSERT INTO tally {query}")
    write_parquet(connection, "SELECT * FROM tally ORDER BY ALL", path)
    connection.execute("DROP TABLE tally")
