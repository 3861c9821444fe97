"""Which entries of lists count, where a stack asks for two people: those that have the marks of both."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from fraudstream.clock import epoch_seconds
from fraudstream.contract import FourEyes
from fraudstream.detection.stores.approvals.change_marks import ChangeMarks, are_two

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

    from fraudstream.detection.stores.lists.listings import ListEntry, Listing

WAITING_SECONDS: Final = 10.0
"""For which an entry that waits is not asked for again; own choice: a second mark counts as soon as that."""
MOST_KNOWN: Final = 10_000
"""Entries that are remembered, about 100 bytes each."""


class ListApprovals:
    """Asks for the marks of entries, and remembers the answers: nobody takes a mark away.

    Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
    """

    def __init__(self, s3: S3Client, bucket: str, clock: Callable[[], float] = epoch_seconds) -> None:
        """Store the bucket; the clock returns epoch seconds."""
        self._marks = ChangeMarks(s3, bucket, FourEyes.LISTS)
        self._clock = clock
        self._known: dict[str, tuple[tuple[str, ...] | None, float]] = {}
        """Whose marks entries have that wait, None for those that are approved, and until when that is believed."""

    def ends(self, listing: Listing) -> dict[str, float]:
        """Return by list when the entry that counts there ends, epoch milliseconds."""
        counting = {name: self.counting(listing.entity, name, entry) for name, entry in listing.entries.items()}
        return {name: entry.end for name, entry in counting.items() if entry is not None}

    def counting(self, entity: str, list_name: str, entry: ListEntry) -> ListEntry | None:
        """Return what counts: an entry, or what it would take the place of; None where nobody has approved either."""
        return next(
            (each for each in (entry, entry.before) if each and self.is_approved(each.digest(entity, list_name))), None
        )

    def is_approved(self, digest: str) -> bool:
        """Return whether an entry has the marks of two people."""
        return self.people(digest) is None

    def people(self, digest: str) -> tuple[str, ...] | None:
        """Return the `aws:userid` of those whose marks an entry has that needs more; None where it is approved."""
        now = self._clock()
        people, believed_until = self._known.get(digest, ((), -math.inf))
        if now < believed_until:
            return people
        marked_by = self._marks.people(digest)
        people = None if are_two(marked_by) else marked_by
        self._known.pop(digest, None)
        self._known[digest] = people, math.inf if people is None else now + WAITING_SECONDS
        if len(self._known) > MOST_KNOWN:
            self._known.pop(next(iter(self._known)), None)
        return people

    def forget_waiting(self) -> None:
        """Ask again for entries that wait: somebody has put a mark on one."""
        self._known = {digest: known for digest, known in self._known.items() if known[0] is None}
