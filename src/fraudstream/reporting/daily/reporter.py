"""Builds the daily reports, and writes them to the bucket of the log. A report is written once for each revision."""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec

from fraudstream.detection.rules.rates import Rates
from fraudstream.reporting.daily.day_tables import ChangedFilesError, Inputs, list_inputs, open_day
from fraudstream.reporting.daily.figures.industry_ratios import FRAUD_RATE_DAYS
from fraudstream.reporting.daily.revisions import summary_of, with_revision
from fraudstream.reporting.daily.schema.day_summary import DaySummary
from fraudstream.reporting.daily.schema.earlier import read_report
from fraudstream.reporting.daily.schema.people import PeopleFigures
from fraudstream.reporting.daily.schema.report import DailyReport
from fraudstream.reporting.daily.summary import look_up, summarize, with_log_state
from fraudstream.reporting.daily.trends import look_back
from fraudstream.reporting.log.chain.links import LogChain
from fraudstream.reporting.log.hours.roll_up import LATE, OutOfTimeError, RollUp, TimeLeft
from fraudstream.reporting.log.keys import (
    HOUR_FORMAT,
    LogTable,
    days_of,
    hour_of,
    midnight,
    received_day,
    report_folder,
    reported_key,
    reported_prefix,
    table_of,
    table_prefix,
)
from fraudstream.reporting.log.logged_days import logged_days, refuse_before
from fraudstream.reporting.log.segments import all_days_prefix
from fraudstream.reporting.log.verification.against_chain import LogProblem, Verification, verify
from fraudstream.reporting.render.files import DAY_SUMMARY, JSON_REPORT, REPORT_FILES, write_report
from fraudstream.reporting.storage.download import DOWNLOADS
from fraudstream.reporting.storage.object_store import Store

REPORT_SECONDS = 60.0
"""More than a report takes."""
CLOCKS_APART = timedelta(hours=1)
"""More than the clocks of a function and of DynamoDB ever differ; the log's hours cannot tell less apart. The log is
ordered by the one, and a day is the other's: what happened just after midnight may have been logged just before it."""


