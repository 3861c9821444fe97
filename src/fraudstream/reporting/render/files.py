"""The files of a day's report, in one folder of the bucket."""

from typing import Final

from fraudstream.reporting.daily.schema.report import DailyReport
from fraudstream.reporting.render.csv import to_csv
from fraudstream.reporting.render.html import to_html, to_json
from fraudstream.reporting.storage.object_store import Store

HTML_REPORT: Final = "report.html"
JSON_REPORT: Final = "report.json"
CSV_REPORT: Final = "report.csv"
REPORT_FILES: Final = (HTML_REPORT, JSON_REPORT, CSV_REPORT)
DAY_SUMMARY: Final = "summary.json"
"""What is kept of the day beside its report: `reporting.daily.schema.day_summary`."""


def write_report(store: Store, folder: str, report: DailyReport) -> None:
    """Write a report in its three forms.

    Whatever the store refuses is raised: as `botocore.exceptions.ClientError` by a bucket, as `OSError` by a folder.

    Args:
        store: where to.
        folder: what the files' keys begin with.
        report: what is written.
    """
    store.write(folder + HTML_REPORT, to_html(report))
    store.write(folder + CSV_REPORT, to_csv(report))
    # Last: it tells which revision is written.
    store.write(folder + JSON_REPORT, to_json(report))
