"""The second person: looks at a ruleset that waits, and puts their mark on it.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fraudstream.contract import RULESET_FILES, files_digest
from fraudstream_tools.operations.approving import ApprovalError, Approver
from fraudstream_tools.operations.audit.change_note import checked_reason
from fraudstream_tools.operations.rulesets.history import RulesetVersion


@dataclass(frozen=True)
class RuleApproval:
    """What one person may do for rulesets that need two."""

    approver: Approver

    def mark(self, contents: Mapping[str, bytes]) -> None:
        """Write the person's mark for a ruleset, by its three files; a mark that is there stays."""
        self.approver.mark(_digest(contents))

    def has_marked(self, contents: Mapping[str, bytes]) -> bool:
        """Return whether the person's mark is on a ruleset, by its three files."""
        return self.approver.has_marked(_digest(contents))

    def approve(self, newest: RulesetVersion | None, version: str, *, reason: str) -> None:
        """Write the person's mark for the newest ruleset, with a record.

        Args:
            newest: what is stored now.
            version: which ruleset the person has seen.
            reason: why it may become active.

        Raises:
            ApprovalError: another ruleset is stored by now, or the person's mark is on it already.
            ReasonError: the reason is empty, too long or holds a card number.
        """
        why = checked_reason(reason)
        if newest is None or newest.version != version:
            raise ApprovalError(f"the newest ruleset is not {version} (any more): look at it again")
        self.approver.approve(_digest(newest.contents), "ruleset", reason=why, after={"version": newest.version})


def _digest(contents: Mapping[str, bytes]) -> str:
    return files_digest(*(contents[name] for name in RULESET_FILES))
