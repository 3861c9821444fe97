"""The roll-up: every hour of the log is merged when it is over, and again when something of it came in late.

What is merged is written over what was there: readers always find one file for an hour, and it is whole. The bucket
keeps the version before for a while.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fraudstream.reporting.log.aggregates import AGGREGATION
from fraudstream.reporting.log.chain.links import LinkKind
from fraudstream.reporting.log.keys import (
    HOUR_FORMAT,
    LogTable,
    hour_key,
    hours_prefix,
    partition_day,
    received_day,
    table_key,
)
from fraudstream.reporting.log.segments import all_days_prefix, hour_prefix
from fraudstream.reporting.storage.download import DOWNLOADS, fetch_all
from fraudstream.reporting.storage.object_store import digest

if TYPE_CHECKING:
    from fraudstream.reporting.log.chain.links import LogChain
    from fraudstream.reporting.log.hourly_merge import Merged
    from fraudstream.reporting.storage.object_store import Store

HOUR_SCHEMA_VERSION = 1
"""Raised when older versions must not read the note."""
LATE = timedelta(hours=48)
"""Segments of an hour come in no later than that: a stream keeps its records for 24 hours."""
MERGE_SECONDS = 90.0
"""More than the merge of a full hour takes, with the fetching of its segments."""
MOST_REMADE = 24
"""Hours of an older aggregation that one run makes again: a day an hour, so that ninety days take four."""
SECONDS_KEPT = 300.0
"""Of the function's time, for what comes after the hours that are made again."""

TimeLeft = Callable[[], float]
"""Gives the seconds that are left."""


class OutOfTimeError(TimeoutError):
    """The work is not done, and there is no time for the next part of it. What was done is kept: call again."""


