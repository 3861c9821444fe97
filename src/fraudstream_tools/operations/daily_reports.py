"""The daily reports in a stack's bucket.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from botocore.exceptions import ClientError

from fraudstream.contract import REPORT_PREFIX
from fraudstream.detection.stores.s3_cache import is_absent
from fraudstream.reporting.log.keys import report_folder

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ReportFormat = Literal["html", "json", "csv"]


class DailyReports:
    """Finds and reads reports."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        """Store the bucket."""
        self._s3 = s3
        self._bucket = bucket

    def days(self) -> list[date]:
        """Return the days that have a report, newest first."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{REPORT_PREFIX}date=", Delimiter="/"
        )
        names = [each.get("Prefix", "") for page in pages for each in page.get("CommonPrefixes", ())]
        return sorted({day for name in names if (day := _day(name)) is not None}, reverse=True)

    def read(self, day: date, file_format: ReportFormat) -> bytes | None:
        """Return a day's report; None where there is none."""
        key = f"{report_folder(REPORT_PREFIX, day)}report.{file_format}"
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if not is_absent(error):
                raise
            return None

    def summary(self, day: date) -> dict[str, Any] | None:
        """Return a day's report as data; None where there is none, or where it cannot be read."""
        content = self.read(day, "json")
        if content is None:
            return None
        try:
            return msgspec.json.decode(content, type=dict[str, Any])
        except msgspec.DecodeError:
            return None


def _day(prefix: str) -> date | None:
    try:
        return date.fromisoformat(prefix.removeprefix(f"{REPORT_PREFIX}date=").rstrip("/"))
    except ValueError:
        return None
