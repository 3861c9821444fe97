"""Records of a DynamoDB stream: as GetRecords gives them, as a function sees them, and as batches of them."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

MAXIMUM_PAYLOAD_BYTES = 6 * 1024 * 1024
"""Lambda's quota for one invocation; stream batches are cut to it."""
_ENVELOPE = b'{"Records":['


@dataclass(frozen=True, kw_only=True)
class StreamRecord:
    """A record as a function sees it."""

    sequence_number: str
    created_at: float
    """Approximate creation time in seconds since the epoch."""
    event: Mapping[str, Any]
    encoded: bytes
    """The event in JSON: encoded once, however often it is sent."""
    item: int
    """Hash of the item's whole key: Lambda keeps the order of an item, and not of all that share a partition key."""


def to_record(raw: Mapping[str, Any], stream_arn: str) -> StreamRecord:
    """Turn what GetRecords gives into what Lambda gives to a function.

    Args:
        raw: A record as it came, in JSON.
        stream_arn: The stream's ARN.
    """
    change: Mapping[str, Any] = raw["dynamodb"]
    event: dict[str, Any] = {
        "eventID": raw["eventID"],
        "eventName": raw["eventName"],
        "eventVersion": raw["eventVersion"],
        "eventSource": "aws:dynamodb",
        "awsRegion": raw["awsRegion"],
        "dynamodb": change,
        "eventSourceARN": stream_arn,
    }
    if identity := raw.get("userIdentity"):
        event["userIdentity"] = {"principalId": identity["PrincipalId"], "type": identity["Type"]}
    return StreamRecord(
        sequence_number=change["SequenceNumber"],
        created_at=change["ApproximateCreationDateTime"],
        event=event,
        encoded=msgspec.json.encode(event),
        item=zlib.crc32(json.dumps(change["Keys"], sort_keys=True).encode()),
    )


def to_payload(records: Sequence[StreamRecord]) -> bytes:
    """Build the event of an invocation with some records."""
    return _ENVELOPE + b",".join(record.encoded for record in records) + b"]}"


def count_that_fit(records: Iterable[StreamRecord], maximum: int) -> int:
    """Return how many of the first records go into one batch, by number and by size; at least one."""
    size = len(_ENVELOPE) + 1
    count = 0
    for record in islice(records, maximum):
        size += len(record.encoded) + 1
        if size > MAXIMUM_PAYLOAD_BYTES and count:
            break
        count += 1
    return count
