"""The files of a decision log in a folder: which of them hold records, and which of those are needed.

A file is known by what is in it, not by its folder: a log may have been copied whole or in part, under
any name. Where the note on a merged hour is there, with all the files that it names and no newer segment, the hour is
read from its Parquet files; else from whatever there is of it.
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import msgspec

from fraudstream.reporting.log.hours.notes import Hour, read_note, rebased, segments_digest
from fraudstream.reporting.log.keys import hour_key, parse_hour
from fraudstream.reporting.log.reader.unfinished import unfinished_copies
from fraudstream.reporting.log.segments import hour_prefix
from fraudstream.reporting.storage.duckdb_engine import listed
from fraudstream.reporting.storage.json_objects import NO_JSON
from fraudstream.reporting.storage.object_store import digest

LINES = (".jsonl.gz", ".jsonl")
FORMATS = (*LINES, ".parquet")
_HEAD = frozenset({"transactionId", "timestamp", "receivedAt", "loggedAt"})
_RECORDS = (_HEAD | {"decision"}, _HEAD | {"label"})
_TALLIES = frozenset({"dimension", "key", "largest"})


class DecisionLogError(ValueError):
    """A decision log that is not there or cannot be read; the message names the file."""


@dataclass(frozen=True, kw_only=True)
class LogFiles:
    """The files to read."""

    segments: list[Path] = field(default_factory=list[Path])
    records: list[Path] = field(default_factory=list[Path])
    """Parquet files of decisions and labels."""
    tallies: list[Path] = field(default_factory=list[Path])
    damaged: dict[Path, str] = field(default_factory=dict[Path, str])
    """What cannot be read, or is not what was written, with what is wrong."""


def is_log(path: Path) -> bool:
    """Return whether something is a decision log: it is a folder, or a file whose records are those of a log."""
    if path.is_dir():
        return True
    if path.suffix == ".parquet":
        names = dict(_columns([path]))[path]
        return names is not None and any(wanted <= names for wanted in _RECORDS)
    if not path.is_file() or not path.name.endswith(LINES):
        return False
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            msgspec.json.decode(next((line for line in file if line.strip()), b""), type=_LoggedLine)
    except (OSError, EOFError, zlib.error, *NO_JSON):
        return False
    return True


class _LoggedLine(msgspec.Struct, rename="camel"):
    schema_version: int
    logged_at: int


def find_log_files(place: Path) -> LogFiles:
    """Return a log's files.

    Args:
        place: the log's folder, any folder in it or above it, or one file.

    Raises:
        DecisionLogError: there is no log.
    """
    try:
        paths = [place] if place.is_file() else sorted(path for path in place.rglob("[!.]*") if path.is_file())
    except OSError as error:
        raise DecisionLogError(f"{place}: {error.strerror}") from None
    files = LogFiles(segments=[path for path in paths if path.name.endswith(LINES)], damaged=unfinished_copies(place))
    columns = dict(_columns([path for path in paths if path.suffix == ".parquet"]))
    for path, names in columns.items():
        if names is None:
            files.damaged[path] = "it is no Parquet file"
        elif any(wanted <= names for wanted in _RECORDS):
            files.records.append(path)
        elif names >= _TALLIES:
            files.tallies.append(path)
    for note in paths:
        if note.suffix == ".json":
            _leave_out_merged(files, note)
    # Hours of which nothing was decided have tallies alone.
    if not files.segments and not files.records and not files.tallies:
        nothing = "; ".join(f"{path}: {problem}" for path, problem in files.damaged.items())
        raise DecisionLogError(nothing or f"{place}: there is no decision log ({', '.join(FORMATS)})")
    return files


def _columns(paths: list[Path]) -> Iterator[tuple[Path, frozenset[str] | None]]:
    """Return the columns of Parquet files; None of what is none."""
    if not paths:
        return
    with duckdb.connect() as connection:
        try:
            yield from _schemas(connection, paths)
        except duckdb.Error:
            for path in paths:
                try:
                    yield from _schemas(connection, [path])
                except duckdb.Error:
                    yield path, None


def _schemas(connection: duckdb.DuckDBPyConnection, paths: list[Path]) -> list[tuple[Path, frozenset[str]]]:
    rows = connection.execute(
        f"SELECT file_name, list(name) FROM parquet_schema({listed(paths)}) GROUP BY file_name ORDER BY file_name"
    ).fetchall()
    return [(Path(path), frozenset(names)) for path, names in rows]


def _leave_out_merged(files: LogFiles, path: Path) -> None:
    """Skip an hour's segments if its Parquet files say all of it, or those if they are not what was written."""
    try:
        note = read_note(path.read_bytes())
        if note is None:
            return
        folder = _segments_of(path, note)
    except (OSError, msgspec.MsgspecError, ValueError):
        return
    root = path.parents[2]
    segments = [segment for segment in files.segments if segment.parent == folder]
    keys = [segment.relative_to(root).as_posix() for segment in segments]
    here = rebased(note, "", keys)
    written = {key: root / key for key in here.files}
    are_all_there = here.segments_digest == segments_digest(keys)
    changed = [file for key, file in written.items() if file.is_file() and not here.is_own(key, digest(file))]
    if are_all_there and not changed and all(file.is_file() for file in written.values()):
        for segment in segments:
            files.segments.remove(segment)
        return
    for file in changed:
        files.damaged[file] = "it is not what the log's own note says was written"
        # Else it is read: a copy that was made while the hour was merged again looks like that, and is true.
        if are_all_there:
            for known in (files.records, files.tallies):
                if file in known:
                    known.remove(file)


def _segments_of(path: Path, note: Hour) -> Path:
    """Return the folder of an hour's segments.

    Raises:
        ValueError: the note does not lie where a log has it.
    """
    root, moment = path.parents[2], parse_hour(note.hour)
    if path != root / hour_key("", moment):
        raise ValueError("it lies elsewhere")
    return root / hour_prefix("", moment)
