"""The second person: looks at a ruleset that waits, and puts their mark on it.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import ClientError

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import RULESET_FILES, ruleset_digest
from fraudstream.detection.stores.approvals import Approvals, mark_prefix
from fraudstream_tools.operations.audit.change_note import checked_reason
from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.audit.records import AuditLog
from fraudstream_tools.operations.rulesets.history import RulesetVersion

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ALREADY_THERE = "PreconditionFailed"


class ApprovalError(RuntimeError):
    """A ruleset cannot be approved."""


@dataclass(frozen=True, kw_only=True)
class RuleApproval:
    """What one person may do for rulesets that need two."""

    s3: "S3Client"
    bucket: str
    operator: Operator
    audit: AuditLog

    def mark(self, contents: Mapping[str, bytes]) -> None:
        """Write the person's mark for a ruleset, by its three files; a mark that is there stays."""
        digest = ruleset_digest(*(contents[name] for name in RULESET_FILES))
        body = {"by": self.operator.arn, "userId": self.operator.user_id, "at": epoch_milliseconds()}
        try:
            self.s3.put_object(
                Bucket=self.bucket,
                Key=f"{mark_prefix(digest)}{self.operator.user_id}",
                Body=msgspec.json.encode(body),
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != _ALREADY_THERE:
                raise

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
        files = [newest.contents[name] for name in RULESET_FILES]
        people = Approvals(self.s3, self.bucket).people(*files)
        if self.operator.user_id in people:
            raise ApprovalError("your mark is on it already: somebody else has to look at it")
        after = {"version": newest.version, "digest": ruleset_digest(*files), "approvedBefore": len(people)}
        with self.audit.recorded("approve-rules", "ruleset", reason=why, after=after):
            self.mark(newest.contents)
