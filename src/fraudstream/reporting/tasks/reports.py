"""Merges the hours of the log that are over, and reports on a day."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.aws.errors import is_passing
from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import DECISION_LOG_PREFIX, REPORT_PREFIX
from fraudstream.detection.models.model import ModelError
from fraudstream.detection.rules.rates import Rates
from fraudstream.detection.rules.ruleset import Ruleset, RulesetError
from fraudstream.reporting.daily.figures.model_drift import drift_of
from fraudstream.reporting.daily.people import ListsAt, people_of
from fraudstream.reporting.daily.reporter import Reporter
from fraudstream.reporting.daily.schema.people import PeopleFigures
from fraudstream.reporting.daily.schema.report import DailyReport
from fraudstream.reporting.daily.table_check import find_orphaned_claims, sample_table
from fraudstream.reporting.log.keys import HOUR_FORMAT
from fraudstream.reporting.log.logged_days import UnloggedDayError
from fraudstream.reporting.log.reader.files import DecisionLogError
from fraudstream.reporting.tasks.means import Means
from fraudstream.settings import Metric


def roll_up(means: Means, *, open_hours: bool, changed: Sequence[datetime]) -> Mapping[str, Any]:
    """Merge hours of the log, and bring reports up to date with what came in late.

    Args:
        means: what to work with.
        open_hours: merge hours too that are not over.
        changed: older hours that may have other segments than they were merged from.

    Raises:
        OutOfTimeError: a part of the work is done.
    """
    reporter = _reporter(means)
    hours = reporter.roll_up(open_hours=open_hours, changed=[hour.strftime(HOUR_FORMAT) for hour in changed])
    restated = [day.isoformat() for day in reporter.restate(hours)]
    for day in restated:
        means.log.info("a report was brought up to date with what came in late", date=day)
    # Last: nobody waits for it.
    if remade := reporter.remake_older():
        means.log.info("hours of the log were made again as this version merges them", count=len(remade))
    return {"hours": hours, "restated": restated, "remade": remade}


def write_report(means: Means, day: date | None) -> Mapping[str, Any]:
    """Report on a day, or on yesterday, UTC, and the days before it that have no report yet.

    Of a day before the log began, the answer says so as `unlogged`, and nothing is written.

    Raises:
        OutOfTimeError: a part of the work is done.
    """
    started = time.perf_counter()
    reporter = _reporter(means)
    is_measured = _is_measured(reporter, day)
    if day is not None:
        try:
            reporter.refuse_unlogged(day)
        except UnloggedDayError as error:
            return {"date": day.isoformat(), "unlogged": str(error)}
    report = reporter.yesterday() if day is None else reporter.report(day)
    means.log.info(
        "the daily report was written", date=report.date, milliseconds=round(1000 * (time.perf_counter() - started))
    )
    written = date.fromisoformat(report.date)
    if is_measured:
        _measure_drift(means, written)
    reconciliation = report.reconciliation
    return {
        "date": report.date,
        "revision": report.revision.number,
        "keys": reporter.keys(written),
        "stored": reconciliation.stored,
        "decided": reconciliation.decided,
        "logged": reconciliation.logged,
        "undecided": len(reconciliation.undecided),
    }


def _tell(means: Means, report: DailyReport) -> None:
    """Count what alarms watch, and name what is wrong with the log."""
    reconciliation = report.reconciliation
    # While a day goes on, something is always on its way; and the report of the whole day is still to be made.
    if not _goes_on(date.fromisoformat(report.date)):
        means.meter.count(Metric.REPORTS_WRITTEN)
        means.meter.count(Metric.UNDECIDED, len(reconciliation.undecided))
        means.meter.count(Metric.LOG_MISSING, len(reconciliation.table.missing))
        means.meter.count(Metric.ORPHANED_CLAIMS, len(reconciliation.table.orphaned_claims))
    # Also that there is nothing: without a number, an alarm goes by the last one that was told, for days.
    means.meter.count(Metric.LOG_DAMAGED, len(report.log_hours.damaged))
    means.meter.count(Metric.LOG_CHANGED, len(report.log_hours.changed))
    for key in report.log_hours.damaged:
        means.log.error("a part of the log cannot be read", object_key=key)
    for finding in report.log_hours.changed:
        means.log.error("a part of the log is not what was written", codes=[finding.problem], object_key=finding.what)


def _goes_on(day: date) -> bool:
    return day >= datetime.now(UTC).date()


def _is_measured(reporter: Reporter, day: date | None) -> bool:
    """Return whether drift is measured with a report: by the alarms, a day that is measured again is another day."""
    is_yesterday = day == datetime.now(UTC).date() - timedelta(days=1)
    return day is None or (is_yesterday and not reporter.is_reported(day))


def _measure_drift(means: Means, day: date) -> None:
    """Measure how far the day is from what the live model learnt from; the report is valid even if that fails."""
    try:
        ruleset = _active_ruleset(means)
        model = ruleset and ruleset.models.live
        drift = model and drift_of(means.store, DECISION_LOG_PREFIX, day, model)
    except (DecisionLogError, ClientError, BotoCoreError) as error:
        means.log.failure("drift was not measured", error, date=day.isoformat())
        return
    if drift:
        means.meter.level(Metric.SCORE_DRIFT, drift.score)
        if drift.worst:
            means.meter.level(Metric.FEATURE_DRIFT, drift.features[drift.worst])
        means.log.info("drift was measured", date=day.isoformat(), codes=[drift.worst] if drift.worst else [])


def _reporter(means: Means) -> Reporter:
    table = means.settings.transactions_table
    return Reporter(
        store=means.store,
        log_prefix=DECISION_LOG_PREFIX,
        report_prefix=REPORT_PREFIX,
        sample=partial(sample_table, means.dynamodb, table),
        orphans=partial(find_orphaned_claims, means.dynamodb, table, now=epoch_milliseconds()),
        now=datetime.now(UTC),
        time_left=means.seconds_left,
        chain=means.chain(),
        log_days=means.settings.decision_log_days,
        people=partial(_people, means),
        rates=_rates(means),
        on_report=partial(_tell, means),
    )


def _people(means: Means, day: date) -> PeopleFigures | None:
    try:
        lists = ListsAt(means.dynamodb, means.settings.profiles_table)
        return people_of(means.s3, means.settings.bucket, day, lists)
    # The log's figures do not wait for it.
    except (ClientError, BotoCoreError) as error:
        _raise_if_passing(error)
        means.log.failure("records of what people did could not be read", error, date=day.isoformat())
        return None


def _rates(means: Means) -> Rates | None:
    ruleset = _active_ruleset(means)
    return ruleset and ruleset.rates


def _active_ruleset(means: Means) -> Ruleset | None:
    try:
        return means.rulesets.current()
    # A report without a total in the base currency, and without drift, is better than none.
    except (RulesetError, ModelError, ClientError, BotoCoreError) as error:
        _raise_if_passing(error)
        means.log.failure("the active ruleset could not be read", error)
        return None


def _raise_if_passing(error: Exception) -> None:
    """Raise again what is soon over: Lambda asks for the report once more, and nothing is left out of it for good."""
    if is_passing(error):
        raise error
