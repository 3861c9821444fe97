"""Records of what people did: who, what, why, before and after; objects that are only ever added to the bucket.

Only `fraudstream erase` changes them: it takes the erased person out of what a record was about.

A record is written before the change that it tells of, so that there is no change without one. A change that is then
refused gets a second record, which says so. Where AWS did not answer, or the command was stopped, nobody knows whether
the change was made: its second record says that, and the change counts as told.
"""

import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as ConnectionFailedError

from fraudstream.aws.errors import error_code
from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import AUDIT_PREFIX, audit_author
from fraudstream.reporting.storage.json_objects import MOST_OF_A_RECORD, read_json
from fraudstream.reporting.storage.object_store import BucketStore
from fraudstream_tools.operations.audit.identity import Operator, name_in
from fraudstream_tools.redaction import shown

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ALREADY_THERE: Final = "PreconditionFailed"
_LEFT_OPEN: Final = (HTTPClientError, ConnectionFailedError, KeyboardInterrupt, SystemExit)
"""After these, nobody knows what AWS has done."""


class AuditOutcome(StrEnum):
    """What a record says of its change."""

    MADE = "MADE"
    """It was about to be made; it was, unless another record says otherwise."""
    REFUSED = "REFUSED"
    """It was not made: AWS, or a condition, refused it, or it was never begun."""
    UNKNOWN = "UNKNOWN"
    """AWS did not answer, or the command was stopped: it may have been made."""


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing that a person did."""

    id: str
    at: int
    """Epoch milliseconds, by the person's machine."""
    by: str
    """The ARN of the AWS identity, by STS."""
    user_id: str
    action: str
    """Such as `take-alert`, `label-transaction`, `add-to-list`."""
    target: str
    """What it was done to: `transaction#` and an id, or an entity's key such as `card#tok_…`."""
    reason: str = ""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    outcome: AuditOutcome = AuditOutcome.MADE
    refuses: str | None = None
    """The id of the record whose change was not made."""
    doubts: str | None = None
    """The id of the record whose change may not have been made."""
    schema_version: int = 1

    @property
    def key(self) -> str:
        """Where it is stored: by day, then by who wrote it, so that a policy can hold everybody to their own name."""
        day = datetime.fromtimestamp(self.at / 1000, UTC).date()
        return f"{AUDIT_PREFIX}date={day}/{self.user_id}/{self.at:013d}-{self.id}.json"


class AuditLog:
    """Writes and reads records of what people did.

    Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
    """

    def __init__(self, s3: "S3Client", bucket: str, operator: Operator) -> None:
        """Store the bucket and who acts."""
        self._s3 = s3
        self._bucket = bucket
        self._store = BucketStore(s3, bucket)
        self.operator = operator

    @contextmanager
    def recorded(
        self,
        action: str,
        target: str,
        *,
        reason: str = "",
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> Generator[AuditRecord]:
        """Record a change, then let the block make it; a block that raises is recorded as refused, or as in doubt.

        Args:
            action: what is done.
            target: to what.
            reason: why, in the person's words.
            before: what is there, as far as the change touches it.
            after: what will be there.
        """
        record = self._record(action, target, reason, dict(before or {}), dict(after or {}))
        try:
            self._put(record)
        except _LEFT_OPEN:
            # It may be there all the same, and of a change that has not begun.
            with suppress(BotoCoreError, ClientError):
                self._put_outcome(record, AuditOutcome.REFUSED, refuses=record.id)
            raise
        try:
            yield record
        except _LEFT_OPEN:
            # Who stops the command does not know either how far it came.
            self._put_outcome(record, AuditOutcome.UNKNOWN, doubts=record.id)
            raise
        except Exception:
            self._put_outcome(record, AuditOutcome.REFUSED, refuses=record.id)
            raise

    def told(self, action: str, target: str, *, reason: str = "", after: Mapping[str, Any] | None = None) -> None:
        """Record what is about to be done, where it may be done in part; see `recorded`."""
        self._put(self._record(action, target, reason, {}, dict(after or {})))

    def of_day(self, day: date, limit: int) -> tuple[list[AuditRecord], int]:
        """Return the newest records of a UTC day, and how many the day has.

        Args:
            day: of the records' own times.
            limit: how many records are read at most, one request each.
        """
        day_keys = self._store.find(f"{AUDIT_PREFIX}date={day}/")
        keys = sorted(day_keys, key=lambda key: key.rpartition("/")[2], reverse=True)
        return [record for key in keys[:limit] if (record := self._read(key)) is not None], len(keys)

    def people_of(self, day: date) -> set[str]:
        """Return the ARNs of who has records of a UTC day; it takes one request for each of them."""
        newest = {key.rpartition("/")[0]: key for key in self._store.find(f"{AUDIT_PREFIX}date={day}/")}
        return {record.by for key in newest.values() if (record := self._read(key)) is not None}

    def _record(
        self, action: str, target: str, reason: str, before: dict[str, Any], after: dict[str, Any]
    ) -> AuditRecord:
        return AuditRecord(
            id=uuid.uuid4().hex,
            at=epoch_milliseconds(),
            by=self.operator.arn,
            user_id=self.operator.user_id,
            action=action,
            # What somebody typed may be anything.
            target=shown(target),
            reason=reason,
            before=before,
            after=after,
        )

    def _put_outcome(self, record: AuditRecord, outcome: AuditOutcome, **about: str) -> None:
        self._put(
            msgspec.structs.replace(record, id=uuid.uuid4().hex, at=epoch_milliseconds(), outcome=outcome, **about)
        )

    def _put(self, record: AuditRecord) -> None:
        try:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=record.key,
                Body=msgspec.json.encode(record),
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except ClientError as error:
            # The name holds a new id: what is there is this record, whose answer was lost.
            if error_code(error) != _ALREADY_THERE:
                raise

    def _read(self, key: str) -> AuditRecord | None:
        """Return a record; None for one that went meanwhile or that is none of ours."""
        record, author = read_json(self._store.read_at_most(key, MOST_OF_A_RECORD), AuditRecord), audit_author(key)
        return None if record is None or author is None else _in_own_name(record, author)


def _in_own_name(record: AuditRecord, author: str) -> AuditRecord:
    """Return a record in the name of who wrote it: by the ARN that it says, if that can be theirs.

    Args:
        record: as it is stored.
        author: the `aws:userid` in its name. Behind the colon of a session's stands what its ARN ends with.
    """
    _, is_session, session = author.partition(":")
    if record.user_id == author and (not is_session or name_in(record.by) == session):
        return record
    return msgspec.structs.replace(record, by=author, user_id=author)
