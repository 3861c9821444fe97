"""The notes on merged hours of the log: what each was merged from and into."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from fraudstream.reporting.log.keys import received_day, table_of
from fraudstream.reporting.storage.json_objects import NO_JSON

HOUR_SCHEMA_VERSION = 1
"""Raised when older versions must not read the note."""


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
    before: dict[str, str] = {}
    """While files are being replaced, those that are: each file is as it was or as `files` says. Were the work to end
    there, the next merge would have to take both for the log's own."""

    @property
    def keys(self) -> set[str]:
        """Keys of its files, of those among them that are being replaced too."""
        return {*self.files, *self.before}

    @property
    def days(self) -> set[date]:
        """Days of receipt that the hour tells something of."""
        return {received_day(key) for key in self.keys}

    @property
    def newer_files(self) -> dict[str, str]:
        """Those of tables that a newer version has added: only that one can read and write them."""
        return {key: mark for key, mark in self.files.items() if table_of(key) is None}

    def is_own(self, key: str, mark: str) -> bool:
        """Return whether a file is what the log wrote.

        Args:
            key: of the file.
            mark: SHA-256 of its content.
        """
        return mark in (self.files.get(key), self.before.get(key))


class _Version(msgspec.Struct, rename="camel"):
    schema_version: int


def read_note(content: bytes | None) -> Hour | None:
    """Read the note on an hour; None where there is none, or one that a newer version wrote in another form.

    Raises:
        msgspec.MsgspecError: it is damaged.
        UnicodeDecodeError: it is damaged.
    """
    if content is None or msgspec.json.decode(content, type=_Version).schema_version > HOUR_SCHEMA_VERSION:
        return None
    return msgspec.json.decode(content, type=Hour)


def sound_note(content: bytes | None) -> Hour | None:
    """Read the note on an hour as `read_note` does; None for a damaged one too, which `log verify` names."""
    try:
        return read_note(content)
    except NO_JSON:
        return None


def rebased(note: Hour, log_prefix: str, segments: Iterable[str] = ()) -> Hour:
    """Return a note with keys as they are here; in a copy, the log may begin elsewhere than in the bucket.

    Args:
        note: as it was written.
        log_prefix: of the log's keys here.
        segments: keys of the hour's segments here, where it matters whether they are those that it was merged from.
    """
    there = _prefix_of(note)
    if there is None or there == log_prefix:
        return note
    known = note.segments_digest
    if known == segments_digest(f"{there}{key.removeprefix(log_prefix)}" for key in segments):
        known = segments_digest(segments)
    files, damaged, before = (
        {f"{log_prefix}{key.removeprefix(there)}": mark for key, mark in marks.items()}
        for marks in (note.files, note.damaged, note.before)
    )
    return msgspec.structs.replace(note, files=files, damaged=damaged, before=before, segments_digest=known)


def _prefix_of(note: Hour) -> str | None:
    """Return what the keys of a log begin with where an hour was merged; None if it has no files that tell."""
    if not note.keys:
        return None
    # Such as decision-log/decisions/date=2026-11-22/2026-11-22T14.parquet.
    folder = min(note.keys).rpartition("date=")[0].rstrip("/").rpartition("/")[0]
    return f"{folder}/" if folder else ""


def segments_digest(keys: Iterable[str]) -> str:
    """Return the SHA-256 over the keys of an hour's segments, in hexadecimal digits."""
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()


def is_current(known: Hour, segments: Mapping[str, str]) -> bool:
    """Return whether an hour has the segments that it was merged from, and none that was damaged has been replaced."""
    return known.segments_digest == segments_digest(segments) and all(
        segments.get(key, "") == mark for key, mark in known.damaged.items()
    )
