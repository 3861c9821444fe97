"""Segments: the decision log as it is first written, one small compressed object for each batch and hour.

A segment's key is made of the hour in which its records entered the stream, of what tells its shard from others, of
its first record's sequence number and of the number of its records. A retry of the same batch therefore overwrites its
own segment, and a shorter one leaves it as it is: whatever was written once stays. A batch that Lambda cuts differently
on a retry overlaps with what is there; readers count each transaction and event once.

Lambda does not say which shard a batch comes from, and a sequence number is unique within its shard alone. The ids of
stream events are unique over all shards, and the same whenever a record is delivered: the first record's stands in for
the shard.
"""

import gzip
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from fraudstream.reporting.log.keys import hour_in
from fraudstream.reporting.log.record import LogEvent, LogRecord, PoisonRecordError, read_stream_record

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SUFFIX = ".jsonl.gz"
_REBUILT = "rebuilt-"
_EVENT_ID = re.compile(r"[\w-]{8,}", re.ASCII)
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One object of the decision log."""

    key: str
    body: bytes
    records: int


@dataclass(frozen=True, kw_only=True)
class SegmentedBatch:
    """A batch of stream records, cut into segments."""

    segments: Sequence[Segment]
    poison: Sequence[str]
    """Sequence numbers of the records that could not be read, in order; empty for a record that has none. New
    transactions among them that can be named are logged by their ids."""


def day_prefix(prefix: str, day: date) -> str:
    """Return the prefix of a day's segments; prefixes sort as their days do."""
    return f"{all_days_prefix(prefix)}date={day.isoformat()}/"


def hour_prefix(prefix: str, moment: datetime) -> str:
    """Return the prefix of an hour's segments; prefixes sort as their hours do.

    Args:
        prefix: of the decision log's keys in its bucket.
        moment: a time in the hour, UTC.
    """
    return f"{day_prefix(prefix, moment.date())}hour={moment:%H}/"


def hour_of_segment(key: str) -> str:
    """Return the hour of the log that a segment is of, such as `2026-11-22T14`."""
    *_, day, hour, _ = key.split("/")
    return hour_in(day, hour)


def rebuilt_key(prefix: str, moment: datetime, records: int) -> str:
    """Return the key, without its seal, of a segment that is made again from the table, of an hour's lines.

    Args:
        prefix: of the decision log's keys in its bucket.
        moment: a time in the hour, UTC.
        records: how many lines it has.
    """
    return f"{hour_prefix(prefix, moment)}{_REBUILT}{records}{SUFFIX}"


def is_rebuilt(key: str) -> bool:
    """Return whether a segment was made again from the table: it says only what the log did not have then."""
    return key.rpartition("/")[2].startswith(_REBUILT)


def all_days_prefix(prefix: str) -> str:
    """Return the prefix of all segments."""
    return f"{prefix}segments/"


def cut(batch: Iterable[Mapping[str, Any]], prefix: str) -> SegmentedBatch:
    """Convert a batch of stream records to segments.

    Everything readable is kept, also behind a record that is not.

    Args:
        batch: stream records as Lambda hands them over.
        prefix: of the decision log's keys in its bucket.
    """
    hours: dict[str, list[LogRecord]] = {}
    origins: dict[str, str] = {}
    poison: list[str] = []
    for record in batch:
        try:
            lines = read_stream_record(record)
            origin = _origin(record) if lines else ""
        except PoisonRecordError:
            poison.append(_sequence_number(record) or "")
            continue
        if any(line.event is LogEvent.UNREADABLE for line in lines):
            poison.append(_sequence_number(record) or "")
        if lines:
            folder = hour_prefix(prefix, datetime.fromtimestamp(lines[0].logged_at / 1000, UTC))
            origins.setdefault(folder, origin)
            hours.setdefault(folder, []).extend(lines)
    segments = [
        Segment(key=f"{folder}{origins[folder]}-{len(lines)}{SUFFIX}", body=compress(lines), records=len(lines))
        for folder, lines in hours.items()
    ]
    return SegmentedBatch(segments=segments, poison=poison)


def write(client: "S3Client", bucket: str, segments: Iterable[Segment]) -> None:
    """Write segments to the bucket.

    Raises:
        botocore.exceptions.ClientError: S3 refused one; writing them all again does no harm.
    """
    for segment in segments:
        client.put_object(Bucket=bucket, Key=segment.key, Body=segment.body, ContentType="application/x-ndjson")


def _origin(record: Mapping[str, Any]) -> str:
    event, number = record.get("eventID"), _sequence_number(record)
    if not number or not isinstance(event, str) or not _EVENT_ID.fullmatch(event):
        raise PoisonRecordError("a stream record needs eventID and SequenceNumber")
    return f"{event[:8]}-{number}"


def _sequence_number(record: object) -> str | None:
    match record:
        case {"dynamodb": {"SequenceNumber": str(number)}} if number.isdecimal():
            return number
        case _:
            return None


def compress(records: Iterable[LogRecord]) -> bytes:
    """Return a segment's bytes."""
    # No time in the header: the same records give the same bytes.
    return gzip.compress(_ENCODER.encode_lines(list(records)), compresslevel=6, mtime=0)
