"""The decision log of a day as tables that SQL can be asked of."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from fraudstream.reporting.segments import day_prefix

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

COLUMNS = {
    "event": "VARCHAR", "loggedAt": "BIGINT", "transactionId": "VARCHAR", "timestamp": "BIGINT",
    "receivedAt": "BIGINT", "amountMinor": "BIGINT", "currency": "VARCHAR", "customerId": "VARCHAR",
    "cardToken": "VARCHAR", "merchantId": "VARCHAR", "deviceId": "VARCHAR", "ipAddress": "VARCHAR",
    "decision": "VARCHAR", "score": "INTEGER", "reasons": "VARCHAR[]", "sources": "VARCHAR[]",
    "unevaluableRules": "VARCHAR[]", "shadowHits": "VARCHAR[]", "rulesetVersion": "VARCHAR", "decidedAt": "BIGINT",
    "label": "VARCHAR", "labeledAt": "BIGINT",
}  # fmt: skip
"""The log's columns that the report reads, with DuckDB's types."""

# Whatever the stream repeated and segments overlap in: one row for each transaction and event, the same one always.
_TABLES = """
CREATE TABLE stored AS
    SELECT transactionId, any_value(receivedAt) AS receivedAt
    FROM log WHERE event = 'STORED' AND receivedAt >= $start AND receivedAt < $end GROUP BY transactionId;
CREATE TABLE decided AS
    SELECT DISTINCT ON (transactionId) * EXCLUDE (event, label, labeledAt)
    FROM log WHERE event = 'DECIDED' AND receivedAt >= $start AND receivedAt < $end
    ORDER BY transactionId, decidedAt, loggedAt;
CREATE TABLE labelled AS
    SELECT DISTINCT ON (transactionId) transactionId, label
    FROM log WHERE event = 'LABELED' AND receivedAt >= $start AND receivedAt < $end
    ORDER BY transactionId, labeledAt DESC, loggedAt DESC, label;
CREATE TABLE judged AS
    SELECT decided.*, labelled.label AS label, decision IN ('REVIEW', 'DECLINE') AS stopped
    FROM decided LEFT JOIN labelled USING (transactionId);
"""


def fetch_segments(client: "S3Client", bucket: str, prefix: str, day: date, folder: Path) -> list[Path]:
    """Bring the segments of a day and of the next one to a folder.

    The next day's are needed, because what was received before midnight may be stored, decided or labelled after it.

    Raises:
        botocore.exceptions.ClientError: the bucket could not be read.
    """
    paths: list[Path] = []
    for each in (day, day + timedelta(days=1)):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=day_prefix(prefix, each))
        for key in (entry.get("Key", "") for page in pages for entry in page.get("Contents", [])):
            path = folder / f"{len(paths):06}.jsonl.gz"
            client.download_file(bucket, key, str(path))
            paths.append(path)
    return paths


def open_log(segments: Sequence[Path], day: date) -> duckdb.DuckDBPyConnection:
    """Load the log of a day into memory: the tables `log`, `stored`, `decided`, `labelled` and `judged`.

    `judged` has a row for each decided transaction that was received on the day, with its newest `label` (or NULL) and
    `stopped`, whether it was reviewed or declined.

    Raises:
        duckdb.Error: a segment is not what was written.
    """
    # Nothing is ever fetched: json is part of the wheel, and inside the VPC there is nowhere to fetch from.
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    if segments:
        # Our own paths and column names, no input.
        connection.execute(
            f"CREATE TABLE log AS SELECT * FROM read_json($files, format = 'newline_delimited', "  # noqa: S608
            f"compression = 'gzip', columns = {json.dumps(COLUMNS).replace(chr(34), chr(39))})",
            {"files": [str(path) for path in segments]},
        )
    else:
        columns = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
        connection.execute(f"CREATE TABLE log ({columns})")
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    bounds = {"start": _milliseconds(start), "end": _milliseconds(start + timedelta(days=1))}
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            used = {name: value for name, value in bounds.items() if f"${name}" in statement}
            connection.execute(statement, used)
    return connection


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
