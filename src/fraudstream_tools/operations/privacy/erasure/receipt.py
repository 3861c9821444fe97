"""What stays of an erasure: what was done, when and by whom; nothing of the person."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from fraudstream.contract import RECEIPTS_PREFIX

if TYPE_CHECKING:
    from fraudstream_tools.operations.privacy.system import PrivacySystem

LOG_DAYS: Final = 7
TRAIL_DAYS: Final = 400
TRACE_DAYS: Final = 30
"""X-Ray's own; it cannot be changed."""
MARK_DAYS: Final = 5
"""They count for a day. The bucket's lifecycle makes each an old version after two, and removes that a day later, both
at the midnight after; DynamoDB's expiry removes those among the profiles sooner."""
RECOVERY_DAYS: Final = 35
"""The most, and what the Pulumi program leaves it at."""


class Remainder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What cannot be erased at once."""

    what: str
    ends: str | None
    """Day, UTC; None where somebody has to end it."""


class ErasureReceipt(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The receipt of an erasure, or of the search for what one would erase."""

    receipt_id: str
    erased_at: str
    """Up to when, ISO 8601, UTC: what was received later is new."""
    by: str
    """The ARN of the AWS identity."""
    dry_run: bool
    removed: dict[str, int]
    """Store to the number of its items, hours of the log or objects that held something, and no longer do."""
    old_versions: int
    """Number of old versions of objects that were removed before their time."""
    by_hand: tuple[str, ...]
    """Keys of objects that name the person, and are kept by people or by the Pulumi program."""
    remains: tuple[Remainder, ...]

    @property
    def found(self) -> int:
        """How much there was."""
        return sum(self.removed.values()) + len(self.by_hand)


def new_receipt_id() -> str:
    """Return an id that tells nothing."""
    return uuid.uuid4().hex


def keep_receipt(system: "PrivacySystem", receipt: ErasureReceipt) -> str:
    """Store a receipt in the bucket, and return its key."""
    key = f"{RECEIPTS_PREFIX}{receipt.erased_at[:10]}-{receipt.receipt_id}.json"
    content = msgspec.json.format(msgspec.json.encode(receipt), indent=2)
    system.s3.put_object(Bucket=system.bucket, Key=key, Body=content, ContentType="application/json")
    return key


def remainders(system: "PrivacySystem", at: datetime) -> tuple[Remainder, ...]:
    """Return what still holds something of a person who was erased at a time, with the day on which it ends."""
    left: list[Remainder] = []
    for table in (system.transactions, system.profiles, system.alerts, system.outbox):
        if table is None:
            continue
        days = _recovery_days(system, table)
        if days:
            left.append(Remainder(what=f"point-in-time recovery of {table}", ends=_day(at, days)))
        left += [Remainder(what=f"backup {name} of {table}", ends=None) for name in _backups(system, table)]
    if system.audit_bucket:
        trail = f"keys of items that people read or changed, in the audit trail in {system.audit_bucket}"
        left.append(Remainder(what=trail, ends=_day(at, TRAIL_DAYS)))
    return (
        *left,
        Remainder(what="marks in profiles and log, by which late records are passed over", ends=_day(at, MARK_DAYS)),
        Remainder(what="transaction ids in the functions' log groups", ends=_day(at, LOG_DAYS)),
        Remainder(what="transaction ids in the traces of X-Ray", ends=_day(at, TRACE_DAYS)),
    )


def _day(at: datetime, days: float) -> str:
    return (at.astimezone(UTC) + timedelta(days=days)).date().isoformat()


def _recovery_days(system: "PrivacySystem", table: str) -> int:
    try:
        answer: Any = system.dynamodb.describe_continuous_backups(TableName=table)
    except ClientError:
        # Who may erase need not be allowed to ask: then the receipt names the longest that there can be.
        return RECOVERY_DAYS
    recovery: Any = answer["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    is_on = recovery.get("PointInTimeRecoveryStatus") == "ENABLED"
    return int(recovery.get("RecoveryPeriodInDays", RECOVERY_DAYS)) if is_on else 0


def _backups(system: "PrivacySystem", table: str) -> list[str]:
    pages = system.dynamodb.get_paginator("list_backups").paginate(TableName=table, BackupType="ALL")
    try:
        return [each.get("BackupName", "") for page in pages for each in page.get("BackupSummaries", ())]
    except ClientError:
        # Who may erase need not be allowed to list backups.
        return []
