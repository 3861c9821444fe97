"""Marks of people on changes that need two of them (setting `fourEyes`): written in one person's name, with a record.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from fraudstream.aws.errors import error_code
from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import FourEyes
from fraudstream.detection.stores.approvals.change_marks import ChangeMarks, are_two, mark_prefix, person_of
from fraudstream_tools.operations.audit.change_note import checked_reason
from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.audit.records import AuditLog

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ALREADY_THERE: Final = "PreconditionFailed"


class ApprovalError(RuntimeError):
    """A change cannot be approved."""


@dataclass(frozen=True, kw_only=True)
class Approver:
    """What one person may do for changes of one kind that need two people."""

    s3: "S3Client"
    bucket: str
    audit: AuditLog
    kind: FourEyes

    @property
    def operator(self) -> Operator:
        """The person."""
        return self.audit.operator

    def mark(self, digest: str) -> None:
        """Write the person's mark for a change, by its digest; a mark that is there stays."""
        body = {"by": self.operator.arn, "userId": self.operator.user_id, "at": epoch_milliseconds()}
        try:
            self.s3.put_object(
                Bucket=self.bucket,
                Key=f"{mark_prefix(self.kind, digest)}{self.operator.user_id}",
                Body=msgspec.json.encode(body),
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error_code(error) != _ALREADY_THERE:
                raise

    def has_marked(self, digest: str) -> bool:
        """Return whether the person's mark is on a change: what it lacks is somebody else's."""
        return self.is_among(ChangeMarks(self.s3, self.bucket, self.kind).people(digest))

    def marked_by(self, digest: str) -> list[str]:
        """Return the names of those whose mark a change has: of a session its name, of a user the `aws:userid`."""
        # By the marks' own names, which alone nobody can write in another's.
        people = ChangeMarks(self.s3, self.bucket, self.kind).people(digest)
        return [user_id.rpartition(":")[2] for user_id in people]

    def is_among(self, marked_by: Iterable[str]) -> bool:
        """Return whether the person is one of those who put a mark on a change, in this role or another one.

        Args:
            marked_by: the `aws:userid` of each.
        """
        return person_of(self.operator.user_id) in map(person_of, marked_by)

    def approve(self, digest: str, target: str, *, reason: str, after: Mapping[str, Any]) -> None:
        """Write the person's mark for what somebody else has changed, with a record.

        Args:
            digest: of the change.
            target: what was changed, as records have it.
            reason: why it may become active.
            after: what the change is, for the record.

        Raises:
            ApprovalError: the person's mark is on it already.
            ReasonError: the reason is empty, too long or holds a card number.
        """
        why = checked_reason(reason)
        people = ChangeMarks(self.s3, self.bucket, self.kind).people(digest)
        if self.is_among(people):
            if are_two(people):
                raise ApprovalError("your mark is on it already, and somebody else's: two people have approved it")
            raise ApprovalError("your mark is on it already: somebody else has to look at it")
        after = {**after, "digest": digest, "approvedBefore": len(people)}
        with self.audit.recorded(f"approve-{self.kind}", target, reason=why, after=after):
            self.mark(digest)