class Reported(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The note on a report: what it was made of, and when."""

    inputs: str
    on: str
    """Day, UTC."""


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """Makes reports.

    Whatever the store refuses is raised: as `botocore.exceptions.ClientError` by a bucket, as `OSError` by a folder.
    """

    store: Store
    log_prefix: str
    report_prefix: str
    sample: Callable[[date], set[str]]
    """Returns ids of some of a day's transactions as the table has them."""
    now: datetime
    time_left: TimeLeft
    chain: LogChain | None = None
    """None: nobody vouches for this log."""
    log_days: int | None = None
    """After how many days parts of the log end; None where they do not."""
    orphans: Callable[[date], tuple[str, ...]] = lambda _: ()
    """Returns ids of a day's claims that never became transactions."""
    people: Callable[[date], PeopleFigures | None] = lambda _: None
    """Returns what people did on a day."""
    rates: Rates | None = None
    """Exchange rates to the base currency; without them, the report has no total of all currencies."""
    on_report: Callable[[DailyReport], None] = lambda _: None
    """Called with each report that was asked for or missed, once it is written."""

    @property
    def _roll_up(self) -> RollUp:
        return RollUp(store=self.store, log_prefix=self.log_prefix, time_left=self.time_left, chain=self.chain)

    def refuse_unlogged(self, day: date) -> None:
        """Refuse a day before the log began, whose report would say that nothing happened.

        Of an empty log, yesterday and today are not refused: a stack without traffic has quiet days.

        Raises:
            UnloggedDayError: it is such a day, the table has nothing of it either, and there is no report of it.
            OutOfTimeError: hours of the log are still to be merged; call again.
        """
        days = logged_days(self.store, self.log_prefix)
        began = days[0] if days else self.now.date() - timedelta(days=1)
        # What the table has of a day, and the log not, is for the report to say.
        if day >= began or self._written(day) is not None or self.sample(day):
            return
        # What comes in before midnight may be logged after it: what is merged is by its own day.
        self._roll_up.run(midnight(day) - CLOCKS_APART, self.now + CLOCKS_APART)
        refuse_before(logged_days(self.store, self.log_prefix), day)

    def is_reported(self, day: date) -> bool:
        """Return whether a day has a report that was made once it was over."""
        note = self._note(day)
        return note is not None and note.on > day.isoformat()

    def report(self, day: date) -> DailyReport:
        """Update a day's report from the log, and return it.

        Raises:
            OutOfTimeError: hours of the log are still to be merged; call again.
        """
        # The table first: what is stored while the log is read must not look missing.
        sampled = self.sample(day)
        self._roll_up.run(midnight(day) - CLOCKS_APART, self.now + CLOCKS_APART)
        return self._tell(self._write(day, sampled))

    def yesterday(self) -> DailyReport:
        """Update yesterday's report from the log, and return it; write the reports that were missed before.

        Raises:
            OutOfTimeError: not all of them are written; call again.
        """
        last = self.now.date() - timedelta(days=1)
        sampled = self.sample(last)
        missed = list(self._missed(last))
        since = min([midnight(day) - CLOCKS_APART for day in missed] + [self.now - LATE])
        self._roll_up.run(since, self.now + CLOCKS_APART)
        # In their order, for each looks back at those before it; but yesterday's is the one that is waited for.
        while missed and self.time_left() >= 2 * REPORT_SECONDS:
            day = missed.pop(0)
            self._tell(self._write(day, self.sample(day)))
        report = self._tell(self._write(last, sampled))
        for day in missed:
            if self.time_left() < REPORT_SECONDS:
                raise OutOfTimeError(f"no time for the report of {day}: call again")
            self._tell(self._write(day, self.sample(day)))
        return report

    def _tell(self, report: DailyReport) -> DailyReport:
        self.on_report(report)
        return report

    def _missed(self, last: date) -> Iterator[date]:
        """Return the days before a last one that have no report, but a log, or are after a day that has either."""
        reported = {day for day, note in self._notes() if note.on > day.isoformat()}
        logged = set(days_of(self.store.folders(all_days_prefix(self.log_prefix))).values())
        day = min([*reported, *logged, last])
        while day < last:
            if day not in reported:
                yield day
            day += timedelta(days=1)

    def _notes(self) -> Iterator[tuple[date, Reported]]:
        keys = self.store.find(reported_prefix(self.log_prefix))
        for day in days_of(key.rpartition("/")[2].removesuffix(".json") for key in keys).values():
            if note := self._note(day):
                yield day, note

    def _note(self, day: date) -> Reported | None:
        note = self.store.read(reported_key(self.log_prefix, day))
        return msgspec.json.decode(note, type=Reported) if note else None

    def roll_up(self, *, open_hours: bool = False, changed: Iterable[str] = ()) -> list[str]:
        """Merge the hours of the log that are over, and return their names.

        Args:
            open_hours: merge too what there is of the hours that are not over.
            changed: older hours that may have other segments than they were merged from.

        Raises:
            OutOfTimeError: not all of them are merged; call again.
        """
        until = self.now + CLOCKS_APART if open_hours else self.now - timedelta(hours=1)
        merged = [*self._roll_up.run(self.now - LATE, until), *self._roll_up.merge_changed(changed)]
        return [hour.hour for hour in merged]

    def remake_older(self) -> list[str]:
        """Make hours of the log again that an older version merged, while there is time, and return their names."""
        return self._roll_up.remake_older()

    def restate(self, merged: Iterable[str] = ()) -> list[date]:
        """Update older reports with records that arrived late, while there is time, and return their days.

        Each one is restated at most once a day; those that have waited longest come first.

        Args:
            merged: the hours that were merged now, where they may be older than records come late.
        """
        waiting: list[tuple[str, date]] = []
        for day in self._roll_up.recent_days(self.now, merged):
            known = self._note(day)
            if known and known.on < self.now.date().isoformat() and known.inputs != _digest(self._inputs(day)):
                waiting.append((known.on, day))
        done: list[date] = []
        for _, day in sorted(waiting):
            if self.time_left() < REPORT_SECONDS:
                break
            self._write(day, self.sample(day))
            done.append(day)
        return done

    def keys(self, day: date) -> list[str]:
        """Return the keys of a day's report: HTML, JSON and CSV."""
        return [self._folder(day) + name for name in REPORT_FILES]

    def _folder(self, day: date) -> str:
        return report_folder(self.report_prefix, day)

    def _inputs(self, day: date) -> Inputs:
        return list_inputs(self.store, self.log_prefix, day)

    def _write(self, day: date, sampled: AbstractSet[str]) -> DailyReport:
        before, known = self._written(day), self._summary(day)
        # First: what is not what was written is made again below.
        verification = self._verified(day)
        made, inputs = self._make_soundly(day, sampled, verification, before)
        if before is None or (before.revision.content != made.revision.content and not self._has_ended(made, before)):
            report = made if known is None else with_revision(made, known, before)
            self.store.write(self._folder(day) + DAY_SUMMARY, msgspec.json.encode(summary_of(report, known)))
            write_report(self.store, self._folder(day), report)
        else:
            report = before
        # What is merged meanwhile is not in the report: by what went into it, a later run finds out that it is missing.
        note = Reported(inputs=_digest(inputs), on=self.now.date().isoformat())
        self.store.write(reported_key(self.log_prefix, day), msgspec.json.encode(note))
        return report

    def _has_ended(self, made: DailyReport, before: DailyReport) -> bool:
        """Return whether a report counts less than the one before, of a day of which parts of the log have ended."""
        age = self.now.date() - date.fromisoformat(made.date)
        is_less = made.reconciliation.logged < before.reconciliation.logged
        return is_less and self.log_days is not None and age > timedelta(days=self.log_days)

    def _verified(self, day: date) -> Verification | None:
        """Compare the hours that tell of a day with the log's chain."""
        if self.chain is None:
            return None
        since, until = midnight(day) - CLOCKS_APART, midnight(day) + timedelta(days=1) + CLOCKS_APART
        return verify(self.store, self.log_prefix, self.chain, since, until)

    def _make_soundly(
        self, day: date, sampled: AbstractSet[str], verification: Verification | None, before: DailyReport | None
    ) -> tuple[DailyReport, Inputs]:
        """Make a report of files that are what was written: what is gone, or another one, is made again before."""
        earlier_findings = before.log_hours.changed if before else ()
        # What was found before stays found, although it has been made again since.
        state = verification and msgspec.structs.replace(
            verification, findings=tuple(dict.fromkeys((*earlier_findings, *verification.findings)))
        )
        # The report reads few of the files; others read the rest, and an erasure all.
        findings = verification.findings if verification else ()
        changed = {each.what for each in findings if each.problem is LogProblem.FILE_CHANGED}
        since = midnight(day) - CLOCKS_APART
        written = {
            key
            for note in self._roll_up.notes(since)
            for key in note.files
            if table_of(key) and received_day(key) == day
        }
        there = {key for table in LogTable for key in self.store.find(table_prefix(self.log_prefix, table, day))}
        self._roll_up.remake({hour_of(key) for key in (written - there) | changed})
        try:
            return self._make(day, since, sampled, state)
        except ChangedFilesError as error:
            self._roll_up.remake({hour_of(key) for key in error.keys})
            return self._make(day, since, sampled, state)

    def _make(
        self, day: date, since: datetime, sampled: AbstractSet[str], state: Verification | None
    ) -> tuple[DailyReport, Inputs]:
        """Make a report, and return it with the files that it was made of."""
        # Before the notes: a file is written before the note of its hour.
        listed = self._inputs(day)
        notes = self._roll_up.notes(since)
        as_of = max((note.newest for note in notes), default=None)
        written = {key: known for note in notes for key, known in note.files.items()}
        # A file that is in no hour's note was given up, since it could not be read, or nobody of us wrote it.
        stray = {key for files in listed.values() for key in files} - written.keys()
        inputs = {
            table: {key: mark for key, mark in files.items() if key in written} for table, files in listed.items()
        }
        with tempfile.TemporaryDirectory() as name, open_day(self.store, inputs, Path(name), written) as connection:
            hours = [hour_of(key) for key in inputs[LogTable.TALLIES]]
            report = summarize(
                connection,
                day,
                look_up(sampled, connection, self.orphans(day)),
                as_of=as_of,
                hours=hours,
                rates=self.rates,
            )
        own = {f"{midnight(day) + timedelta(hours=number):{HOUR_FORMAT}}" for number in range(-1, 25)}
        damaged = sorted(
            {
                key
                for note in notes
                for key in note.damaged
                if note.hour in own or (key.endswith(".parquet") and received_day(key) == day)
            }
            | stray
        )
        report = with_log_state(
            report,
            damaged=tuple(damaged),
            changed=state.findings if state else (),
            erased=state.erased if state else (),
        )
        past = look_back(summary_of(report), self._before(day))
        return msgspec.structs.replace(report, past=past, people=self.people(day)), inputs

    def _before(self, day: date) -> dict[date, DaySummary]:
        """Return what is kept of the days before, as far as a meter looks back."""
        days = [day - timedelta(days=number) for number in range(1, FRAUD_RATE_DAYS)]
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            return {each: summary for each, summary in zip(days, pool.map(self._summary, days), strict=True) if summary}

    def _written(self, day: date) -> DailyReport | None:
        content = self.store.read(self._folder(day) + JSON_REPORT)
        return None if content is None else read_report(content)

    def _summary(self, day: date) -> DaySummary | None:
        """Return what is kept of a day; releases before summaries there were kept only the report."""
        if content := self.store.read(self._folder(day) + DAY_SUMMARY):
            return msgspec.json.decode(content, type=DaySummary)
        report = self._written(day)
        return summary_of(report) if report else None


def _digest(inputs: Inputs) -> str:
    return hashlib.sha256(msgspec.json.encode(inputs, order="sorted")).hexdigest()
