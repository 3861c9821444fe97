"""What happens to a batch of stream records that was not delivered as a whole: retries, splits, giving up."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from embedded_aws.streams.records import StreamRecord

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """The whole batch was handled."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The batch was not handled, or only the records before one of them."""

    first_failed: int = 0
    """Index of the record from which on it failed."""
    function_error: str | None = None


@dataclass(frozen=True, kw_only=True)
class NotReached:
    """The batch did not reach its target: a throttle or a fault of a service."""


Outcome = Delivered | Failed | NotReached


class Condition(Enum):
    """Why records were given up, by the name that AWS gives it."""

    RETRY_ATTEMPTS_EXHAUSTED = "RetryAttemptsExhausted"
    RECORD_AGE_EXCEEDED = "RecordAgeExceeded"


@dataclass(frozen=True, kw_only=True)
class RecordBatch:
    """Records that go together, and what became of earlier attempts."""

    records: tuple[StreamRecord, ...]
    retries: int = 0
    """Attempts that count towards the limit."""
    invocations: int = 0
    function_error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Discarded:
    """A batch that was given up."""

    batch: RecordBatch
    condition: Condition


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often, how long and in what pieces a batch is tried again."""

    bisect: bool
    maximum_retries: int
    """-1: without end."""
    maximum_age_seconds: float
    """-1: without end."""


@dataclass(frozen=True, kw_only=True)
class RetryPlan:
    """What to do after an attempt."""

    retry: tuple[RecordBatch, ...] = ()
    """In their order."""
    discarded: Discarded | None = None
    pause: bool = False
    """Whether to wait before the next attempt, longer each time."""


def drop_expired(batch: RecordBatch, policy: RetryPolicy, now: Callable[[], float] = time.time) -> RetryPlan:
    """Discard the records of a batch that are too old to be sent (again)."""
    if policy.maximum_age_seconds < 0:
        return RetryPlan(retry=(batch,))
    oldest_allowed = now() - policy.maximum_age_seconds
    expired = sum(record.created_at < oldest_allowed for record in batch.records)
    if not expired:
        return RetryPlan(retry=(batch,))
    kept = batch.records[expired:]
    return RetryPlan(
        retry=(replace(batch, records=kept),) if kept else (),
        discarded=Discarded(
            batch=replace(batch, records=batch.records[:expired]), condition=Condition.RECORD_AGE_EXCEEDED
        ),
    )


def plan_after(batch: RecordBatch, outcome: Outcome, policy: RetryPolicy) -> RetryPlan:
    """Decide as Lambda does after an attempt to deliver a batch.

    Splitting a batch does not count as a retry; throttles and service errors don't either: only the records' age
    ends those. A partial failure goes on from the first failed record.
    """
    match outcome:
        case Delivered():
            return RetryPlan()
        case NotReached():
            return RetryPlan(retry=(batch,), pause=True)
        case Failed(first_failed=first, function_error=error):
            tried = replace(
                batch, records=batch.records[first:], invocations=batch.invocations + 1, function_error=error
            )
            if policy.bisect and first:
                return RetryPlan(retry=(tried,))
            if policy.bisect and len(tried.records) > 1:
                middle = len(tried.records) // 2
                halves = tried.records[:middle], tried.records[middle:]
                return RetryPlan(retry=tuple(replace(tried, records=half) for half in halves))
            tried = replace(tried, retries=batch.retries + 1)
            if 0 <= policy.maximum_retries < tried.retries:
                return RetryPlan(discarded=Discarded(batch=tried, condition=Condition.RETRY_ATTEMPTS_EXHAUSTED))
            return RetryPlan(retry=(tried,), pause=True)


def see_through(
    batch: RecordBatch,
    policy: RetryPolicy,
    *,
    attempt: Callable[[RecordBatch], Outcome],
    give_up: Callable[[Discarded], None],
    go_on: Callable[[float], bool],
) -> None:
    """Deliver a batch, in pieces and again if need be, until every record is handled or given up.

    Args:
        batch: The records, in their order, which the attempts keep.
        policy: How often, how long and in what pieces.
        attempt: Delivers and says how that went.
        give_up: Takes what is given up.
        go_on: Waits for some seconds and says whether to go on at all.
    """
    todo = deque([batch])
    pause = 0.0
    while todo and go_on(pause):
        fresh = drop_expired(todo.popleft(), policy)
        if fresh.discarded:
            give_up(fresh.discarded)
        pause_next = False
        for current in fresh.retry:
            outcome = attempt(current)
            if not go_on(0.0):
                return
            plan = plan_after(current, outcome, policy)
            if plan.discarded:
                give_up(plan.discarded)
            todo.extendleft(reversed(plan.retry))
            pause_next = plan.pause
        pause = min(max(2 * pause, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS) if pause_next else 0.0


def batch_info(batch: RecordBatch, stream_arn: str, shard_id: str) -> Mapping[str, Any]:
    """Build the `DDBStreamBatchInfo` of a message to a failure destination.

    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
    """
    first, last = batch.records[0], batch.records[-1]
    return {
        "shardId": shard_id,
        "startSequenceNumber": first.sequence_number,
        "endSequenceNumber": last.sequence_number,
        "approximateArrivalOfFirstRecord": _seconds(first.created_at),
        "approximateArrivalOfLastRecord": _seconds(last.created_at),
        "batchSize": len(batch.records),
        "streamArn": stream_arn,
    }


def timestamp_now() -> str:
    """Return the time, in the form of such a message."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(epoch: float) -> str:
    return f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%dT%H:%M:%SZ}"
