"""Rules that a person edits: checked as the functions do, published with a reason, and taken back; with records.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from dataclasses import dataclass
from typing import Final

from fraudstream.contract import RULESET_FILE
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream_tools.operations.approving import ApprovalError
from fraudstream_tools.operations.audit.change_note import ChangeNote, checked_reason
from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.audit.records import AuditLog
from fraudstream_tools.operations.rulesets.active import ConcurrentChangeError, RulesetBucket, RulesetPlan
from fraudstream_tools.operations.rulesets.approving import RuleApproval
from fraudstream_tools.operations.rulesets.history import RuleChange, checked_as_new

_TARGET: Final = "ruleset"


_ACTIONS: Final = {RuleChange.DEPLOY: "publish-rules", RuleChange.ROLL_BACK: "roll-back-rules"}
"""As records have it."""


@dataclass(frozen=True, kw_only=True)
class RulePublishing:
    """Checks, publishes and takes back rules in the name of one person; exchange rates and lists stay as they are."""

    rulesets: RulesetBucket
    operator: Operator
    audit: AuditLog
    approval: RuleApproval | None = None
    """Puts the person's mark on what they publish; None where no second person is asked for."""

    def read(self, draft: str) -> Ruleset:
        """Return a draft of ruleset.yaml as the functions would read it, beside the stored rates and lists.

        Raises:
            RulesetError: every problem of the draft.
        """
        return checked_as_new({**self.rulesets.stored().contents, RULESET_FILE: draft_file(draft)})

    def check(self, draft: str) -> RulesetPlan:
        """Return what would change if a draft of ruleset.yaml became active.

        Raises:
            RulesetError: every problem of the draft.
        """
        stored = self.rulesets.stored().contents
        return self.rulesets.plan_deployment({**stored, RULESET_FILE: draft_file(draft)})

    def publish(self, draft: str, *, base: str, reason: str) -> RulesetPlan:
        """Make a draft of ruleset.yaml active, and return what changed.

        Args:
            draft: the whole file.
            base: the digest of what was stored when the draft was made.
            reason: why; it is shown in the history.

        Raises:
            RulesetError: every problem of the draft.
            ConcurrentChangeError: somebody else changed the ruleset since.
            ReasonError: the reason is empty, too long or holds a card number.
        """
        why = checked_reason(reason)
        plan = self.plan(draft, base=base)
        self.store(RuleChange.DEPLOY, plan, why)
        return plan

    def plan(self, draft: str, *, base: str) -> RulesetPlan:
        """Return what would change if a draft took the place of what was stored when it was made.

        Raises:
            RulesetError: every problem of the draft.
            ConcurrentChangeError: somebody else changed the ruleset since.
        """
        plan = self.check(draft)
        _check_base(plan, base)
        return plan

    def roll_back(self, version: str, *, base: str, reason: str) -> RulesetPlan:
        """Make an earlier ruleset active again, all three files of it, and return what changed.

        Args:
            version: the earlier one.
            base: the digest of what was stored when the person decided it.
            reason: why; it is shown in the history.

        Raises:
            NoSuchVersionError: there is none, or the functions would refuse it.
            ConcurrentChangeError: somebody else changed the ruleset meanwhile.
            ReasonError: the reason is empty, too long or holds a card number.
        """
        why = checked_reason(reason)
        plan = self.rulesets.plan_rollback(version)
        _check_base(plan, base)
        self.store(RuleChange.ROLL_BACK, plan, why)
        return plan

    def waiting(self) -> RulesetPlan | None:
        """Return what would change if somebody else approved the newest ruleset; None where it waits for nobody."""
        newest = next(self.rulesets.history(), None)
        if newest is None or not newest.waits:
            return None
        return self.rulesets.plan_deployment(newest.contents, is_stored=True)

    def has_marked(self, plan: RulesetPlan) -> bool:
        """Return whether the person's mark is on a ruleset that waits; whoever published it has put theirs on it."""
        return self.approval is not None and self.approval.has_marked(plan.contents)

    def waits(self, plan: RulesetPlan) -> bool:
        """Return whether a ruleset waits for somebody else once this person has stored it."""
        return self.approval is not None and self.approval.waits(plan.contents)

    def approve(self, digest: str, *, reason: str) -> None:
        """Write the person's mark for the newest ruleset.

        Args:
            digest: of the one that they have seen.
            reason: why it may become active.

        Raises:
            ApprovalError: another one is stored by now, their mark is on it already, or nobody asks for marks.
            ReasonError: the reason is empty, too long or holds a card number.
        """
        if self.approval is None:
            raise ApprovalError("this stack asks for no second person: see the setting fourEyes")
        self.approval.approve(next(self.rulesets.history(), None), digest, reason=reason)

    def store(self, change: RuleChange, plan: RulesetPlan, reason: str | None) -> None:
        """Store the files of a plan, with a record, and with the person's mark where one is asked for.

        Raises:
            ConcurrentChangeError: somebody else changed the ruleset since the plan was made.
        """
        before, after = {"version": plan.before}, {"version": plan.after}
        with self.audit.recorded(_ACTIONS[change], _TARGET, reason=reason or "", before=before, after=after):
            if self.approval:
                self.approval.mark(plan.contents)
            self.rulesets.put(plan, ChangeNote(action=change.value, by=self.operator.arn, reason=reason))


def _check_base(plan: RulesetPlan, base: str) -> None:
    if plan.stored.digest != base:
        raise ConcurrentChangeError(
            "somebody else has stored another ruleset since you began: open the editor in another tab, and carry the "
            "change over"
        )


def draft_file(text: str) -> bytes:
    """Return a text as browsers send it with the line ends that files have."""
    return (text.replace("\r\n", "\n").rstrip("\n") + "\n").encode()
