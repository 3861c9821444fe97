"""The roll-up: every hour of the log is merged when it is over, and again when something of it came in late.

What is merged is written over what was there: readers always find one file for an hour, and it is whole. The bucket
keeps the version before for a while.
"""

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
from fraudstream.reporting.log.hours.files import HourFiles, by_table, marks_of
from fraudstream.reporting.log.hours.notes import (
    HOUR_SCHEMA_VERSION,
    Hour,
    is_current,
    read_note,
    rebased,
    segments_digest,
    sound_note,
)
from fraudstream.reporting.log.keys import (
    HOUR_FORMAT,
    LogTable,
    days_of,
    hour_key,
    hours_in,
    hours_prefix,
    notes_among,
    parse_hour,
)
from fraudstream.reporting.log.segments import all_days_prefix, hour_prefix, is_rebuilt
from fraudstream.reporting.storage.download import DOWNLOADS, fetch_all
from fraudstream.reporting.storage.json_objects import NO_JSON

if TYPE_CHECKING:
    from fraudstream.reporting.log.chain.links import LogChain
    from fraudstream.reporting.log.hours.merging import Merged
    from fraudstream.reporting.storage.object_store import Store

LATE = timedelta(hours=48)
"""Segments of an hour come in no later than that: a stream keeps its records for 24 hours."""
MERGE_SECONDS = 90.0
"""More than the merge of a full hour takes, with the fetching of its segments."""
MOST_REMADE = 24
"""Hours of an older aggregation that one run makes again: a day an hour, so that ninety days take four."""

TimeLeft = Callable[[], float]
"""Returns the seconds that are left."""


class OutOfTimeError(TimeoutError):
    """The work is not done, and there is no time for the next part of it. What was done is kept: call again."""


