"""The report generator: writes the decision log as the stream brings it, and a report every day."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config

from fraudstream.observe import Log, Meter
from fraudstream.reporting import segments
from fraudstream.settings import Metric, ReporterSettings, read_settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_CONFIG = Config(
    connect_timeout=1,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=16,
)
_settings = read_settings(ReporterSettings)
_s3 = boto3.client("s3", config=_CONFIG)  # pyright: ignore[reportUnknownMemberType]  (stubs know few services)
_dynamodb = boto3.client("dynamodb", config=_CONFIG)  # pyright: ignore[reportUnknownMemberType]
_log = Log("report-generator", _settings)
_meter = Meter(_settings)


class UnknownEventError(ValueError):
    """The function was called with something else than stream records or a task that it knows."""


def handler(event: Any, context: "LambdaContext") -> Mapping[str, Any]:  # noqa: ANN401  (anyone may call it with anything)
    """Write segments for a batch of stream records, or the report of a day.

    Args:
        event: `{"Records": [...]}` from the stream, or `{"task": "daily-report"}` with an optional `date`; without one
            it is yesterday, UTC.
        context: Lambda's.

    Raises:
        UnknownEventError: the event is neither.
    """
    _log.invocation(context.aws_request_id)
    try:
        match event:
            case {"Records": [*batch]}:
                return _write_segments(batch)
            case {"task": "daily-report"}:
                return _write_report(_day(event.get("date")))
            case _:
                raise UnknownEventError('expected "Records", or "task": "daily-report" with an optional "date"')
    finally:
        _meter.flush()


def _write_segments(batch: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    cut = segments.cut(batch, _settings.log_prefix)
    segments.write(_s3, _settings.bucket, cut.segments)
    _meter.count(Metric.RECORDS_LOGGED, sum(segment.records for segment in cut.segments))
    for sequence_number in cut.poison:
        _log.error("a record could not be read", sequence_number=sequence_number)
    return {"batchItemFailures": [{"itemIdentifier": number} for number in cut.poison]}


def _write_report(day: date) -> Mapping[str, Any]:
    # DuckDB and Jinja take longer to import than a segment takes to write.
    from fraudstream.reporting.daily import Place, make_report, write_report  # noqa: PLC0415

    started = time.perf_counter()
    place = Place(
        bucket=_settings.bucket,
        log_prefix=_settings.log_prefix,
        report_prefix=_settings.report_prefix,
        table=_settings.transactions_table,
    )
    report = make_report(_s3, _dynamodb, place, day)
    keys = write_report(_s3, place, report)
    books = report.reconciliation
    _meter.count(Metric.REPORTS_WRITTEN)
    _meter.count(Metric.UNDECIDED, len(books.undecided))
    _log.info(
        "the daily report was written", date=report.date, milliseconds=round(1000 * (time.perf_counter() - started))
    )
    return {
        "date": report.date,
        "revision": report.revision,
        "keys": keys,
        "stored": books.stored,
        "decided": books.decided,
        "logged": books.logged,
        "undecided": len(books.undecided),
    }


def _day(text: object) -> date:
    today = datetime.now(UTC).date()
    if text is None:
        return today - timedelta(days=1)
    with contextlib.suppress(TypeError, ValueError):
        day = date.fromisoformat(cast("str", text))
        # It also reads other forms of ISO 8601.
        if day.isoformat() == text and day <= today:
            return day
    raise UnknownEventError('"date" must be YYYY-MM-DD, and not in the future')
