"""Compares the log with its chain, adds links for what was changed on purpose, and makes a day's log again."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import DECISION_LOG_PREFIX
from fraudstream.reporting.log.chain.links import LinkKind
from fraudstream.reporting.log.changes import rebuilding
from fraudstream.reporting.log.changes.rebuilding import LogRebuild
from fraudstream.reporting.log.erasure_marks import read_marks
from fraudstream.reporting.log.hours.roll_up import RollUp
from fraudstream.reporting.log.keys import HOUR_FORMAT, hour_key
from fraudstream.reporting.log.verification.added_files import added_files
from fraudstream.reporting.log.verification.added_segments import added_segments
from fraudstream.reporting.log.verification.against_chain import verify
from fraudstream.reporting.tasks.asked import UnknownEventError
from fraudstream.reporting.tasks.means import Means
from fraudstream.settings import Metric


def verify_log(means: Means, since: date, until: date) -> Mapping[str, Any]:
    """Compare the log of some days with its chain and notes, the first and the last day included."""
    first, last = (datetime(day.year, day.month, day.day, hour, tzinfo=UTC) for day, hour in ((since, 0), (until, 23)))
    chain = means.chain()
    verification = verify(means.store, DECISION_LOG_PREFIX, chain, first, last)
    if verification.links:
        now = datetime.now(UTC)
        added = added_files(means.store, DECISION_LOG_PREFIX, first, last, now)
        added += added_segments(means.store, DECISION_LOG_PREFIX, chain, since=since, until=until, now=now)
        verification = msgspec.structs.replace(verification, findings=(*verification.findings, *added))
    if verification.findings:
        means.meter.count(Metric.LOG_CHANGED, len(verification.findings))
    return msgspec.to_builtins(verification)


def chain_hours(means: Means, hours: Sequence[datetime], kind: LinkKind) -> Mapping[str, Any]:
    """Add links for notes of hours that were changed on purpose."""
    chain, store = means.chain(), means.store
    done: list[str] = []
    for hour in sorted(hours):
        note = store.read(hour_key(DECISION_LOG_PREFIX, hour))
        if note is not None:
            name = hour.strftime(HOUR_FORMAT)
            chain.append(kind, name, note)
            done.append(name)
    means.log.info("hours of the log were changed on purpose", count=len(done), codes=[kind])
    return {"chained": done}


def rebuild_log(means: Means, day: date, part: object, parts: object) -> Mapping[str, Any]:
    """Add what the log lacks of a day, from as many parts of the table as there is time for.

    Args:
        means: what to work with.
        day: the day.
        part: the first part, from 0 on, as the answer before said; anything but a number begins.
        parts: how many there are, as the answer before said.

    Raises:
        UnknownEventError: there is no such part.
    """
    rebuild, table = _log_rebuild(means, day), means.settings.transactions_table
    if not isinstance(part, int) or not isinstance(parts, int):
        rebuild.prepare(datetime.now(UTC))
        part, parts = 0, rebuilding.parts_of(means.dynamodb, table)
    if not 0 <= part < parts <= rebuilding.MOST_PARTS:
        raise UnknownEventError('"part" must be less than "parts"')
    marks = read_marks(means.store, epoch_milliseconds())
    scanned = (rebuilding.items_of(means.dynamodb, table, day, each, parts) for each in range(part, parts))
    done = rebuild.add_missing(scanned, marks)
    means.log.info("the log of a day was compared with a part of the table", date=day.isoformat(), count=done.added)
    return {"looked": done.looked, "added": done.added, "hours": done.hours, "part": part + done.parts, "parts": parts}


def merge_rebuilt(means: Means, day: date, hours: Sequence[datetime]) -> Mapping[str, Any]:
    """Merge the first of some hours that have new segments, and return the others."""
    rebuild, names = _log_rebuild(means, day), [hour.strftime(HOUR_FORMAT) for hour in hours]
    for name in names[:1]:
        rebuild.merge(name)
    return {"left": names[1:]}


def _log_rebuild(means: Means, day: date) -> LogRebuild:
    merging = RollUp(
        store=means.store, log_prefix=DECISION_LOG_PREFIX, time_left=means.seconds_left, chain=means.chain()
    )
    return LogRebuild(roll_up=merging, key=means.log_key, day=day, counting=means.counting)