@dataclass(frozen=True, kw_only=True)
class RollUp:
    """Merges hours of the log."""

    store: "Store"
    log_prefix: str
    time_left: TimeLeft
    chain: "LogChain | None" = None
    """None: nobody vouches for this log, such as a copy in a folder."""

    @property
    def _files(self) -> HourFiles:
        return HourFiles(store=self.store, log_prefix=self.log_prefix, chain=self.chain)

    def run(self, since: datetime, until: datetime) -> list[Hour]:
        """Merge the hours that were not merged yet, or of which something came in since.

        Where nothing was merged for long, hours of before may have got more meanwhile: they come first, so that the
        newest merged hour always tells how far all are.

        Args:
            since: a time in the first hour that is asked for.
            until: a time in the last hour.

        Returns:
            The hours that were merged.

        Raises:
            OutOfTimeError: there is no time for the next one.
        """
        return self._merged(self._candidates(since, until))

    def merge_changed(self, hours: Iterable[str]) -> list[Hour]:
        """Merge those of some hours that have other segments than they were merged from, however old they are.

        `run` passes over merged hours that get nothing more. Their segments go, and not all on one day: until then,
        nobody can tell what is left from what has come in.

        Args:
            hours: such as `2026-11-22T14`.

        Returns:
            The hours that were merged.

        Raises:
            OutOfTimeError: there is no time for the next one.
        """
        return self._merged(map(parse_hour, sorted(hours)))

    def _merged(self, hours: Iterable[datetime]) -> list[Hour]:
        return [merged for hour in hours if (merged := self._bring_up_to_date(hour))]

    def _candidates(self, since: datetime, until: datetime) -> Iterator[datetime]:
        prefix, before = hours_prefix(self.log_prefix), min(since, until - LATE) - timedelta(hours=1)
        notes = notes_among(self.store.find(prefix, after=hour_key(self.log_prefix, before)))
        notes = notes or notes_among(self.store.find(prefix))
        newest = parse_hour(max(notes)) if notes else until
        # A merged hour gets nothing more that is `LATE` before the newest one that was merged.
        settled = min(until, newest) - LATE
        first = min(since, settled).replace(minute=0, second=0, microsecond=0)
        for name in hours_of_segments(self.store, self.log_prefix, first.date(), until.date()):
            hour = parse_hour(name)
            if first <= hour <= until and (hour >= settled or name not in notes):
                yield hour

    def read(self, hour: datetime) -> Hour | None:
        """Return the note on an hour, if it was merged.

        Raises:
            msgspec.MsgspecError: it is damaged.
            UnicodeDecodeError: it is damaged.
        """
        note = read_note(self.store.read(hour_key(self.log_prefix, hour)))
        return note and rebased(note, self.log_prefix)

    def _bring_up_to_date(self, hour: datetime) -> Hour | None:
        segments = self.store.find(hour_prefix(self.log_prefix, hour))
        content = self.store.read(hour_key(self.log_prefix, hour))
        try:
            known = read_note(content)
        except NO_JSON:
            content = known = None  # damaged: the hour's segments tell the same
        if content and known is None:
            return None  # a newer version's, and left as it is
        known = known and rebased(known, self.log_prefix, segments)
        if not segments or (known and is_current(known, segments)):
            return None
        return self._merge(hour, segments, known)

    def notes(self, since: datetime) -> list[Hour]:
        """Return the notes on all merged hours from one on."""
        after = hour_key(self.log_prefix, since.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1))
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            keys = notes_among(self.store.find(hours_prefix(self.log_prefix), after=after)).values()
            contents = pool.map(self.store.read, keys)
            return [rebased(note, self.log_prefix) for note in map(sound_note, contents) if note]

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
        notes = [] if made > AGGREGATION else self.notes(datetime(1970, 1, 2, tzinfo=UTC))
        older = [each.hour for each in notes if each.aggregation < AGGREGATION]
        done: list[str] = []
        for name in sorted(older, reverse=True):
            if len(done) == MOST_REMADE or self.time_left() < MERGE_SECONDS:
                return done
            self.remake([name])
            done.append(name)
        self.store.write(key, msgspec.json.encode(_Made(aggregation=AGGREGATION)))
        return done

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
            hour = parse_hour(name)
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
        from fraudstream.reporting.log.hours.merging import merge  # noqa: PLC0415  (DuckDB is slow to import)

        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            fetched = dict(zip(segments, fetch_all(self.store, list(segments), folder / "segments"), strict=True))
            paths = [path for key, path in fetched.items() if not self.chain or self.chain.accepts(key, path)]
            merged = merge(paths, _new(folder / "merged"))
            # What was written once is never replaced by less.
            # What was added from the table says only what the files do not, whoever comes to merge it.
            is_kept = kind is not None or any(map(is_rebuilt, segments))
            from_files = known is not None and (is_kept or known.from_files or merged.lines < known.lines)
            earlier = self._files.fetch(known, folder / "earlier") if known and from_files else {}
            if known and from_files:
                merged = merge(paths, _new(folder / "kept"), by_table(earlier))
            whole = {*paths} - {*merged.damaged}
            damaged = {key: segments[key] for key, path in fetched.items() if path not in whole}
            made = self._files.keyed(hour, merged)
            if known and from_files:
                self._files.announce(known, made, marks_of(earlier), kind or LinkKind.REVISED)
            files = self._files.write(made, {} if anew or known is None or known.before else known.files)
            files |= known.newer_files if known else {}
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
        from fraudstream.reporting.log.hours.merging import merge  # noqa: PLC0415  (DuckDB is slow to import)

        with tempfile.TemporaryDirectory() as name:
            paths = [path for key, path in segments.items() if key not in known.damaged]
            merged = merge(paths, _new(Path(name) / "merged"), earlier)
            made = self._files.keyed(hour, merged)
            before = {key: mark for key in known.keys if (mark := self.store.digest(key))}
            self._files.announce(known, made, before, LinkKind.REVISED)
            files = self._files.write(made, {})
        for key in known.keys - files.keys():
            self.store.delete(key)
        damaged = {key: mark for key, mark in known.damaged.items() if not mark or key in segments}
        return self._write_note(hour, segments, known, merged, files=files, damaged=damaged, from_files=True)

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
            segments_digest=segments_digest(keys),
            lines=merged.lines,
            newest=max(merged.newest, known.newest if known else 0),
            files=files,
            damaged=damaged,
            from_files=from_files,
            aggregation=AGGREGATION,
        )
        # Last: were the function to end before it, the hour would be merged again.
        self._files.put_note(note, kind or (LinkKind.REVISED if known else LinkKind.MERGED))
        return note

    def recent_days(self, now: datetime, merged: Iterable[str]) -> set[date]:
        """Return the days of receipt that the hours of the last `LATE`, and those merged now, tell something of."""
        first = now.replace(minute=0, second=0, microsecond=0) - LATE
        notes = self.store.find(hours_prefix(self.log_prefix), after=hour_key(self.log_prefix, first))
        keys = {*notes_among(notes).values(), *(hour_key(self.log_prefix, parse_hour(hour)) for hour in merged)}
        contents = (self.store.read(key) for key in sorted(keys))
        return {day for note in map(sound_note, contents) if note for day in note.days}


def hours_of_segments(store: "Store", log_prefix: str, since: date = date.min, until: date = date.max) -> Iterator[str]:
    """Yield the hours of the log that have segments, on some days, such as `2026-11-22T14`."""
    root = all_days_prefix(log_prefix)
    for folder, day in days_of(store.folders(root)).items():
        if since <= day <= until:
            yield from hours_in(folder, store.folders(f"{root}{folder}/"))


class _Made(msgspec.Struct, frozen=True, kw_only=True):
    """The note that all hours are of an aggregation, or of a newer one."""

    aggregation: int


def made_key(log_prefix: str) -> str:
    """Return the key of the note that says of which aggregation all hours are."""
    return f"{log_prefix}aggregation.json"


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder
