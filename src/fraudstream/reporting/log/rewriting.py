"""What the log says of persons, taken out or written otherwise.

Whatever is counted is counted again from the lines that stay: an hour is made as the roll-up makes it.
"""

import gzip
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fraudstream.reporting.log.erasure_marks import ERASED
from fraudstream.reporting.log.hour_notes import Hour, is_current
from fraudstream.reporting.log.keys import (
    HOUR_FORMAT,
    LogTable,
    hour_of,
    hour_of_note,
    hours_prefix,
    parse_hour,
    partition_day,
    received_day,
    table_prefix,
)
from fraudstream.reporting.log.record import LARGEST_NUMBER
from fraudstream.reporting.log.roll_up import LATE, RollUp, hours_of_segments
from fraudstream.reporting.log.segments import hour_prefix
from fraudstream.reporting.storage.download import fetch_all
from fraudstream.transactions.transaction import FIELDS

if TYPE_CHECKING:
    import duckdb

    from fraudstream.reporting.storage.object_store import Store

TOKEN_COLUMNS: Final = tuple(
    field.public_name for field in FIELDS if field.spec.identifies is not None and field.spec.logged
)
"""Columns that hold tokens."""
_EDITED: Final = (LogTable.DECISIONS, LogTable.LABELS, LogTable.TALLIES)
_ID_TALLIES: Final = "dimension IN ('onlyStored', 'onlyDecided', 'flagged', 'flaggedProbability')"


@dataclass(frozen=True, kw_only=True)
class LogEdit:
    """What is to change."""

    gone: AbstractSet[str] = frozenset()
    """Ids of transactions of which nothing stays."""
    persons: AbstractSet[str] = frozenset()
    """Tokens of customers of whose transactions, up to a time, nothing stays."""
    until: int = LARGEST_NUMBER
    """That time, by receipt, epoch milliseconds: what was received later stays as it is."""
    renamed: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    """Tokens to what stands in their place; None: nothing."""
    columns: Sequence[str] = TOKEN_COLUMNS
    """Those in which tokens are renamed."""

    def takes_out(self, line: Mapping[str, Any]) -> bool:
        """Return whether nothing stays of a line."""
        if line.get("transactionId") in self.gone:
            return True
        return line.get("customerId") in self.persons and line.get("receivedAt", 0) <= self.until

    def changes(self, line: Mapping[str, Any]) -> bool:
        """Return whether a token in a line is renamed."""
        if line.get("receivedAt", 0) > self.until:
            return False
        sources = line.get("sources", ())
        return any(line.get(name) in self.renamed for name in self.columns) or any(
            isinstance(name, str) and self.source(name) != name for name in sources
        )

    def source(self, name: str) -> str:
        """Return what stands in place of a reason's source, which may be a profile's key."""
        kind, mark, token = name.partition("#")
        new = self.renamed.get(token, token) if mark else None
        return f"{kind}#{new or ERASED}" if mark and new != token else name


class Rewritten(Enum):
    """What became of an hour."""

    UNCHANGED = auto()
    CHANGED = auto()
    NOT_MERGED = auto()
    """Something has to change, and has not been merged yet: merge the hour, and call again."""


class UnreadableFileError(ValueError):
    """A file of the log cannot be read, so that nobody can say what has to change in it."""

    def __init__(self, key: str) -> None:
        """Build the sentence: which object, and how it is made again."""
        super().__init__(
            f"{key} in the bucket cannot be read, since somebody or something damaged it: have it made again by "
            f"`fraudstream report --date {hour_of(key)[:10]} --anew`, and run the same again"
        )


EditOf = Callable[[AbstractSet[str]], LogEdit]
"""Returns the edit of what holds some tokens: all that an hour has."""


