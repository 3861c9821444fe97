"""Rules that a person edits: checked as the functions do, published with a reason, and taken back; with records.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from dataclasses import dataclass

from fraudstream.contract import RULESET_FILE
from fraudstream_tools.operations.audit.change_note import ChangeNote, checked_reason
from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.audit.records import AuditLog
from fraudstream_tools.operations.rulesets.active import ConcurrentChangeError, RulesetBucket, RulesetPlan

_TARGET = "ruleset"


@dataclass(frozen=True, kw_only=True)
class RulePublishing:
    """Checks, publishes and takes back rules in the name of one person; exchange rates and lists stay as they are."""

    rulesets: RulesetBucket
    operator: Operator
    audit: AuditLog

    def check(self, draft: str) -> RulesetPlan:
        """Return what would change if a draft of ruleset.yaml became active.

        Raises:
            RulesetError: every problem of the draft.
        """
        stored = self.rulesets.stored().contents
        return self.rulesets.plan_deployment({**stored, RULESET_FILE: _unix(draft)})

    def publish(self, draft: str, *, base: str, reason: str) -> RulesetPlan:
        """Make a draft of ruleset.yaml active, and return what changed.

        Args:
            draft: the whole file.
            base: the version of the ruleset that the draft was made from.
            reason: why; it is shown in the history.

        Raises:
            RulesetError: every problem of the draft.
            ConcurrentChangeError: somebody else changed the ruleset since.
            ReasonError: the reason is empty, too long or holds a card number.
        """
        why = checked_reason(reason)
        plan = self.check(draft)
        if (plan.before or "") != base:
            raise ConcurrentChangeError(
                f"the active ruleset is {plan.before} by now, and the draft was made from {base or 'none'}: load the "
                "page again, and carry the change over"
            )
        self._put("publish-rules", "deploy", plan, why)
        return plan

    def roll_back(self, version: str, *, reason: str) -> RulesetPlan:
        """Make an earlier ruleset active again, all three files of it, and return what changed.

        Raises:
            NoSuchVersionError: there is none, or the functions would refuse it.
            ConcurrentChangeError: somebody else changed the ruleset meanwhile.
            ReasonError: the reason is empty, too long or holds a card number.
        """
        why = checked_reason(reason)
        plan = self.rulesets.plan_rollback(version)
        self._put("roll-back-rules", "rollback", plan, why)
        return plan

    def _put(self, action: str, command: str, plan: RulesetPlan, reason: str) -> None:
        before, after = {"version": plan.before}, {"version": plan.after}
        with self.audit.recorded(action, _TARGET, reason=reason, before=before, after=after):
            self.rulesets.put(plan, ChangeNote(action=command, by=self.operator.arn, reason=reason))


def _unix(text: str) -> bytes:
    """Return a text as browsers send it with the line ends that files have."""
    return (text.replace("\r\n", "\n").rstrip("\n") + "\n").encode()