class Hour(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The note on a merged hour of the log."""

    schema_version: int
    hour: str
    """Such as `2026-11-22T14`, UTC."""
    revision: int
    """1 for the first; raised whenever segments came in after it."""
    segments: int
    segments_digest: str
    """SHA-256 over the segments' keys; what is under a key never changes."""
    lines: int
    """Lines of the segments, repetitions among them."""
    newest: int
    """When the newest change was logged, epoch milliseconds."""
    files: dict[str, str]
    """Key of each file to the SHA-256 of its content."""
    damaged: dict[str, str] = {}
    """Keys of the segments of which something could not be read, with the marks of their content; of files that are
    gone, and that nothing could be made from, with an empty one."""
    from_files: bool = False
    """Whether something of it is known from the hour's earlier files alone: its segments are gone."""
    aggregation: int = 1
    """`aggregates.AGGREGATION` of the version that merged it; 0.1.0 did not say."""

    @property
    def days(self) -> set[date]:
        """Days of receipt that the hour tells something of."""
        return {received_day(key) for key in self.files}


@dataclass(frozen=True, kw_only=True)
class RollUp:
    """Merges hours of the log."""

    store: "Store"
    log_prefix: str
    time_left: TimeLeft
    chain: "LogChain | None" = None
    """None: nobody vouches for this log, such as a copy in a folder."""

    def run(self, since: datetime, until: datetime) -> list[Hour]:
        """Merge the hours that were not merged yet, or of which something came in since.

        Args:
            since: a time in the first hour.
            until: a time in the last hour.

        Returns:
            The hours that were merged.

        Raises:
            OutOfTimeError: there is no time for the next one.
        """
        return [merged for hour in self._candidates(since, until) if (merged := self._bring_up_to_date(hour))]

    def _candidates(self, since: datetime, until: datetime) -> Iterator[datetime]:
        first = since.replace(minute=0, second=0, microsecond=0)
        notes = self.store.find(
            hours_prefix(self.log_prefix), after=hour_key(self.log_prefix, first - timedelta(hours=1))
        )
        for hour in self._hours_of_segments(first, until):
            if hour >= until - LATE or hour_key(self.log_prefix, hour) not in notes:
                yield hour

    def _hours_of_segments(self, first: datetime, until: datetime) -> Iterator[datetime]:
        root = all_days_prefix(self.log_prefix)
        for folder in self.store.folders(root):
            day = partition_day(folder)
            if not first.date() <= day <= until.date():
                continue
            for name in self.store.folders(f"{root}{folder}/"):
                hour = datetime(day.year, day.month, day.day, int(name.removeprefix("hour=")), tzinfo=UTC)
                if first <= hour <= until:
                    yield hour

    def read(self, hour: datetime) -> Hour | None:
        """Return the note on an hour, if it was merged."""
        note = read_note(self.store.read(hour_key(self.log_prefix, hour)))
        return note and self._rebased(note)

    def _bring_up_to_date(self, hour: datetime) -> Hour | None:
        segments = self.store.find(hour_prefix(self.log_prefix, hour))
        content = self.store.read(hour_key(self.log_prefix, hour))
        known = read_note(content)
        if content and known is None:
            return None  # a newer version's, and left as it is
        known = known and self._rebased(known, segments)
        if not segments or (known and is_current(known, segments)):
            return None
        return self._merge(hour, segments, known)

    def notes(self, since: datetime) -> list[Hour]:
        """Return the notes on all merged hours from one on."""
        after = hour_key(self.log_prefix, since.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1))
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            found = pool.map(self.store.read, self.store.find(hours_prefix(self.log_prefix), after=after))
            return [self._rebased(note) for note in map(read_note, found) if note]

    def _rebased(self, note: Hour, segments: Iterable[str] = ()) -> Hour:
        """Return a note with keys as they are here; in a copy, the log may begin elsewhere than in the bucket."""
        there = prefix_of(note)
        if there is None or there == self.log_prefix:
            return note
        here = {key: f"{self.log_prefix}{key.removeprefix(there)}" for key in (*note.files, *note.damaged)}
        known = note.segments_digest
        if known == _digest(f"{there}{key.removeprefix(self.log_prefix)}" for key in segments):
            known = _digest(segments)
        return msgspec.structs.replace(
            note,
            files={here[key]: mark for key, mark in note.files.items()},
            damaged={here[key]: mark for key, mark in note.damaged.items()},
            segments_digest=known,
        )

    def remake_older(self) -> list[str]:
        """Make hours of an older aggregation again, as many as there is time for, and return their names.

        The newest come first: reports look back at them, and their segments are still there, which tell most. What has
        no segments any more is made of its earlier files. When all are made, a note says so, and the next run looks at
        nothing else.
        """
        key = made_key(self.log_prefix)
        content = self.store.read(key)
        made = msgspec.json.decode(content, type=_Made).aggregation if content else 1
        if made == AGGREGATION:
            return []
        # A newer version that was rolled back comes to look at all hours again: this one merges them as it can.
        older = (
            [] if made > AGGREGATION else [each.hour for each in self._all_notes() if each.aggregation < AGGREGATION]
        )
        done: list[str] = []
        for name in sorted(older, reverse=True):
            if len(done) == MOST_REMADE or self.time_left() < MERGE_SECONDS + SECONDS_KEPT:
                return done
            self.remake([name])
            done.append(name)
        self.store.write(key, msgspec.json.encode(_Made(aggregation=AGGREGATION)))
        return done

    def _all_notes(self) -> list[Hour]:
        return self.notes(datetime(1970, 1, 2, tzinfo=UTC))

    def remake(self, hours: Iterable[str], *, kind: LinkKind | None = None) -> None:
        """Make the files of merged hours again: of their segments, and of what is left of the files.

        Args:
            hours: such as `2026-11-22T14`.
            kind: what the chain says of it, where it is more than a merge; the earlier files are kept then, whatever
                the segments tell.

        Raises:
            OutOfTimeError: there is no time for the next one.
        """
        for name in sorted(hours):
            hour = datetime.strptime(name, HOUR_FORMAT).replace(tzinfo=UTC)
            self._merge(
                hour, self.store.find(hour_prefix(self.log_prefix, hour)), self.read(hour), anew=True, kind=kind
            )

    def _merge(
        self,
        hour: datetime,
        segments: Mapping[str, str],
        known: Hour | None,
        *,
        anew: bool = False,
        kind: LinkKind | None = None,
    ) -> Hour:
        if self.time_left() < MERGE_SECONDS:
            raise OutOfTimeError(f"no time to merge the hour {hour:{HOUR_FORMAT}} of the log: call again")
        # DuckDB takes long to import, and most hours have not changed.
        from fraudstream.reporting.log.hourly_merge import merge  # noqa: PLC0415

        keys = list(segments)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            fetched = fetch_all(self.store, keys, folder / "segments")
            paths = [
                path for key, path in zip(keys, fetched, strict=True) if not self.chain or self.chain.accepts(key, path)
            ]
            merged = merge(paths, _new(folder / "merged"))
            # What was written once is never replaced by less.
            from_files = known is not None and (kind is not None or known.from_files or merged.lines < known.lines)
            if known and from_files:
                merged = merge(paths, _new(folder / "kept"), self._fetch_earlier(known, folder / "earlier"))
            unread = {*merged.damaged, *fetched} - ({*paths} - {*merged.damaged})
            damaged = {key: segments[key] for key, path in zip(keys, fetched, strict=True) if path in unread}
            files = self._write_files(hour, merged, {} if anew or known is None else known.files)
        gone = {key: "" for key in (known.files if known else ()) if key not in files}
        return self._write_note(
            hour, segments, known, merged, files=files, damaged=damaged | gone, from_files=from_files, kind=kind
        )

    def replace(
        self, hour: datetime, known: Hour, segments: Mapping[str, Path], earlier: Mapping[LogTable, Sequence[Path]]
    ) -> Hour:
        """Make a merged hour of changed files, in place of what it was made of before.

        Args:
            hour: which one.
            known: the note on it.
            segments: those of its segments that stay, by key.
            earlier: its files, changed.
        """
        from fraudstream.reporting.log.hourly_merge import merge  # noqa: PLC0415

        with tempfile.TemporaryDirectory() as name:
            paths = [path for key, path in segments.items() if key not in known.damaged]
            merged = merge(paths, _new(Path(name) / "merged"), earlier)
            files = self._write_files(hour, merged, {})
        for key in known.files.keys() - files.keys():
            self.store.delete(key)
        damaged = {key: mark for key, mark in known.damaged.items() if not mark or key in segments}
        return self._write_note(hour, segments, known, merged, files=files, damaged=damaged, from_files=True)

    def _write_files(self, hour: datetime, merged: "Merged", unchanged: Mapping[str, str]) -> dict[str, str]:
        files: dict[str, str] = {}
        for (table, day), path in merged.files.items():
            key = table_key(self.log_prefix, table, day, hour)
            files[key] = digest(path)
            # Who looks for changes sees none where there is none.
            if unchanged.get(key) != files[key]:
                self.store.write(key, path)
        return files

    def _write_note(
        self,
        hour: datetime,
        segments: Iterable[str],
        known: Hour | None,
        merged: "Merged",
        *,
        files: dict[str, str],
        damaged: dict[str, str],
        from_files: bool,
        kind: LinkKind | None = None,
    ) -> Hour:
        keys = list(segments)
        note = Hour(
            schema_version=HOUR_SCHEMA_VERSION,
            hour=f"{hour:{HOUR_FORMAT}}",
            revision=known.revision + 1 if known else 1,
            segments=len(keys),
            segments_digest=_digest(keys),
            lines=merged.lines,
            newest=max(merged.newest, known.newest if known else 0),
            files=files,
            damaged=damaged,
            from_files=from_files,
            aggregation=AGGREGATION,
        )
        content = msgspec.json.encode(note)
        if self.chain:
            self.chain.append(kind or (LinkKind.REVISED if known else LinkKind.MERGED), note.hour, content)
        # Last: were the function to end before it, the hour would be merged again.
        self.store.write(hour_key(self.log_prefix, hour), content)
        return note

    def _fetch_earlier(self, known: Hour, folder: Path) -> Mapping[LogTable, Sequence[Path]]:
        """Fetch those of an hour's files that are unchanged since they were written."""
        there = [key for key in known.files if key in self.store.find(key)]
        earlier: dict[LogTable, list[Path]] = {}
        for key, path in zip(there, fetch_all(self.store, there, folder), strict=True):
            if digest(path) == known.files[key]:
                earlier.setdefault(LogTable(key.split("/")[-3]), []).append(path)
        return earlier

    def recent_days(self, now: datetime) -> set[date]:
        """Return the days of receipt that the hours of the last `LATE` tell something of."""
        first = now.replace(minute=0, second=0, microsecond=0) - LATE
        notes = self.store.find(hours_prefix(self.log_prefix), after=hour_key(self.log_prefix, first))
        found = (self.store.read(key) for key in notes)
        return {day for note in map(read_note, found) if note for day in note.days}


