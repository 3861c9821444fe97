"""The report generator: writes the decision log as the stream brings it, and a report every day."""

import base64
import contextlib
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.aws.clients import quick_s3, whole_dynamodb, whole_s3
from fraudstream.aws.endpoint import Limits
from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import DECISION_LOG_PREFIX, ERASURE_MARKS_PREFIX, REPORT_PREFIX, REPORTER, RULESET_PREFIX
from fraudstream.reporting.log import segments
from fraudstream.reporting.log.chain.head import TableHead
from fraudstream.reporting.log.chain.links import LinkKind, LogChain
from fraudstream.reporting.log.chain.segment_seals import sealed
from fraudstream.reporting.log.erasure_marks import read_marks, without_erased
from fraudstream.reporting.log.keys import hour_key, parse_hour
from fraudstream.reporting.storage.object_store import BucketStore
from fraudstream.settings import Metric, ReporterSettings, read_settings
from fraudstream.telemetry import Log, MetricEmitter

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from fraudstream.detection.rules.rates import Rates
    from fraudstream.reporting.daily.reporter import Reporter
    from fraudstream.reporting.daily.schema.people import PeopleFigures
    from fraudstream.reporting.log.rebuilding import LogRebuild

_LIMITS = Limits(read_seconds=10, connections=16)
_settings = read_settings(ReporterSettings)
_segments_s3 = quick_s3(_settings.bucket, _LIMITS)
_s3 = cache(partial(whole_s3, _LIMITS))
_dynamodb = cache(partial(whole_dynamodb, _LIMITS))
_log = Log(REPORTER, _settings)
_meter = MetricEmitter(_settings)
_log_key = base64.b64decode(_settings.log_key)
_FIRST_DAY = date(1970, 1, 1)
"""Earlier ones have no log, and too few days before them to compare with."""
TASKS = ("hourly-roll-up", "daily-report", "verify-log", "chain-hours", "rebuild-log")


class UnknownEventError(ValueError):
    """The function was called with something else than stream records or a task that it knows."""


def handler(event: Any, context: "LambdaContext") -> Mapping[str, Any]:  # noqa: ANN401  (anyone may call it with anything)
    """Write segments for a batch of stream records, merge the hours of the log that are over, or report on a day.

    Args:
        event: `{"Records": [...]}` from the stream, or a task: `hourly-roll-up`, with `openHours` true also
            of hours that are not over; `daily-report` with or without `date`,
            without which it is yesterday, UTC, and the days before it that have no report yet; `verify-log` with
            `since` and `until`, days; `chain-hours` with `hours`, such as `2026-11-22T14`, and `kind`, which says why
            their notes are other ones than before; `rebuild-log` with `date`, and either `part` and `parts` of the
            table (both from the answer before; none at first) or `merge`, hours that have new segments.
        context: Lambda's.

    Raises:
        UnknownEventError: the event is none of them.
        OutOfTimeError: a part of the work is done, and the function is to be called again.
    """
    _log.invocation(context.aws_request_id)
    try:
        match event:
            case {"Records": [*batch]}:
                return _write_segments(batch)
            case {"task": "daily-report"}:
                return _write_report(event.get("date"), context)
            case {"task": "hourly-roll-up"}:
                return _roll_up(context, open_hours=event.get("openHours") is True)
            case {"task": "verify-log"}:
                return _verify(_day(event.get("since")), _day(event.get("until")))
            case {"task": "chain-hours", "hours": [*hours], "kind": ("ERASED" | "REBUILT" | "REKEYED") as kind}:
                return _chain_hours(hours, LinkKind(kind))
            case {"task": "rebuild-log", "merge": [*hours]}:
                return _merge_rebuilt(_day(event.get("date")), [str(hour) for hour in hours], context)
            case {"task": "rebuild-log"}:
                return _rebuild(_day(event.get("date")), event.get("part"), event.get("parts"), context)
            case _:
                raise UnknownEventError(f'expected "Records", or one of these as "task": {", ".join(TASKS)}')
    finally:
        _meter.flush()


