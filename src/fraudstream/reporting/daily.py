"""Makes the report of a day and puts it into the bucket."""

import tempfile
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from fraudstream.reporting.figures import DailyReport, TableCheck
from fraudstream.reporting.log_reader import fetch_segments, open_log
from fraudstream.reporting.render import to_csv, to_html, to_json
from fraudstream.reporting.summary import summarize
from fraudstream.reporting.table_check import sample_table

if TYPE_CHECKING:
    import duckdb
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the log and the table lie, and where reports go."""

    bucket: str
    log_prefix: str
    report_prefix: str
    table: str


def make_report(s3: "S3Client", dynamodb: "DynamoDBClient", place: Place, day: date) -> DailyReport:
    """Read a day's decision log, look at the table, and give the figures.

    They depend on nothing else: the same log and the same table give the same report at any time.

    Raises:
        botocore.exceptions.ClientError: the bucket or the table could not be read.
    """
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    end = start + timedelta(days=1)
    # The table first: what is stored while the log is read must not look missing.
    sampled = sample_table(
        dynamodb, place.table, day, start=int(start.timestamp() * 1000), end=int(end.timestamp() * 1000)
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        segments = fetch_segments(s3, place.bucket, place.log_prefix, day, folder)
        with open_log(segments, day, folder) as connection:
            return summarize(connection, day, compare(sampled, connection))


def compare(sampled: AbstractSet[str], log: "duckdb.DuckDBPyConnection") -> TableCheck:
    """Look transactions of the table up in the day's log.

    Args:
        sampled: ids from the table.
        log: the day's log, from `open_log`.
    """
    query = "SELECT id FROM (SELECT unnest($ids::VARCHAR[]) AS id) ANTI JOIN log ON id = transactionId ORDER BY id"
    missing = log.execute(query, {"ids": sorted(sampled)}).fetchall()
    return TableCheck(sampled=len(sampled), missing=tuple(row[0] for row in missing))


def write_report(s3: "S3Client", place: Place, report: DailyReport) -> Sequence[str]:
    """Put a report into the bucket and give its keys: HTML, JSON and CSV.

    Raises:
        botocore.exceptions.ClientError: S3 refused one; writing them all again does no harm.
    """
    folder = f"{place.report_prefix}date={report.date}/"
    contents = (
        ("report.html", to_html(report), "text/html; charset=utf-8"),
        ("report.json", to_json(report), "application/json"),
        ("report.csv", to_csv(report), "text/csv; charset=utf-8"),
    )
    for name, body, content_type in contents:
        s3.put_object(Bucket=place.bucket, Key=folder + name, Body=body, ContentType=content_type)
    return [folder + name for name, _, _ in contents]
