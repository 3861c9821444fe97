"""What the log says of persons, taken out or written otherwise.

Whatever is counted is counted again from the lines that stay: an hour is made as the roll-up makes it.
"""

import contextlib
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fraudstream.reporting.log.changes.edits import TOKEN_COLUMNS, EditOf, edit_parquet
from fraudstream.reporting.log.hours.notes import Hour, is_current
from fraudstream.reporting.log.hours.roll_up import LATE, RollUp, hours_of_segments
from fraudstream.reporting.log.keys import (
    HOUR_FORMAT,
    LogTable,
    days_of,
    hour_key,
    hour_of,
    hours_of_files,
    hours_prefix,
    notes_among,
    parse_hour,
    received_day,
    table_of,
    table_prefix,
)
from fraudstream.reporting.log.segments import hour_prefix
from fraudstream.reporting.storage.download import DOWNLOADS, fetch_all
from fraudstream.reporting.storage.json_objects import NO_JSON

if TYPE_CHECKING:
    import duckdb

    from fraudstream.reporting.storage.object_store import Store

_EDITED: Final = (LogTable.DECISIONS, LogTable.LABELS, LogTable.TALLIES)
_GZIP: Final = 31
"""What zlib calls a file of gzip with the largest window."""
_PIECE: Final = 4096
"""Bytes; at most so many are not read before a damage."""


class Rewritten(Enum):
    """What became of an hour."""

    UNCHANGED = auto()
    CHANGED = auto()
    NOT_MERGED = auto()
    """Something has to change, and has not been merged yet: merge the hour, and call again."""


class UnreadableFileError(ValueError):
    """A file of the log cannot be read, so that nobody can say what has to change in it."""

    def __init__(self, key: str, *, is_newer: bool = False, is_note: bool = False) -> None:
        """Build the sentence: which object, and how it is made again, or by which version it can be read."""
        problem, again = "cannot be read, since somebody or something damaged it", "and run the same again"
        if is_newer:
            problem = "was written by a newer version, and this one cannot say who is in it"
            remedy = "run the same again with the newer version"
        elif is_note:
            remedy = f"put it back by `fraudstream restore objects {key} --at MOMENT --overwrite`, {again}"
        else:
            remedy = f"have it made again by `fraudstream report --date {hour_of(key)[:10]} --anew`, {again}"
        super().__init__(f"{key} in the bucket {problem}: {remedy}")


