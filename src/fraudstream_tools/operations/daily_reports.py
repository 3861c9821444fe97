"""The daily reports in a stack's bucket.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from datetime import date
from typing import TYPE_CHECKING, Any

from fraudstream.contract import DECISION_LOG_PREFIX, REPORT_PREFIX
from fraudstream.reporting.log.keys import ReportFormat, report_key, reported_key
from fraudstream.reporting.storage.json_objects import read_json
from fraudstream.reporting.storage.object_store import BucketStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class DailyReports:
    """Finds and reads reports."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        """Prepare to read from a stack's bucket."""
        self._store = BucketStore(s3, bucket)

    def days(self) -> list[date]:
        """Return the days that have a report, newest first."""
        names = self._store.folders(REPORT_PREFIX)
        return sorted({day for name in names if (day := _day(name)) is not None}, reverse=True)

    def read(self, day: date, file_format: ReportFormat) -> bytes | None:
        """Return a day's report; None where there is none."""
        return self._store.read(report_key(REPORT_PREFIX, day, file_format))

    def is_early(self, day: date) -> bool:
        """Return whether a day's report was made before the day was over, and so lacks what came in afterwards."""
        note = read_json(self._store.read(reported_key(DECISION_LOG_PREFIX, day)), dict[str, str])
        return note is not None and note.get("on", "") <= day.isoformat()

    def summary(self, day: date) -> dict[str, Any] | None:
        """Return a day's report as data; None where there is none, or where it cannot be read."""
        return read_json(self.read(day, "json"), dict[str, Any])


def _day(folder: str) -> date | None:
    try:
        return date.fromisoformat(folder.removeprefix("date="))
    except ValueError:
        return None
