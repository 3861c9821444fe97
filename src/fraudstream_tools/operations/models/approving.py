"""Models that need two people: whoever promotes one puts their mark on what is named then, and somebody else another.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from dataclasses import dataclass

from fraudstream.detection.stores.approvals.change_marks import ChangeMarks
from fraudstream_tools.operations.approving import ApprovalError, Approver
from fraudstream_tools.operations.models.stored_models import StoredModels
from fraudstream_tools.redaction import shown


@dataclass(frozen=True)
class ModelApproval:
    """What one person may do for models that need two."""

    approver: Approver
    known: str = ""
    """The digest of the models that came with the program, which need nobody."""

    def mark(self, stored: StoredModels) -> None:
        """Write the person's mark for the models that are named; a mark that is there stays."""
        if stored.digest is not None:
            self.approver.mark(stored.digest)

    def waits(self, stored: StoredModels) -> bool:
        """Return whether the models that are named are not used before somebody else has approved them."""
        if stored.digest in (None, self.known):
            return False
        marks = ChangeMarks(self.approver.s3, self.approver.bucket, self.approver.kind)
        return not marks.is_approved(stored.digest)

    def marked_by(self, stored: StoredModels) -> list[str]:
        """Return the names of those whose mark is on the models that are named."""
        return [] if stored.digest is None else self.approver.marked_by(stored.digest)

    def has_marked(self, stored: StoredModels) -> bool:
        """Return whether the person's mark is on the models that are named."""
        return stored.digest is not None and self.approver.has_marked(stored.digest)

    def approve(self, stored: StoredModels, digest: str, *, reason: str) -> None:
        """Write the person's mark for the models that are named, with a record.

        Args:
            stored: what is named now.
            digest: of the models that the person has seen, whole: others can be made that share its first digits.
            reason: why they may become active.

        Raises:
            ApprovalError: others are named by now, or the person's mark is on them already.
            ReasonError: the reason is empty, too long or holds a card number.
        """
        if stored.digest is None or stored.digest != digest:
            raise ApprovalError(
                f"the models that are named are not {shown(digest)} (any more): look at them again, and give the whole "
                "digest"
            )
        after = {("live" if each.is_live else "shadow"): each.name for each in stored.models}
        self.approver.approve(stored.digest, "models", reason=reason, after={"version": stored.version, **after})
