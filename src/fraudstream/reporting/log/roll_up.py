"""The roll-up: every hour of the log is merged when it is over, and again when something of it came in late.

What is merged is written over what was there: readers always find one file for an hour, and it is whole. The bucket
keeps the version before for a while.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fraudstream.reporting.log.keys import HOUR_FORMAT, hour_key, hours_prefix, partition_day, received_day, table_key
from fraudstream.reporting.log.segments import all_days_prefix, hour_prefix
from fraudstream.reporting.storage.download import fetch_all
from fraudstream.reporting.storage.object_store import digest

if TYPE_CHECKING:
    from fraudstream.reporting.storage.object_store import Store

HOUR_SCHEMA_VERSION = 1
LATE = timedelta(hours=48)
"""Segments of an hour come in no later than that: a stream keeps its records for 24 hours."""
MERGE_SECONDS = 90.0
"""More than the merge of a full hour takes, with the fetching of its segments."""

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
        note = self.store.read(hour_key(self.log_prefix, hour))
        return None if note is None else msgspec.json.decode(note, type=Hour)

    def _bring_up_to_date(self, hour: datetime) -> Hour | None:
        segments = list(self.store.find(hour_prefix(self.log_prefix, hour)))
        known = self.read(hour)
        segments_digest = hashlib.sha256("\n".join(segments).encode()).hexdigest()
        if not segments or (known and known.segments_digest == segments_digest):
            return None
        if self.time_left() < MERGE_SECONDS:
            raise OutOfTimeError(f"no time to merge the hour {hour:{HOUR_FORMAT}} of the log: call again")
        # DuckDB takes long to import, and most hours have not changed.
        from fraudstream.reporting.log.hourly_merge import merge  # noqa: PLC0415

        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            merged = merge(fetch_all(self.store, segments, folder / "segments"), folder)
            files: dict[str, str] = {}
            for (table, day), path in merged.files.items():
                key = table_key(self.log_prefix, table, day, hour)
                files[key] = digest(path)
                # Who looks for changes sees none where there is none.
                if known is None or known.files.get(key) != files[key]:
                    self.store.write(key, path)
        note = Hour(
            schema_version=HOUR_SCHEMA_VERSION,
            hour=f"{hour:{HOUR_FORMAT}}",
            revision=known.revision + 1 if known else 1,
            segments=len(segments),
            segments_digest=segments_digest,
            lines=merged.lines,
            newest=merged.newest,
            files=files,
        )
        # Last: were the function to end before it, the hour would be merged again.
        self.store.write(hour_key(self.log_prefix, hour), msgspec.json.encode(note))
        return note

    def newest(self, since: datetime) -> int | None:
        """Return the time of the newest change in any merged hour from one on, epoch milliseconds."""
        notes = list(
            self.store.find(hours_prefix(self.log_prefix), after=hour_key(self.log_prefix, since - timedelta(hours=1)))
        )
        if not notes:
            return None
        last = self.store.read(notes[-1])
        return None if last is None else msgspec.json.decode(last, type=Hour).newest

    def recent_days(self, now: datetime) -> set[date]:
        """Return the days of receipt that the hours of the last `LATE` tell something of."""
        first = now.replace(minute=0, second=0, microsecond=0) - LATE
        notes = self.store.find(hours_prefix(self.log_prefix), after=hour_key(self.log_prefix, first))
        found = (self.store.read(key) for key in notes)
        return {day for note in found if note for day in msgspec.json.decode(note, type=Hour).days}
