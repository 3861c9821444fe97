"""Records of what people did: who, what, why, before and after; objects that are only ever added to the bucket.

A record is written before the change that it tells of, so that there is no change without one. A change that is then
refused gets a second record, which says so.
"""

import time
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from fraudstream.contract import AUDIT_PREFIX
from fraudstream.detection.stores.s3_cache import is_absent

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient

_ALREADY_THERE: Final = "PreconditionFailed"


class AuditOutcome(StrEnum):
    """What a record says of its change."""

    MADE = "MADE"
    """It was about to be made; it was, unless another record says `REFUSED`."""
    REFUSED = "REFUSED"
    """It was not made: AWS, or a condition, refused it."""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Who works with a running fraudstream, as STS says."""

    user_id: str
    """What policies call `aws:userid`."""
    arn: str

    @property
    def name(self) -> str:
        """The last part of the ARN: a user's name, or a role's session."""
        return self.arn.rpartition(":")[2].rpartition("/")[2]


def operator_of(sts: "STSClient") -> Operator:
    """Return whose credentials a client's calls are made with.

    Raises:
        ClientError: AWS refuses to say it.
        BotoCoreError: AWS cannot be reached, or there are no credentials.
    """
    answer = sts.get_caller_identity()
    return Operator(user_id=answer["UserId"], arn=answer["Arn"])


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

    def __init__(
        self,
        s3: "S3Client",
        bucket: str,
        operator: Operator,
        clock: Callable[[], int] = lambda: int(time.time() * 1000),
    ) -> None:
        """Store the bucket, who acts, and a clock that returns epoch milliseconds."""
        self._s3 = s3
        self._bucket = bucket
        self._operator = operator
        self._clock = clock

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
        """Record a change, then let the block make it; a block that raises is recorded as refused.

        Args:
            action: what is done.
            target: to what.
            reason: why, in the person's words.
            before: what is there, as far as the change touches it.
            after: what will be there.
        """
        record = self._record(action, target, reason, dict(before or {}), dict(after or {}))
        self._put(record)
        try:
            yield record
        except Exception:
            self._put(
                msgspec.structs.replace(
                    record,
                    id=uuid.uuid4().hex,
                    at=self._clock(),
                    outcome=AuditOutcome.REFUSED,
                    refuses=record.id,
                )
            )
            raise

    def of_day(self, day: date, limit: int) -> tuple[list[AuditRecord], int]:
        """Return the newest records of a UTC day, and how many the day has.

        Args:
            day: of the records' own times.
            limit: how many records are read at most, one request each.
        """
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{AUDIT_PREFIX}date={day}/"
        )
        keys = [item["Key"] for page in pages for item in page.get("Contents", ()) if "Key" in item]
        keys.sort(key=lambda key: key.rpartition("/")[2], reverse=True)
        return [record for key in keys[:limit] if (record := self._read(key)) is not None], len(keys)

    def _record(
        self, action: str, target: str, reason: str, before: dict[str, Any], after: dict[str, Any]
    ) -> AuditRecord:
        return AuditRecord(
            id=uuid.uuid4().hex,
            at=self._clock(),
            by=self._operator.arn,
            user_id=self._operator.user_id,
            action=action,
            target=target,
            reason=reason,
            before=before,
            after=after,
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
            # The name holds a new id: what stands there is this record, whose answer was lost.
            if error.response.get("Error", {}).get("Code") != _ALREADY_THERE:
                raise

    def _read(self, key: str) -> AuditRecord | None:
        """Return a record; None for one that went meanwhile or that is none of ours."""
        try:
            content = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            return msgspec.json.decode(content, type=AuditRecord)
        except msgspec.DecodeError:
            return None
        except ClientError as error:
            if not is_absent(error):
                raise
            return None
