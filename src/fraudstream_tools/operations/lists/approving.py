"""Entries of lists that need two people: the mark of who writes one, and that of somebody else.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from dataclasses import dataclass

import msgspec

from fraudstream.detection.stores.lists.list_approvals import ListApprovals
from fraudstream.detection.stores.lists.listings import ListEntry
from fraudstream_tools.operations.approving import Approver
from fraudstream_tools.operations.lists.entries import ListChange


@dataclass(frozen=True)
class ListApproval:
    """What one person may do for entries that need two."""

    approver: Approver
    approvals: ListApprovals

    def in_place_of(self, stored: ListEntry | None, entity: str, list_name: str, entry: ListEntry) -> ListEntry:
        """Return an entry as it is stored until it is approved, with what counts before; the person's mark is on it.

        Args:
            stored: what it takes the place of.
            entity: the entity's key.
            list_name: the list.
            entry: what the person wants.
        """
        # What somebody has approved within the last seconds must not be lost.
        self.approvals.forget_waiting()
        counting = stored and self.approvals.counting(entity, list_name, stored)
        self.approver.mark(entry.digest(entity, list_name))
        return msgspec.structs.replace(
            entry, before=counting and msgspec.structs.replace(counting, before=None), approved_by=None
        )

    @staticmethod
    def came_of(entry: ListEntry, now: int) -> ListChange:
        """Return what comes of a change until it is approved, by what counts in its place.

        Args:
            entry: as `in_place_of` returns it.
            now: epoch milliseconds.
        """
        counts = entry.before is not None and now < entry.before.end
        if entry.ended_at is None:
            return ListChange.REPLACED if counts else ListChange.ADDED
        return ListChange.REMOVED if counts else ListChange.WITHDRAWN

    def has_marked(self, digest: str) -> bool:
        """Return whether the person's mark is on an entry that waits, by its digest."""
        return self.approver.is_among(self.approvals.people(digest) or ())

    def approve(self, digest: str, list_name: str, entity: str, entry: ListEntry, *, reason: str) -> None:
        """Write the person's mark for an entry, with a record.

        Raises:
            ApprovalError: the person's mark is on it already.
            ReasonError: the reason is empty, too long or holds a card number.
        """
        after = {"list": list_name, "until": entry.until, "endedAt": entry.ended_at}
        self.approver.approve(digest, entity, reason=reason, after=after)
        self.approvals.forget_waiting()
