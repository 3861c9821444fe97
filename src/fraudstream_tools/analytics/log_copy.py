"""A copy of the decision log in a folder: what is there is not fetched again, and no file is ever half there."""

import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import msgspec

from fraudstream.contract import DECISION_LOG_PREFIX
from fraudstream.reporting.log.hours.notes import Hour, sound_note
from fraudstream.reporting.log.keys import LogTable, hour_of, notes_among, parse_hour
from fraudstream.reporting.log.reader.unfinished import UNFINISHED
from fraudstream.reporting.log.segments import hour_prefix

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOTES: Final = ".pulled.jsonl"
"""Stores for each fetched object which version of it is in the folder: the tag of an encrypted object is no hash."""
DOWNLOADS: Final = 16
_CHUNK: Final = 1 << 20
_LAST = "hours/"


class RemoteObject(msgspec.Struct, frozen=True):
    """An object of the log, as the bucket lists it."""

    key: str
    """Below the log's prefix."""
    size: int
    etag: str


@dataclass(frozen=True, kw_only=True)
class LogCopy:
    """Copies a log from a bucket to a folder."""

    client: "S3Client"
    bucket: str
    prefix: str
    folder: Path
    is_of_table: bool = False
    """Whether the prefix is that of one table, whose keys go on with a day: no older day need be listed then."""

    @classmethod
    def of_table(cls, client: "S3Client", bucket: str, table: LogTable, folder: Path) -> Self:
        """Return a copy of one table, in a folder of its name below another one."""
        prefix = f"{DECISION_LOG_PREFIX}{table}/"
        return cls(client=client, bucket=bucket, prefix=prefix, folder=folder / table, is_of_table=True)

    def missing(
        self, since: date | None = None, until: date | None = None
    ) -> tuple[list[RemoteObject], AbstractSet[str]]:
        """Return the objects that the folder lacks or has in another version, and the keys of all.

        Args:
            since: the first day, of those that the log's folders are named by; None for all.
            until: the last day; None for all.

        Raises:
            ClientError: the bucket cannot be listed.
            OSError: the folder cannot be read.
        """
        listed = [each for each in self._listed(since) if _is_between(each.key, since, until)]
        known = self._noted()
        lacking = [each for each in listed if not self._is_here(each, known.get(each.key))]
        # The notes on merged hours come last: a copy that was broken off has none of what it lacks.
        return sorted(lacking, key=lambda each: (each.key.startswith(_LAST), each.key)), {each.key for each in listed}

    def pull(self, objects: Sequence[RemoteObject], on_progress: Callable[[int], None]) -> None:
        """Fetch objects, many side by side; what was fetched stays when it is broken off.

        Args:
            objects: from `missing`.
            on_progress: told how many bytes were fetched.

        Raises:
            ClientError: the bucket refuses one.
            OSError: the folder cannot be written to.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        # Whoever reads a copy that was broken off is told.
        (self.folder / UNFINISHED).touch()
        encoder, done = msgspec.json.Encoder(), 0
        waiting = iter(objects)
        with (self.folder / NOTES).open("ab") as notes, ThreadPoolExecutor(DOWNLOADS) as pool:
            try:
                under_way = {self._begin(pool, each) for each in islice(waiting, 2 * DOWNLOADS)}
                while under_way:
                    finished, rest = wait(under_way, return_when=FIRST_COMPLETED)
                    for each in map(Future[RemoteObject].result, finished):
                        notes.write(encoder.encode(each) + b"\n")
                        done += each.size
                    on_progress(done)
                    under_way = rest | {self._begin(pool, each) for each in islice(waiting, len(finished))}
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        (self.folder / UNFINISHED).unlink(missing_ok=True)

    def remove_outdated(self, listed: AbstractSet[str]) -> int:
        """Remove what an erasure or new tokens took out of merged hours after it was copied; return how many files.

        Readers would take a segment that an hour's note does not count for one that came in late, and read it. What
        the bucket lacks for another reason stays: it may have expired, or this copy may be all that is left of it.

        Args:
            listed: the keys of all objects, from `missing`, once those that the folder lacked are there.

        Raises:
            OSError: the folder cannot be read, or a file cannot be removed.
        """
        outdated = [*self._outdated_of(self._changed_hours(listed), listed)]
        for path in outdated:
            path.unlink()
        return len(outdated)

    def _changed_hours(self, listed: Iterable[str]) -> Mapping[str, Hour]:
        """Return the notes on hours whose files tell what their segments no longer do, by hour."""
        notes = ((hour, sound_note((self.folder / key).read_bytes())) for hour, key in notes_among(listed).items())
        return {hour: note for hour, note in notes if note and note.from_files}

    def _outdated_of(self, changed: Mapping[str, Hour], listed: Container[str]) -> Iterator[Path]:
        for hour in changed:
            for path in (self.folder / hour_prefix("", parse_hour(hour))).glob("*.jsonl.gz"):
                if path.relative_to(self.folder).as_posix() not in listed:
                    yield path
        for path in (each for table in LogTable for each in (self.folder / table).glob("date=*/*.parquet")):
            key, note = path.relative_to(self.folder).as_posix(), changed.get(hour_of(path.name))
            # A file of another day than those that were asked for is not listed, and stays.
            if note and key not in listed and f"{self.prefix}{key}" not in note.files:
                yield path

    def _begin(self, pool: ThreadPoolExecutor, wanted: RemoteObject) -> "Future[RemoteObject]":
        # Whoever counts requests by their context counts those of other threads, too.
        return pool.submit(copy_context().run, self._fetch, wanted)

    def _listed(self, since: date | None) -> Iterator[RemoteObject]:
        after = f"{self.prefix}date={since}" if since and self.is_of_table else ""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix, StartAfter=after
        )
        for page in pages:
            for entry in page.get("Contents", []):
                key = entry.get("Key", "").removeprefix(self.prefix)
                # Nothing that could lie elsewhere than in the folder, or that is only a folder's name.
                if key and not key.endswith("/") and not {"", ".", ".."} & set(key.split("/")):
                    yield RemoteObject(key, entry.get("Size", 0), entry.get("ETag", "").strip('"'))

    def _noted(self) -> Mapping[str, RemoteObject]:
        try:
            lines = (self.folder / NOTES).read_bytes().splitlines()
        except FileNotFoundError:
            return {}
        found: dict[str, RemoteObject] = {}
        for line in lines:
            try:
                noted = msgspec.json.decode(line, type=RemoteObject)
            # The last one, of a copy that was broken off.
            except msgspec.MsgspecError:
                continue
            found[noted.key] = noted
        return found

    def _is_here(self, wanted: RemoteObject, noted: RemoteObject | None) -> bool:
        path = self.folder / wanted.key
        if not path.is_file() or path.stat().st_size != wanted.size:
            return False
        if noted is not None:
            return noted == wanted
        # Copied by other means: the tag of an object that is not encrypted is its hash.
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == wanted.etag

    def _fetch(self, wanted: RemoteObject) -> RemoteObject:
        answer = self.client.get_object(Bucket=self.bucket, Key=self.prefix + wanted.key)
        path = self.folder / wanted.key
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        try:
            with new.open("wb") as file:
                for chunk in answer["Body"].iter_chunks(_CHUNK):
                    file.write(chunk)
            if (size := new.stat().st_size) != answer["ContentLength"]:
                raise OSError(0, f"{size} of {answer['ContentLength']} bytes came of it", wanted.key)
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
        # It may have been written anew since it was listed.
        return RemoteObject(wanted.key, size, answer["ETag"].strip('"'))


def _is_between(key: str, since: date | None, until: date | None) -> bool:
    named = key.partition("date=")[2][:10]
    if not named:
        return True
    return (since is None or named >= since.isoformat()) and (until is None or named <= until.isoformat())