def _write_segments(batch: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    # At every call: a person who is being erased must not come back into the log a minute later.
    marks = read_marks(BucketStore(_segments_s3, _settings.bucket), ERASURE_MARKS_PREFIX, epoch_milliseconds())
    kept = [each for record in batch if (each := without_erased(record, marks))]
    cut = segments.cut(_counting_labels(kept), DECISION_LOG_PREFIX)
    segments.write(_segments_s3, _settings.bucket, [sealed(each, _log_key) for each in cut.segments])
    _meter.count(Metric.RECORDS_LOGGED, sum(segment.records for segment in cut.segments))
    if cut.poison:
        _meter.count(Metric.LOG_DAMAGED, len(cut.poison))
    for sequence_number in cut.poison:
        _log.error("a record could not be read", sequence_number=sequence_number)
    # What is unreadable now is so at every attempt: to try again would only hold up what comes behind it, for a day.
    return {"batchItemFailures": []}


def _counting_labels(records: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return records of the stream without labels that do not count."""
    if not _settings.approves_labels:
        return records
    from fraudstream.detection.stores.approvals.label_approvals import LabelApprovals  # noqa: PLC0415  (few stacks ask for it)

    with ThreadPoolExecutor(_LIMITS.connections) as pool:
        return LabelApprovals(_segments_s3, _settings.bucket, pool).counting(records)


def _roll_up(context: "LambdaContext", *, open_hours: bool) -> Mapping[str, Any]:
    reporter = _reporter(context)
    hours = reporter.roll_up(open_hours=open_hours)
    restated = [day.isoformat() for day in reporter.restate(hours)]
    for day in restated:
        _log.info("a report was brought up to date with what came in late", date=day)
    # Last: nobody waits for it.
    if remade := reporter.remake_older():
        _log.info("hours of the log were made again as this version merges them", count=len(remade))
    return {"hours": hours, "restated": restated, "remade": remade}


def _write_report(date_text: object, context: "LambdaContext") -> Mapping[str, Any]:
    started = time.perf_counter()
    reporter = _reporter(context)
    report = reporter.yesterday() if date_text is None else reporter.report(_day(date_text))
    reconciliation = report.reconciliation
    _meter.count(Metric.REPORTS_WRITTEN)
    _meter.count(Metric.UNDECIDED, len(reconciliation.undecided))
    _meter.count(Metric.LOG_MISSING, len(reconciliation.table.missing))
    _meter.count(Metric.ORPHANED_CLAIMS, len(reconciliation.table.orphaned_claims))
    if report.log_hours.damaged:
        _meter.count(Metric.LOG_DAMAGED, len(report.log_hours.damaged))
        for key in report.log_hours.damaged:
            _log.error("a part of the log cannot be read", object_key=key)
    if report.log_hours.changed:
        _meter.count(Metric.LOG_CHANGED, len(report.log_hours.changed))
        for finding in report.log_hours.changed:
            _log.error("a part of the log is not what was written", codes=[finding.problem], object_key=finding.what)
    _log.info(
        "the daily report was written", date=report.date, milliseconds=round(1000 * (time.perf_counter() - started))
    )
    _measure_drift(date.fromisoformat(report.date))
    return {
        "date": report.date,
        "revision": report.revision.number,
        "keys": reporter.keys(date.fromisoformat(report.date)),
        "stored": reconciliation.stored,
        "decided": reconciliation.decided,
        "logged": reconciliation.logged,
        "undecided": len(reconciliation.undecided),
    }


def _verify(since: date, until: date) -> Mapping[str, Any]:
    from fraudstream.reporting.log.chain.verification import verify  # noqa: PLC0415  (the segments' writer needs none of this)

    first, last = (datetime(day.year, day.month, day.day, hour, tzinfo=UTC) for day, hour in ((since, 0), (until, 23)))
    found = verify(BucketStore(_s3(), _settings.bucket), DECISION_LOG_PREFIX, _chain(), first, last)
    if found.findings:
        _meter.count(Metric.LOG_CHANGED, len(found.findings))
    return msgspec.to_builtins(found)


def _chain_hours(hours: Sequence[object], kind: LinkKind) -> Mapping[str, Any]:
    """Add links for notes that were changed on purpose."""
    chain, store = _chain(), BucketStore(_s3(), _settings.bucket)
    done: list[str] = []
    for name in sorted(str(hour) for hour in hours):
        note = store.read(hour_key(DECISION_LOG_PREFIX, parse_hour(name)))
        if note is not None:
            chain.append(kind, name, note)
            done.append(name)
    _log.info("hours of the log were changed on purpose", count=len(done), codes=[kind])
    return {"chained": done}


def _rebuild(day: date, part: object, parts: object, context: "LambdaContext") -> Mapping[str, Any]:
    """Add what the log lacks of a day, from as many parts of the table as there is time for, beginning with one."""
    from fraudstream.reporting.log import rebuilding  # noqa: PLC0415  (the segments' writer needs none of this)

    rebuild = _log_rebuild(day, context)
    if not isinstance(part, int) or not isinstance(parts, int):
        rebuild.prepare(datetime.now(UTC))
        part, parts = 0, rebuilding.parts_of(_dynamodb(), _settings.transactions_table)
    if not 0 <= part < parts <= rebuilding.MOST_PARTS:
        raise UnknownEventError('"part" must be less than "parts"')
    marks = read_marks(BucketStore(_s3(), _settings.bucket), ERASURE_MARKS_PREFIX, epoch_milliseconds())
    scanned = (
        rebuilding.items_of(_dynamodb(), _settings.transactions_table, day, each, parts) for each in range(part, parts)
    )
    done = rebuild.add_missing(scanned, marks)
    _log.info("the log of a day was compared with a part of the table", date=day.isoformat(), count=done.added)
    return {"looked": done.looked, "added": done.added, "hours": done.hours, "part": part + done.parts, "parts": parts}


def _merge_rebuilt(day: date, hours: Sequence[str], context: "LambdaContext") -> Mapping[str, Any]:
    """Merge the first of some hours that have new segments, and return the others."""
    rebuild = _log_rebuild(day, context)
    for hour in hours[:1]:
        rebuild.merge(hour)
    return {"left": hours[1:]}


def _log_rebuild(day: date, context: "LambdaContext") -> "LogRebuild":
    from fraudstream.reporting.log.rebuilding import LogRebuild  # noqa: PLC0415  (as above)
    from fraudstream.reporting.log.roll_up import RollUp  # noqa: PLC0415  (as above)

    roll_up = RollUp(
        store=BucketStore(_s3(), _settings.bucket),
        log_prefix=DECISION_LOG_PREFIX,
        time_left=lambda: context.get_remaining_time_in_millis() / 1000,
        chain=_chain(),
    )
    return LogRebuild(roll_up=roll_up, key=_log_key, day=day, counting=_counting_labels)


def _chain() -> LogChain:
    head = TableHead(_dynamodb(), _settings.profiles_table)
    return LogChain(BucketStore(_s3(), _settings.bucket), DECISION_LOG_PREFIX, _log_key, head)


def _measure_drift(day: date) -> None:
    """Measure how far the day is from what the live model learnt from; the report is valid even if that fails."""
    from fraudstream.detection.models.model import ModelError  # noqa: PLC0415  (the segments' writer needs none of this)
    from fraudstream.reporting.daily.figures.model_drift import drift_of, live_model  # noqa: PLC0415
    from fraudstream.reporting.log.reader.files import DecisionLogError  # noqa: PLC0415

    store = BucketStore(_s3(), _settings.bucket)
    try:
        model = live_model(store, RULESET_PREFIX)
        drift = model and drift_of(store, DECISION_LOG_PREFIX, day, model)
    except (ModelError, DecisionLogError, ClientError, BotoCoreError) as error:
        _log.failure("drift was not measured", error, date=day.isoformat())
        return
    if drift:
        _meter.level(Metric.SCORE_DRIFT, drift.score)
        if drift.worst:
            _meter.level(Metric.FEATURE_DRIFT, drift.features[drift.worst])
        _log.info("drift was measured", date=day.isoformat(), codes=[drift.worst] if drift.worst else [])


def _reporter(context: "LambdaContext") -> "Reporter":
    # DuckDB and Jinja take longer to import than a segment takes to write.
    from fraudstream.reporting.daily.reporter import Reporter  # noqa: PLC0415  (as above)
    from fraudstream.reporting.daily.table_check import find_orphaned_claims, sample_table  # noqa: PLC0415  (as above)

    return Reporter(
        store=BucketStore(_s3(), _settings.bucket),
        log_prefix=DECISION_LOG_PREFIX,
        report_prefix=REPORT_PREFIX,
        sample=partial(sample_table, _dynamodb(), _settings.transactions_table),
        orphans=partial(find_orphaned_claims, _dynamodb(), _settings.transactions_table, now=epoch_milliseconds()),
        now=datetime.now(UTC),
        time_left=lambda: context.get_remaining_time_in_millis() / 1000,
        chain=_chain(),
        people=_people,
        rates=_rates(),
    )


def _people(day: date) -> "PeopleFigures | None":
    from fraudstream.reporting.daily.people import ListsAt, people_of  # noqa: PLC0415  (as above)

    try:
        return people_of(_s3(), _settings.bucket, day, ListsAt(_dynamodb(), _settings.profiles_table))
    # The log's figures do not wait for it.
    except (ClientError, BotoCoreError) as error:
        _log.failure("records of what people did could not be read", error, date=day.isoformat())
        return None


def _rates() -> "Rates | None":
    from fraudstream.reporting.daily.figures.base_currency import read_rates  # noqa: PLC0415  (as above)

    try:
        return read_rates(BucketStore(_s3(), _settings.bucket), RULESET_PREFIX)
    # A report without a total in the base currency is better than none.
    except (ValueError, ClientError, BotoCoreError) as error:
        _log.failure("exchange rates could not be read", error)
        return None


def _day(text: object) -> date:
    with contextlib.suppress(TypeError, ValueError):
        day = date.fromisoformat(cast("str", text))
        # It also reads other forms of ISO 8601.
        if day.isoformat() == text and _FIRST_DAY <= day <= datetime.now(UTC).date():
            return day
    raise UnknownEventError('"date" must be YYYY-MM-DD, since 1970 and not in the future')
