"""Segments, parsed once into Parquet files of lines; what cannot be read of them is set aside and named.

A segment that is cut off or damaged is left out whole; of one that is whole, lines that are no records are left out.
A segment's name says how many lines it has: so a loss is seen where the file alone looks whole.
"""

import gzip
import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import duckdb

from fraudstream.reporting.log.columns import FEATURES, LINE, STAGED, TAKEN_APART
from fraudstream.reporting.log.lines.line_files import TEXT_OF_FEATURES, LineFiles
from fraudstream.reporting.log.record import LARGEST_NUMBER, SCHEMA_VERSION, LogEvent
from fraudstream.reporting.storage.duckdb_engine import listed
from fraudstream.transactions.decisions.decision import Truth, Verdict
from fraudstream.transactions.values.money import EXPONENTS

_LINES = re.compile(r"-(\d+)\.jsonl\.gz")
_CHUNK = 1 << 20


def _one_of(column: str, values: Sequence[str]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _in_range(*columns: str) -> str:
    return " AND ".join(f"{column} BETWEEN 0 AND {LARGEST_NUMBER}" for column in columns)


IS_NEWER: Final = f"coalesce(schemaVersion, 1) > {SCHEMA_VERSION}"
"""Whether a newer version of this code wrote a line, as SQL."""
# One such line that is something else, and no report of its day could be made.
_VALID = (
    f"coalesce(NOT {IS_NEWER} AND transactionId IS NOT NULL AND {_one_of('event', list(LogEvent))} "
    f"AND {_in_range('timestamp', 'receivedAt', 'loggedAt', 'amountMinor')} "
    f"AND ({_one_of('currency', list(EXPONENTS))} OR event = '{LogEvent.UNREADABLE}') "
    f"AND (CASE WHEN event = '{LogEvent.DECIDED}' THEN decision IS NOT NULL ELSE true END) "
    f"AND (decision IS NULL OR ({_one_of('decision', list(Verdict))} AND {_in_range('score', 'decidedAt')})) "
    f"AND (CASE WHEN event = '{LogEvent.LABELED}' THEN {_one_of('label', list(Truth))} AND {_in_range('labeledAt')} "
    "ELSE true END), false)"
)


def _parsed(features: str, list_type: str) -> str:
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in {**LINE, "featureValues": list_type}.items())
    return (
        f"SELECT * EXCLUDE (featureValues) REPLACE (try(from_base64(features)) AS features), {features}, "
        f"{_VALID} AS valid FROM read_json({{segments}}, "
        f"format = 'newline_delimited', compression = '{{compression}}', filename = 'segment', ignore_errors = true, "
        f"columns = {{{{{columns}}}}})"
    )


_STAGE = _parsed(TAKEN_APART, LINE["featureValues"])
_STAGE_AS_TEXT = _parsed(f"featureValues AS {TEXT_OF_FEATURES}", "JSON")


def stage(connection: duckdb.DuckDBPyConnection, segments: Sequence[Path], lines: LineFiles) -> Mapping[Path, str]:
    """Parse segments into files whose rows have the columns of `STAGED` and, for each line, `segment` and `valid`.

    Args:
        connection: a database.
        segments: files of JSON lines, compressed if their names end in `.gz`, in any order.
        lines: where to; those whose `valid` is false are no records.

    Returns:
        The segments of which something could not be read, with what is wrong.

    Raises:
        duckdb.Error: DuckDB could not do its work, whatever the segments are.
    """
    damaged: dict[Path, str] = {}
    readable = sorted(segments)
    try:
        lines.write(connection, _lines_of(readable, as_text=lines.as_text))
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.ConversionException):
        damaged = {each: "it is damaged" for each in readable if not _is_readable(connection, each)}
        if not damaged:
            raise
        readable = [each for each in readable if each not in damaged]
        lines.write(connection, _lines_of(readable, as_text=lines.as_text))
    counts = _count(connection, lines)
    short = {each: problem for each in readable if (problem := _problem(each, counts.get(str(each), _Lines(0, 0, 0))))}
    if cut_off := {each: "it is damaged" for each in short if not _is_whole(each)}:
        lines.write(connection, _lines_of([each for each in readable if each not in cut_off], as_text=lines.as_text))
    return damaged | short | cut_off


def _lines_of(segments: Sequence[Path], *, as_text: bool = False) -> str:
    """Return SQL that gives the lines of segments."""
    parsed = _STAGE_AS_TEXT if as_text else _STAGE
    kinds = {
        "gzip": [each for each in segments if each.name.endswith(".gz")],
        "uncompressed": [each for each in segments if not each.name.endswith(".gz")],
    }
    parts = [
        parsed.format(segments=listed(files), compression=compression) for compression, files in kinds.items() if files
    ]
    others = {name: kind for name, kind in STAGED.items() if name not in FEATURES}
    typed = others | ({TEXT_OF_FEATURES: "JSON"} if as_text else dict(FEATURES))
    columns = ", ".join(f"NULL::{kind} AS {name}" for name, kind in typed.items())
    nothing = f"SELECT {columns}, NULL::BOOLEAN AS valid, NULL::VARCHAR AS segment WHERE false"
    return " UNION ALL BY NAME ".join(parts or [nothing])


class _Lines(NamedTuple):
    """Numbers of a segment's lines."""

    records: int
    others: int
    newer: int
    """Those among the others that a newer version of this code wrote."""


def _count(connection: duckdb.DuckDBPyConnection, lines: LineFiles) -> Mapping[str, _Lines]:
    """Count the lines that are records, and the others, by segment."""
    rows = connection.execute(
        f"SELECT segment, count(*) FILTER (valid), count(*) FILTER (NOT valid), count(*) FILTER ({IS_NEWER}) "
        f"FROM {lines.rows} GROUP BY segment"
    ).fetchall()
    return {segment: _Lines(*numbers) for segment, *numbers in rows}


def _problem(segment: Path, lines: _Lines) -> str | None:
    promised = promised_lines(segment)
    missing, number = max(lines.others, promised - lines.records), max(promised, lines.records + lines.others)
    if lines.newer:
        return f"{lines.newer} of {number} lines were written by a newer version: read them with that one"
    return f"{missing} of {number} lines are no records of the decision log" if missing else None


def promised_lines(segment: Path) -> int:
    """Return how many lines a segment has by its name; 0 if the name does not say it."""
    named = _LINES.search(segment.name)
    return int(named[1]) if named else 0


def _is_readable(connection: duckdb.DuckDBPyConnection, segment: Path) -> bool:
    """Return whether a segment can be read; nothing is written, since a full disk says nothing of the segment."""
    if not _is_whole(segment):
        return False
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE probe AS {_lines_of([segment])}")
    except duckdb.Error:
        return False
    connection.execute("DROP TABLE probe")
    return True


def _is_whole(segment: Path) -> bool:
    try:
        with gzip.open(segment) if segment.name.endswith(".gz") else segment.open("rb") as file:
            while file.read(_CHUNK):
                pass
    except (OSError, EOFError, zlib.error):
        return False
    return True
