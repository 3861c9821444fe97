"""The files of merged hours and the notes on them, and how the ones are replaced by others.

Each file is replaced at once, and all files of an hour are not. Where the segments of an hour could make them again, an
interruption between two does no harm. Where only the files know something, the note tells of both before the first is
replaced: whoever merges the hour next takes each file as it was or as it was to be, and nothing is lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from fraudstream.reporting.log.hours.notes import Hour
from fraudstream.reporting.log.keys import LogTable, hour_key, parse_hour, table_key, table_of
from fraudstream.reporting.storage.download import fetch_all
from fraudstream.reporting.storage.object_store import digest

if TYPE_CHECKING:
    from fraudstream.reporting.log.chain.links import LinkKind, LogChain
    from fraudstream.reporting.log.hours.merging import Merged
    from fraudstream.reporting.storage.object_store import Store


class HourFile(NamedTuple):
    """A file of an hour, on this machine."""

    path: Path
    mark: str
    """SHA-256 of its content, in hexadecimal digits."""


@dataclass(frozen=True, kw_only=True)
class HourFiles:
    """Reads and replaces the files of merged hours."""

    store: "Store"
    log_prefix: str
    chain: "LogChain | None" = None
    """None: nobody vouches for this log."""

    def fetch(self, known: Hour, folder: Path) -> dict[str, HourFile]:
        """Fetch those files of an hour that are as they were written, and return them by key.

        Args:
            known: the note on it.
            folder: where to.
        """
        keys = [key for key in sorted(known.keys) if table_of(key) and key in self.store.find(key)]
        fetched = zip(keys, map(_hashed, fetch_all(self.store, keys, folder)), strict=True)
        return {key: file for key, file in fetched if known.is_own(key, file.mark)}

    def keyed(self, hour: datetime, merged: "Merged") -> dict[str, HourFile]:
        """Return what an hour came to by the keys that its files have."""
        files = merged.files.items()
        return {table_key(self.log_prefix, table, day, hour): _hashed(path) for (table, day), path in files}

    def announce(self, known: Hour, made: Mapping[str, HourFile], before: Mapping[str, str], kind: "LinkKind") -> None:
        """Write into an hour's note what its files are about to be.

        Args:
            known: the note on it.
            made: the new files, by key.
            before: SHA-256 of the files that they replace, by key.
            kind: what the chain says of it.
        """
        files = marks_of(made) | known.newer_files
        # No digest of segments: whoever comes next merges the hour again.
        note = msgspec.structs.replace(known, files=files, before=dict(before), segments_digest="", from_files=True)
        self.put_note(note, kind)

    def write(self, made: Mapping[str, HourFile], unchanged: Mapping[str, str]) -> dict[str, str]:
        """Write files, and return the SHA-256 of each.

        Args:
            made: the files, by key.
            unchanged: SHA-256 of what is there; who looks for changes sees none where there is none.
        """
        for key, file in made.items():
            if unchanged.get(key) != file.mark:
                self.store.write(key, file.path)
        return marks_of(made)

    def put_note(self, note: Hour, kind: "LinkKind") -> None:
        """Write the note on an hour, and the link of the chain that stands for it."""
        content = msgspec.json.encode(note)
        if self.chain:
            self.chain.append(kind, note.hour, content)
        self.store.write(hour_key(self.log_prefix, parse_hour(note.hour)), content)


def _hashed(path: Path) -> HourFile:
    return HourFile(path, digest(path))


def marks_of(files: Mapping[str, HourFile]) -> dict[str, str]:
    """Return the SHA-256 of each of some files, by key."""
    return {key: file.mark for key, file in files.items()}


def by_table(files: Mapping[str, HourFile]) -> dict[LogTable, list[Path]]:
    """Return files, given by key, by what is in them."""
    paths: dict[LogTable, list[Path]] = {}
    for key, file in files.items():
        if table := table_of(key):
            paths.setdefault(table, []).append(file.path)
    return paths