@dataclass(frozen=True, kw_only=True)
class LogRewriter:
    """Changes the log, one hour after the other."""

    store: "Store"
    log_prefix: str
    now: datetime

    @property
    def _roll_up(self) -> RollUp:
        return RollUp(store=self.store, log_prefix=self.log_prefix, time_left=lambda: float("inf"))

    def days(self) -> list[date]:
        """Return the days of receipt that the log has decisions or counts of."""
        found = {
            folder
            for table in (LogTable.DECISIONS, LogTable.TALLIES)
            for folder in self.store.folders(f"{self.log_prefix}{table}/")
        }
        return sorted(partition_day(folder) for folder in found)

    def hours(self, days: Iterable[date]) -> list[str]:
        """Return the hours of the log that tell of transactions received on some days.

        What came in lately, or was not merged yet, may tell of any day: it is always among them.
        """
        found = {
            hour_of(key)
            for day in days
            for table in _EDITED
            for key in self.store.find(table_prefix(self.log_prefix, table, day))
        }
        merged = {hour_of_note(key) for key in self.store.find(hours_prefix(self.log_prefix))}
        recent = f"{self.now - LATE:{HOUR_FORMAT}}"
        logged = hours_of_segments(self.store, self.log_prefix)
        return sorted(found | {hour for hour in logged if hour >= recent or hour not in merged})

    def rewrite(
        self, name: str, days: AbstractSet[date] | None, edit_of: EditOf, *, dry_run: bool = False
    ) -> Rewritten:
        """Change an hour of the log where it needs it.

        The hour's files are changed, and made again of what stays. Segments of which something has to change go: their
        seals cannot be made again, and the files say what they said.

        Args:
            name: such as `2026-11-22T14`.
            days: days of receipt that may be concerned; None for all.
            edit_of: returns what is to change.
            dry_run: only look.

        Raises:
            UnreadableFileError: one of the hour's files is damaged.
            duckdb.Error: DuckDB could not do its work.
        """
        from fraudstream.reporting.storage.duckdb_engine import connect  # noqa: PLC0415  (it takes long to import)

        hour = parse_hour(name)
        note, segments = self._roll_up.read(hour), self.store.find(hour_prefix(self.log_prefix, hour))
        with tempfile.TemporaryDirectory() as folder, connect(Path(folder)) as connection:
            work = _HourEdit(self.store, connection, Path(folder), note, edit_of)
            is_merged = note is not None and (not segments or is_current(note, segments))
            if not is_merged and work.edit_segments(segments):
                return Rewritten.CHANGED if dry_run else Rewritten.NOT_MERGED
            if not work.edit_files(days):
                return Rewritten.UNCHANGED
            if not dry_run and note:
                if not is_merged:
                    return Rewritten.NOT_MERGED
                work.edit_segments(segments)
                work.edit_files(None)
                self._roll_up.replace(hour, note, work.unchanged_segments(), work.earlier)
                work.delete_changed_segments()
            return Rewritten.CHANGED


class _HourEdit:
    """One hour's segments and files, changed on this machine."""

    def __init__(
        self, store: "Store", connection: "duckdb.DuckDBPyConnection", folder: Path, note: Hour | None, edit_of: EditOf
    ) -> None:
        self._store = store
        self._connection = connection
        self._folder = folder
        self.note = note
        self._edit_of = edit_of
        self.earlier: dict[LogTable, list[Path]] = {}
        self._segments: dict[str, Path] = {}
        self._changed: set[str] = set()
        self._reads = 0

    def edit_files(self, days: AbstractSet[date] | None) -> bool:
        """Change copies of the hour's files about some days of receipt; return whether anything changed."""
        import duckdb  # noqa: PLC0415  (as above)

        files = self.note.files if self.note else {}
        wanted = [key for key in files if LogTable(key.split("/")[-3]) in _EDITED]
        keys = [key for key in wanted if (days is None or received_day(key) in days) and key in self._store.find(key)]
        self.earlier, changed = {}, False
        self._reads += 1
        part = self._folder / f"files-{self._reads}"
        for key, path in zip(keys, fetch_all(self._store, keys, part), strict=True):
            table = LogTable(key.split("/")[-3])
            edited = path.with_suffix(".edited.parquet")
            try:
                changed |= _edit_parquet(self._connection, path, edited, table, self._edit_of)
            except (duckdb.IOException, duckdb.InvalidInputException):
                raise UnreadableFileError(key) from None
            self.earlier.setdefault(table, []).append(edited)
        return changed

    def edit_segments(self, segments: Mapping[str, str]) -> bool:
        """Look which of the hour's segments have to change; return whether any has."""
        if not self._segments:
            keys = list(segments)
            self._segments = dict(zip(keys, fetch_all(self._store, keys, self._folder / "segments"), strict=True))
            self._changed = {key for key, path in self._segments.items() if _is_to_change(path, self._edit_of)}
        return bool(self._changed)

    def unchanged_segments(self) -> dict[str, Path]:
        """Return the segments that stay, by key."""
        return {key: path for key, path in self._segments.items() if key not in self._changed}

    def delete_changed_segments(self) -> None:
        """Delete the others."""
        for key in sorted(self._changed):
            self._store.delete(key)


