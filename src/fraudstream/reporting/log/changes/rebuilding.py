"""Makes what the log lacks of a day again, from the table of transactions.

Lines are only ever added: what the log has is left as it is. The table does not know everything that the log knew: of
several labels of a transaction only the newest, and not when the stream told of a change. The times of receipt,
decision and label stand in.
"""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fraudstream.contract import RESTORED_AT, ItemKind
from fraudstream.reporting.log.chain.links import LinkKind
from fraudstream.reporting.log.chain.segment_seals import sealed
from fraudstream.reporting.log.columns import FILES
from fraudstream.reporting.log.erasure_marks import ErasureMark, without_erased
from fraudstream.reporting.log.hours.roll_up import RollUp
from fraudstream.reporting.log.keys import (
    HOUR_FORMAT,
    LogTable,
    hour_of,
    midnight,
    milliseconds,
    table_of,
    table_prefix,
)
from fraudstream.reporting.log.record import LogEvent, LogRecord, PoisonRecordError, read_stream_record
from fraudstream.reporting.log.segments import Segment, compress, rebuilt_key
from fraudstream.reporting.storage.download import fetch_all
from fraudstream.transactions.storage.item import without_damaged

if TYPE_CHECKING:
    import duckdb
    from mypy_boto3_dynamodb import DynamoDBClient

PART_ITEMS: Final = 50_000
"""Items of the table in one part of the scan, about: half a minute's work."""
LEAST_PARTS: Final = 128
"""DynamoDB counts about every six hours: of a table that was just made anew and filled from a backup it says that it is
empty. A part of 200 million items is read in less than `PART_SECONDS` still."""
MOST_PARTS: Final = 1_000_000
"""DynamoDB's limit for the parts of a parallel scan."""
LINES: Final = 20_000
"""Transactions whose lines are compared with the log at once."""
PART_SECONDS: Final = 90.0
"""What must be left of the function's time for one more part of the scan."""
_COMPARED: Final = (LogTable.DECISIONS, LogTable.LABELS, LogTable.TALLIES, LogTable.IDS)

_KNOWN: Final = """
CREATE TABLE decided AS SELECT DISTINCT transactionId FROM decisions;
CREATE TABLE told AS SELECT DISTINCT transactionId, labeledAt, label, coalesce(learnt, false) AS learnt FROM labels;
CREATE TABLE unstored AS SELECT DISTINCT key AS transactionId FROM tallies WHERE dimension = 'onlyDecided'
    AND key NOT IN (SELECT key FROM tallies WHERE dimension = 'onlyStored');
"""
_MISSING: Final = """
SELECT number FROM lines WHERE CASE event
    WHEN 'DECIDED' THEN transactionId NOT IN (FROM decided)
    WHEN 'LABELED' THEN NOT EXISTS (
        FROM told WHERE told.transactionId = lines.transactionId AND told.labeledAt = lines.labeledAt
            AND told.label = lines.label AND (told.learnt OR NOT lines.learnt)
    )
    ELSE {fingerprint} NOT IN (SELECT fingerprint FROM ids) OR transactionId IN (FROM unstored) END
ORDER BY number
"""


class RebuiltParts(msgspec.Struct, frozen=True, kw_only=True):
    """What came of some parts of the table."""

    parts: int
    """How many were looked at."""
    looked: int
    """Transactions of the day that the table holds there."""
    added: int
    """Lines that the log did not have."""
    hours: list[str]
    """Hours of the log that have new segments, to be merged: such as `2026-11-22T14`."""


@dataclass(frozen=True, kw_only=True)
class LogRebuild:
    """Makes the log of one day again."""

    roll_up: RollUp
    key: bytes
    """Key of the segments' seals."""
    day: date
    """Day of receipt, UTC."""
    counting: Callable[[Sequence[Mapping[str, Any]]], Sequence[Mapping[str, Any]]] = lambda records: records
    """Returns the records without the labels that still wait for a second person."""

    def prepare(self, now: datetime) -> None:
        """Merge what there is of the day, and make its files again that are gone.

        Raises:
            OutOfTimeError: not all of it is done; call again.
        """
        since = midnight(self.day) - timedelta(hours=1)
        self.roll_up.run(since, now + timedelta(hours=1))
        there = {key for table in LogTable for key in self._files(table)}
        written = {key for note in self.roll_up.notes(since) for key in note.files if table_of(key)}
        self.roll_up.remake({hour_of(key) for key in written - there if f"date={self.day}/" in key})

    def add_missing(self, parts: Iterable[Iterable[Mapping[str, Any]]], marks: Sequence[ErasureMark]) -> RebuiltParts:
        """Write segments of what the log lacks: of one part of the table after the other, while there is time.

        What the log has of the day is fetched once for all of them.

        Args:
            parts: of each the transactions of the day, as the table has them; the first is always looked at.
            marks: of persons who are being erased.
        """
        from fraudstream.reporting.storage.duckdb_engine import connect  # noqa: PLC0415  (slow to import)

        done, looked, added, hours = 0, 0, 0, set[str]()
        with tempfile.TemporaryDirectory() as name, connect(Path(name)) as connection:
            self._open(connection, Path(name))
            for items in parts:
                remaining = iter(items)
                while batch := list(islice(remaining, LINES)):
                    looked += len(batch)
                    stored = self.counting([_as_stored(item) for item in batch])
                    lines = [line for each in stored for line in _lines_of(each, marks)]
                    missing = _missing(connection, lines)
                    added += len(missing)
                    hours |= self._write(missing)
                done += 1
                if self.roll_up.time_left() < PART_SECONDS:
                    break
        return RebuiltParts(parts=done, looked=looked, added=added, hours=sorted(hours))

    def merge(self, hour: str) -> None:
        """Merge an hour that has new segments; nothing that it had before is lost.

        Raises:
            OutOfTimeError: there is no time for it; call again.
        """
        self.roll_up.remake([hour], kind=LinkKind.REBUILT)

    def _files(self, table: LogTable) -> list[str]:
        return list(self.roll_up.store.find(table_prefix(self.roll_up.log_prefix, table, self.day)))

    def _open(self, connection: "duckdb.DuckDBPyConnection", folder: Path) -> None:
        from fraudstream.reporting.storage.duckdb_engine import listed  # noqa: PLC0415  (as above)

        for table in _COMPARED:
            columns = ", ".join(f"NULL::{kind} AS {name}" for name, kind in FILES[table].items())
            paths = fetch_all(self.roll_up.store, self._files(table), folder / table)
            more = f" UNION ALL BY NAME FROM read_parquet({listed(paths)}, union_by_name = true)" if paths else ""
            connection.execute(f"CREATE VIEW {table} AS SELECT {columns} WHERE false{more}")
        connection.execute(_KNOWN)

    def _write(self, lines: Iterable[LogRecord]) -> set[str]:
        hours: dict[datetime, list[LogRecord]] = {}
        for line in lines:
            hour = datetime.fromtimestamp(line.logged_at / 1000, UTC).replace(minute=0, second=0, microsecond=0)
            hours.setdefault(hour, []).append(line)
        for hour, lines_of_hour in hours.items():
            key = rebuilt_key(self.roll_up.log_prefix, hour, len(lines_of_hour))
            segment = sealed(Segment(key=key, body=compress(lines_of_hour), records=len(lines_of_hour)), self.key)
            self.roll_up.store.write(segment.key, segment.body)
        return {f"{hour:{HOUR_FORMAT}}" for hour in hours}


def _as_stored(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the record of the stream that an item would have made if it had been stored as it is now."""
    # What was copied back from a backup carries a mark by which the log leaves it alone: here it is what is wanted.
    image = {name: value for name, value in without_damaged(item).items() if name != RESTORED_AT}
    return {"eventName": "INSERT", "dynamodb": {"NewImage": image, "ApproximateCreationDateTime": _received(item)}}


def _lines_of(stored: Mapping[str, Any], marks: Sequence[ErasureMark]) -> list[LogRecord]:
    """Return what the log would tell of a stored transaction; nothing of a person who is being erased."""
    record = without_erased(stored, marks)
    if record is None:
        return []
    try:
        lines = read_stream_record(record)
    except PoisonRecordError:
        return []
    decided_at = max((line.decided_at or 0 for line in lines), default=0)
    return [msgspec.structs.replace(line, logged_at=_logged_at(line, decided_at)) for line in lines]


def _received(item: Mapping[str, Any]) -> float:
    return int(item["receivedAt"]["N"]) / 1000


def _logged_at(line: LogRecord, decided_at: int) -> int:
    match line.event:
        case LogEvent.DECIDED:
            return line.decided_at or line.logged_at
        case LogEvent.LABELED:
            return max(line.labeled_at or 0, decided_at, line.logged_at)
        case _:
            return line.logged_at


def _missing(connection: "duckdb.DuckDBPyConnection", lines: list[LogRecord]) -> list[LogRecord]:
    """Return those of some lines that the log does not have."""
    from fraudstream.reporting.log.hours.merging import FINGERPRINT  # noqa: PLC0415  (slow to import)

    connection.execute(
        "CREATE OR REPLACE TEMP TABLE lines AS SELECT unnest($numbers::INTEGER[]) AS number, "
        "unnest($events::VARCHAR[]) AS event, unnest($ids::VARCHAR[]) AS transactionId, "
        "unnest($times::BIGINT[]) AS labeledAt, unnest($labels::VARCHAR[]) AS label, "
        "unnest($learnt::BOOLEAN[]) AS learnt",
        {
            "numbers": list(range(len(lines))),
            "events": [line.event.value for line in lines],
            "ids": [line.transaction_id for line in lines],
            "times": [line.labeled_at for line in lines],
            "labels": [line.label for line in lines],
            "learnt": [bool(line.learnt) for line in lines],
        },
    )
    rows = connection.execute(_MISSING.format(fingerprint=FINGERPRINT)).fetchall()
    return [lines[number] for (number,) in rows]


def parts_of(client: "DynamoDBClient", table: str) -> int:
    """Return in how many parts a table is to be looked at."""
    counted = client.describe_table(TableName=table)["Table"].get("ItemCount", 0)
    return min(max(LEAST_PARTS, counted // PART_ITEMS), MOST_PARTS)


def items_of(client: "DynamoDBClient", table: str, day: date, part: int, parts: int) -> Iterable[Mapping[str, Any]]:
    """Yield the transactions that were received on a day, of one part of the table."""
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        TotalSegments=parts,
        Segment=part,
        **received_on(day),
    )
    for page in pages:
        yield from page["Items"]


def received_on(day: date) -> dict[str, Any]:
    """Return the arguments of a scan that reads the transactions which were received on a day, UTC."""
    return {
        "FilterExpression": "kind = :transaction AND receivedAt BETWEEN :start AND :end",
        "ExpressionAttributeValues": {
            ":transaction": {"S": ItemKind.TRANSACTION.value},
            ":start": {"N": str(milliseconds(midnight(day)))},
            ":end": {"N": str(milliseconds(midnight(day + timedelta(days=1))) - 1)},
        },
    }