@dataclass(frozen=True, kw_only=True)
class LogRewriter:
    """Changes the log, one hour after the other."""

    store: "Store"
    log_prefix: str
    now: datetime
    before_change: Callable[[str], None] = lambda _hour: None
    """Called with an hour's name before anything of it is changed."""

    @property
    def _roll_up(self) -> RollUp:
        return RollUp(store=self.store, log_prefix=self.log_prefix, time_left=lambda: float("inf"))

    def days(self) -> list[date]:
        """Return the days of receipt that the log has decisions or counts of."""
        folders = {
            folder
            for table in (LogTable.DECISIONS, LogTable.TALLIES)
            for folder in self.store.folders(f"{self.log_prefix}{table}/")
        }
        return sorted(days_of(folders).values())

    def hours(self, days: Iterable[date]) -> list[str]:
        """Return the hours of the log that tell of transactions received on some days.

        What came in lately, was not merged yet, or could not be read whole, may tell of any day: it is always among
        them.
        """
        wanted = hours_of_files(
            key
            for day in days
            for table in _EDITED
            for key in self.store.find(table_prefix(self.log_prefix, table, day))
        )
        merged = notes_among(self.store.find(hours_prefix(self.log_prefix)))
        recent = f"{self.now - LATE:{HOUR_FORMAT}}"
        logged = set(hours_of_segments(self.store, self.log_prefix))
        wanted |= {hour for hour in logged if hour >= recent or hour not in merged}
        return sorted(wanted | self._damaged(logged - wanted))

    def _damaged(self, hours: AbstractSet[str]) -> set[str]:
        """Return those of some merged hours that have segments which could not be read."""
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            notes = pool.map(self._note, map(parse_hour, hours))
            return {hour for hour, note in zip(hours, notes, strict=True) if note and note.damaged}

    def _note(self, hour: datetime) -> Hour | None:
        try:
            return self._roll_up.read(hour)
        except NO_JSON:
            raise UnreadableFileError(hour_key(self.log_prefix, hour), is_note=True) from None

    def _is_as_noted(self, note: Hour) -> bool:
        return not note.before and all(self.store.digest(key) == mark for key, mark in note.files.items())

    def settle(self, name: str, edit_of: EditOf) -> None:
        """Have an hour's note tell what its files are, where an earlier change broke off after it had written files.

        A merge passes over files that the note does not know, and its segments may be gone that said the same. What
        segments there are is merged again: the note names none.

        Args:
            name: such as `2026-11-22T14`.
            edit_of: returns what is to change.

        Raises:
            UnreadableFileError: the hour's note or a file is damaged, or of a table that only a newer version knows.
            duckdb.Error: DuckDB could not do its work.
        """
        from fraudstream.reporting.storage.duckdb_engine import connect  # noqa: PLC0415  (it takes long to import)

        hour = parse_hour(name)
        note = self._note(hour)
        if note is None or self._is_as_noted(note):
            return
        with tempfile.TemporaryDirectory() as folder, connect(Path(folder)) as connection:
            work = _HourEdit(self.store, connection, Path(folder), note, edit_of)
            work.edit_files(None)
            self._roll_up.replace(hour, note, {}, work.earlier)

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
            UnreadableFileError: the hour's note or a file is damaged, or of a table that only a newer version knows.
            duckdb.Error: DuckDB could not do its work.
        """
        from fraudstream.reporting.storage.duckdb_engine import connect  # noqa: PLC0415  (it takes long to import)

        hour = parse_hour(name)
        note, segments = self._note(hour), self.store.find(hour_prefix(self.log_prefix, hour))
        with tempfile.TemporaryDirectory() as folder, connect(Path(folder)) as connection:
            work = _HourEdit(self.store, connection, Path(folder), note, edit_of)
            is_merged = note is not None and (not segments or is_current(note, segments))
            if not is_merged and work.edit_segments(segments):
                return Rewritten.CHANGED if dry_run else Rewritten.NOT_MERGED
            is_changed, damaged = work.edit_files(days), work.damaged_segments_to_go(segments)
            if not is_changed and not damaged:
                return Rewritten.UNCHANGED
            if not dry_run and note:
                if not is_merged:
                    return Rewritten.NOT_MERGED
                self.before_change(name)
                if is_changed:
                    work.edit_segments(segments)
                    work.edit_files(None)
                    self._roll_up.replace(hour, note, work.unchanged_segments(), work.earlier)
                    work.delete_changed_segments()
                for key in damaged:
                    self.store.delete(key)
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

        files = self.note.keys if self.note else ()
        wanted = {key: table_of(key) for key in files if days is None or received_day(key) in days}
        if newer := [key for key, table in wanted.items() if table is None]:
            raise UnreadableFileError(newer[0], is_newer=True)
        tables = {
            key: table for key, table in wanted.items() if table and table in _EDITED and key in self._store.find(key)
        }
        self.earlier, changed = {}, False
        self._reads += 1
        part = self._folder / f"files-{self._reads}"
        for (key, table), path in zip(tables.items(), fetch_all(self._store, list(tables), part), strict=True):
            edited = path.with_suffix(".edited.parquet")
            try:
                changed |= edit_parquet(self._connection, path, edited, table, self._edit_of)
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

    def damaged_segments_to_go(self, segments: Mapping[str, str]) -> list[str]:
        """Return the segments that no merge could read, and in which somebody is who is to be taken out."""
        keys = [key for key in segments if self.note and key in self.note.damaged]
        paths = fetch_all(self._store, keys, self._folder / "damaged")
        return [key for key, path in zip(keys, paths, strict=True) if _is_to_change(path, self._edit_of)]

    def unchanged_segments(self) -> dict[str, Path]:
        """Return the segments that stay, by key."""
        return {key: path for key, path in self._segments.items() if key not in self._changed}

    def delete_changed_segments(self) -> None:
        """Delete the others."""
        for key in sorted(self._changed):
            self._store.delete(key)


def _is_to_change(path: Path, edit_of: EditOf) -> bool:
    """Return whether anything in a segment has to change; what is damaged counts as far as it can be read."""
    content, is_whole = _readable(path.read_bytes())
    lines = [_decoded(line) for line in content.splitlines()]
    edit = edit_of({value for line in lines for value in _tokens_of(line)})
    # A damaged one cannot be written otherwise: it goes if somebody is to be taken out, and else it stays.
    return any(edit.takes_out(line) or (is_whole and edit.changes(line)) for line in lines)


def _readable(packed: bytes) -> tuple[bytes, bool]:
    """Return what a gzip file holds up to where it is damaged or breaks off, and whether that is all."""
    unpacker, pieces = zlib.decompressobj(wbits=_GZIP), list[bytes]()
    with contextlib.suppress(zlib.error):
        for start in range(0, len(packed), _PIECE):
            pieces.append(unpacker.decompress(packed[start : start + _PIECE]))
    return b"".join(pieces), unpacker.eof


def _decoded(line: bytes) -> Mapping[str, Any]:
    """Return a line's columns; none of what is no record, which stays as it is."""
    try:
        # Where bytes were damaged there is no UTF-8 any more: what can be read still names somebody.
        return msgspec.json.decode(line.decode(errors="replace"), type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}


def _tokens_of(line: Mapping[str, Any]) -> Iterator[str]:
    yield from (value for name in TOKEN_COLUMNS if isinstance(value := line.get(name), str))
    yield from (name.partition("#")[2] for name in line.get("sources", ()) if isinstance(name, str) and "#" in name)