class _Made(msgspec.Struct, frozen=True, kw_only=True):
    """The note that all hours are of an aggregation, or of a newer one."""

    aggregation: int


class _Version(msgspec.Struct, rename="camel"):
    schema_version: int


def made_key(log_prefix: str) -> str:
    """Return the key of the note that says of which aggregation all hours are."""
    return f"{log_prefix}aggregation.json"


def read_note(content: bytes | None) -> Hour | None:
    """Read the note on an hour; None where there is none, or one that a newer version wrote in another form.

    Raises:
        msgspec.MsgspecError: it is damaged.
    """
    if content is None or msgspec.json.decode(content, type=_Version).schema_version > HOUR_SCHEMA_VERSION:
        return None
    return msgspec.json.decode(content, type=Hour)


def prefix_of(note: Hour) -> str | None:
    """Return what the keys of a log begin with where an hour was merged; None if it has no files that tell."""
    if not note.files:
        return None
    # Such as decision-log/decisions/date=2026-11-22/2026-11-22T14.parquet.
    folder = min(note.files).rpartition("date=")[0].rstrip("/").rpartition("/")[0]
    return f"{folder}/" if folder else ""


def _digest(segments: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(segments).encode()).hexdigest()


def is_current(known: Hour, segments: Mapping[str, str]) -> bool:
    """Return whether an hour has the segments that it was merged from, and none that was damaged has been replaced."""
    return known.segments_digest == _digest(segments) and all(
        segments.get(key, "") == mark for key, mark in known.damaged.items()
    )


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder
