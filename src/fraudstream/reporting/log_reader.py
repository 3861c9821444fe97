"""The decision log of a day as tables that SQL can be asked of."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from fraudstream.reporting.segments import all_days_prefix, hour_prefix

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DOWNLOADS = 16
"""Segments fetched side by side: a day of one batch a minute from four shards has 5,760, each of them small."""

CLOCKS_APART = timedelta(hours=1)
"""More than the clocks of a function and of DynamoDB ever differ; the log's folders cannot tell less apart."""

COLUMNS = {
    "event": "VARCHAR", "loggedAt": "BIGINT", "transactionId": "VARCHAR", "timestamp": "BIGINT",
    "receivedAt": "BIGINT", "amountMinor": "BIGINT", "currency": "VARCHAR", "customerId": "VARCHAR",
    "cardToken": "VARCHAR", "merchantId": "VARCHAR", "deviceId": "VARCHAR", "ipAddress": "VARCHAR",
    "decision": "VARCHAR", "score": "INTEGER", "reasons": "VARCHAR[]", "sources": "VARCHAR[]",
    "unevaluableRules": "VARCHAR[]", "shadowHits": "VARCHAR[]", "rulesetVersion": "VARCHAR", "decidedAt": "BIGINT",
    "label": "VARCHAR", "labeledAt": "BIGINT",
}  # fmt: skip
"""The log's columns that the report reads, with DuckDB's types."""

_READ = (
    "read_json($files, format = 'newline_delimited', compression = 'gzip', columns = {"
    + ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    + "})"
)
_NOTHING = "(SELECT " + ", ".join(f"NULL::{kind} AS {name}" for name, kind in COLUMNS.items()) + " WHERE false)"

# Whatever the stream repeated and segments overlap in: one row for each transaction and event, the same one always.
_TABLES = (
    """
CREATE TABLE stored AS
    SELECT transactionId, min(receivedAt) AS receivedAt
    FROM log WHERE event = 'STORED' GROUP BY transactionId
""",
    """
CREATE TABLE decided AS
    SELECT DISTINCT ON (transactionId) * EXCLUDE (event, label, labeledAt)
    FROM log WHERE event = 'DECIDED'
    ORDER BY transactionId, decidedAt, loggedAt
""",
    """
CREATE TABLE labelled AS
    SELECT DISTINCT ON (transactionId) transactionId, label
    FROM log WHERE event = 'LABELED'
    ORDER BY transactionId, labeledAt DESC, loggedAt DESC, label
""",
    """
CREATE TABLE judged AS
    SELECT decided.*, labelled.label AS label, decision IN ('REVIEW', 'DECLINE') AS stopped
    FROM decided LEFT JOIN labelled USING (transactionId)
""",
)


def fetch_segments(client: "S3Client", bucket: str, prefix: str, day: date, folder: Path) -> list[Path]:
    """Bring the segments of a day, of the hour before it and of all days after it to a folder.

    What was received on a day may be stored, decided or labelled after it. The log is ordered by when the stream told
    of that, by DynamoDB's clock, and the day is the processor's: what happened just after midnight by the one may have
    happened just before it by the other.

    Raises:
        botocore.exceptions.ClientError: the bucket could not be read.
    """
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=all_days_prefix(prefix), StartAfter=hour_prefix(prefix, _midnight(day) - CLOCKS_APART)
    )
    keys = [entry.get("Key", "") for page in pages for entry in page.get("Contents", [])]

    def fetch(number: int) -> Path:
        path = folder / f"{number:06}.jsonl.gz"
        path.write_bytes(client.get_object(Bucket=bucket, Key=keys[number])["Body"].read())
        return path

    with ThreadPoolExecutor(DOWNLOADS) as pool:
        return list(pool.map(fetch, range(len(keys))))


def open_log(segments: Sequence[Path], day: date, folder: Path) -> duckdb.DuckDBPyConnection:
    """Load the log of a day into memory: the tables `log`, `stored`, `decided`, `labelled`, `judged` and `newest`.

    They tell of the transactions that were received on the day, whenever it was logged. `judged` has a row for each
    decided transaction, with its newest `label` (or NULL) and `stopped`, whether it was reviewed or declined. `newest`
    has one row: the time of the newest record in any of the segments.

    Args:
        segments: files of the log, in any order.
        day: the day, UTC.
        folder: where DuckDB may put what does not fit into memory.

    Raises:
        duckdb.Error: a segment is not what was written.
    """
    connection = duckdb.connect(
        config={
            # Nothing is ever fetched: json is part of the wheel, and inside the VPC there is nowhere to fetch from.
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": str(folder / "spill"),
        }
    )
    files = {"files": [str(path) for path in segments]} if segments else {}
    source = _READ if segments else _NOTHING
    start = _midnight(day)
    bounds = {"start": _milliseconds(start), "end": _milliseconds(start + timedelta(days=1))}
    # The source is put together of the constants above, and of nothing that anybody sent.
    connection.execute(
        f"CREATE TABLE log AS SELECT * FROM {source} WHERE receivedAt >= $start AND receivedAt < $end",  # noqa: S608
        files | bounds,
    )
    connection.execute(f"CREATE TABLE newest AS SELECT max(loggedAt) AS loggedAt FROM {source}", files)  # noqa: S608
    for statement in _TABLES:
        connection.execute(statement)
    return connection


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
