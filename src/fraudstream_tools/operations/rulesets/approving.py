"""The second person: looks at a ruleset that waits, and puts their mark on it.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fraudstream.detection.stores.approvals.change_marks import ChangeMarks, are_two
from fraudstream_tools.operations.approving import ApprovalError, Approver
from fraudstream_tools.operations.audit.change_note import checked_reason
from fraudstream_tools.operations.rulesets.history import RulesetVersion, ruleset_digest
from fraudstream_tools.redaction import shown


@dataclass(frozen=True)
class RuleApproval:
    """What one person may do for rulesets that need two."""

    approver: Approver
    known: str = ""
    """The digest of the ruleset that came with the program, which needs nobody."""

    def mark(self, contents: Mapping[str, bytes]) -> None:
        """Write the person's mark for a ruleset, by its three files; a mark that is there stays."""
        self.approver.mark(ruleset_digest(contents))

    def has_marked(self, contents: Mapping[str, bytes]) -> bool:
        """Return whether the person's mark is on a ruleset, by its three files."""
        return self.approver.has_marked(ruleset_digest(contents))

    def waits(self, contents: Mapping[str, bytes]) -> bool:
        """Return whether a ruleset waits for somebody else once the person's mark is on it, by its three files."""
        digest = ruleset_digest(contents)
        marks = ChangeMarks(self.approver.s3, self.approver.bucket, self.approver.kind)
        return digest != self.known and not are_two([*marks.people(digest), self.approver.operator.user_id])

    def approve(self, newest: RulesetVersion | None, digest: str, *, reason: str) -> None:
        """Write the person's mark for the newest ruleset, with a record.

        Args:
            newest: what is stored now.
            digest: of the ruleset that the person has seen, whole: two rulesets can be made that share a version.
            reason: why it may become active.

        Raises:
            ApprovalError: another ruleset is stored by now, or the person's mark is on it already.
            ReasonError: the reason is empty, too long or holds a card number.
        """
        why = checked_reason(reason)
        if newest is None or newest.digest is None or newest.digest != digest:
            raise ApprovalError(
                f"the newest ruleset is not {shown(digest)} (any more): look at it again, and give the whole digest"
            )
        self.approver.approve(digest, "ruleset", reason=why, after={"version": newest.version})