def _is_to_change(path: Path, edit_of: EditOf) -> bool:
    """Return whether anything in a segment has to change; of one that cannot be read nobody knows it."""
    try:
        lines = [_decoded(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    except (OSError, EOFError, zlib.error):
        return False
    edit = edit_of({value for line in lines for value in _tokens_of(line)})
    return any(edit.takes_out(line) or edit.changes(line) for line in lines)


def _decoded(line: bytes) -> Mapping[str, Any]:
    """Return a line's columns; none of what is no record, which stays as it is."""
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}


def _tokens_of(line: Mapping[str, Any]) -> Iterator[str]:
    yield from (value for name in TOKEN_COLUMNS if isinstance(value := line.get(name), str))
    yield from (name.partition("#")[2] for name in line.get("sources", ()) if isinstance(name, str) and "#" in name)


def _edit_parquet(
    connection: "duckdb.DuckDBPyConnection", path: Path, edited: Path, table: LogTable, edit_of: EditOf
) -> bool:
    """Write a changed copy of a table's file; return whether it differs."""
    from fraudstream.reporting.storage.duckdb_engine import quoted, write_parquet  # noqa: PLC0415  (as above)

    rows = f"read_parquet({quoted(path)})"
    described = connection.execute(f"SELECT column_name FROM (DESCRIBE SELECT * FROM {rows})").fetchall()
    present = {name for (name,) in described}
    columns = [name for name in TOKEN_COLUMNS if name in present]
    tokens = _distinct(connection, [f"SELECT {name} FROM {rows}" for name in columns])
    sources = _distinct(connection, [f"SELECT unnest(sources) FROM {rows}"] if "sources" in present else [])
    named = {each for each in sources if "#" in each}
    edit = edit_of(tokens | {each.partition("#")[2] for each in named})
    _name(connection, "gone", [(each,) for each in edit.gone], "id VARCHAR")
    _name(connection, "persons", [(each,) for each in edit.persons], "token VARCHAR")
    if table is LogTable.TALLIES:
        out = f"({_ID_TALLIES} AND key IN (SELECT id FROM gone))"
    else:
        out = "(transactionId IN (SELECT id FROM gone)"
        if "customerId" in present:
            out += f" OR (customerId IN (SELECT token FROM persons) AND receivedAt <= {edit.until})"
        out += ")"
    changes = {old: new for old, new in edit.renamed.items() if old in tokens}
    _name(connection, "renamed", list(changes.items()), "old VARCHAR, new VARCHAR")
    early = f"receivedAt <= {edit.until}"
    replaced = [
        f"CASE WHEN {early} AND {name} IN (SELECT old FROM renamed) THEN (SELECT new FROM renamed WHERE old = {name}) "
        f"ELSE {name} END AS {name}"
        for name in (columns if changes else ())
        if name in edit.columns
    ]
    others = {each: new for each in named if (new := edit.source(each)) != each}
    if others:
        cases = " ".join(f"WHEN {_text(old)} THEN {_text(new)}" for old, new in others.items())
        replaced.append(f"list_transform(sources, lambda each: CASE each {cases} ELSE each END) AS sources")
    star = f"* REPLACE ({', '.join(replaced)})" if replaced else "*"
    ((leaving,),) = connection.execute(f"SELECT count(*) FROM {rows} WHERE coalesce({out}, false)").fetchall()
    write_parquet(connection, f"SELECT {star} FROM {rows} WHERE NOT coalesce({out}, false)", edited)
    renames = " OR ".join(f"{name} IN (SELECT old FROM renamed)" for name in columns if name in edit.columns)
    renaming = f"SELECT count(*) FROM {rows} WHERE ({renames or 'false'}) AND {early}"
    ((renamed,),) = connection.execute(renaming).fetchall() if changes else [(0,)]
    return bool(leaving or renamed or others)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _distinct(connection: "duckdb.DuckDBPyConnection", queries: Iterable[str]) -> set[str]:
    if not (union := " UNION ".join(queries)):
        return set()
    return {value for (value,) in connection.execute(f"SELECT * FROM ({union}) AS found(value)").fetchall() if value}


def _name(connection: "duckdb.DuckDBPyConnection", name: str, rows: list[tuple[Any, ...]], columns: str) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({columns})")
    if rows:
        connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)
