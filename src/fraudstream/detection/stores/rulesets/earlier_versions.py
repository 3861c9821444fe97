"""Files of a versioned bucket as they were before: what is invalid now can be taken back without anybody's help."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from fraudstream.aws.bounded_reads import read_beginning
from fraudstream.detection.stores.rulesets.s3_cache import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

MAX_STATES: Final = 50
"""States that are looked at, each one change older than the one before."""
MAX_WAITING_STATES: Final = 1000
"""States that are looked at where most may only wait for a second person: each costs two requests. Own choice: who
stores more within `oldVersionDays` does so on purpose."""
_KEPT_FILES: Final = 6
"""Files that are remembered: of two states that follow each other, all but one are the same."""


@dataclass(frozen=True)
class FolderState:
    """The files under a prefix as they were at one time."""

    since: datetime
    """When it came about."""
    changed: str
    """The name of the file that was written or deleted then."""
    versions: Mapping[str, str]
    """Version id by name; a file that was not there then is left out."""
    fetch: Callable[[str, str], bytes]

    def read(self, name: str) -> bytes:
        """Return a file's content.

        Raises:
            FileNotFoundError: it was not there at that time.
            ClientError: S3 does not give it.
            BotoCoreError: S3 cannot be reached.
        """
        if name not in self.versions:
            raise FileNotFoundError(name)
        return self.fetch(name, self.versions[name])


def states(s3: S3Client, bucket: str, prefix: str, wanted: Callable[[str], bool]) -> Iterator[FolderState]:
    """Yield what is stored now, what was stored before the newest change, before the change before it, and so on.

    Args:
        s3: the client to read with.
        bucket: a bucket that keeps versions.
        prefix: of the keys.
        wanted: whether a file counts, by its name after the prefix.

    Raises:
        ClientError: S3 does not list the versions.
        BotoCoreError: S3 cannot be reached.
    """

    @lru_cache(_KEPT_FILES)
    def fetch(name: str, version: str) -> bytes:
        return read_beginning(s3, bucket, prefix + name, MOST_BYTES, VersionId=version).content

    history = _history(s3, bucket, prefix, wanted)
    # A change is undone where the next older version of its file takes its place.
    changes = sorted(
        ((at, -place, name) for name, versions in history.items() for place, (at, _) in enumerate(versions)),
        reverse=True,
    )
    undone: defaultdict[str, int] = defaultdict(int)
    for at, _, name in changes:
        newest = {each: next(iter(versions[undone[each] :]), (at, None))[1] for each, versions in history.items()}
        present = {each: version for each, version in newest.items() if version is not None}
        yield FolderState(since=at, changed=name, versions=present, fetch=fetch)
        undone[name] += 1


def earlier_states(
    s3: S3Client, bucket: str, prefix: str, wanted: Callable[[str], bool], most: int = MAX_STATES
) -> Iterator[FolderState]:
    """Yield what was stored before the newest change, before the change before it, and so on: see `states`.

    Args:
        s3: see `states`.
        bucket: see `states`.
        prefix: see `states`.
        wanted: see `states`.
        most: how many are yielded at most.
    """
    return islice(states(s3, bucket, prefix, wanted), 1, 1 + most)


def _history(
    s3: S3Client, bucket: str, prefix: str, wanted: Callable[[str], bool]
) -> dict[str, list[tuple[datetime, str | None]]]:
    """Return the versions of each file, newest first; None as the version is for a deletion."""
    history: defaultdict[str, list[tuple[datetime, str | None]]] = defaultdict(list)
    pages: Iterator[Any] = iter(s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix))
    for page in pages:
        for version in page.get("Versions", []):
            history[version["Key"].removeprefix(prefix)].append((version["LastModified"], version["VersionId"]))
        for marker in page.get("DeleteMarkers", []):
            history[marker["Key"].removeprefix(prefix)].append((marker["LastModified"], None))
    return {
        name: sorted(versions, key=lambda version: version[0], reverse=True)
        for name, versions in history.items()
        if wanted(name)
    }
