"""What is kept of a day apart from its report: later reports look back on it, and no revision is forgotten."""

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fraudstream.reporting.daily.reporter import Reporter
from fraudstream.reporting.daily.schema.codes import MeterName
from fraudstream.reporting.daily.schema.day_summary import DaySummary
from fraudstream.reporting.daily.schema.report import DailyReport
from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.render.files import DAY_SUMMARY, HTML_REPORT, JSON_REPORT
from fraudstream.reporting.storage.object_store import FolderStore
from fraudstream.transactions.decisions.decision import Truth, Verdict
from tests.unit.reporting.decision_log_harness import DAY, HOUR, MIDNIGHT, PREFIX, Stream, put, reporter, transaction

NEXT = DAY + timedelta(days=1)
FIVE = MIDNIGHT + 5 * HOUR


class Days:
    """A log of two days, and its reports."""

    def __init__(self, root: Path) -> None:
        self.root = root
        stream = Stream()
        stream.store_decide_and_label(transaction(1, at=FIVE), Verdict.DECLINE, Truth.FRAUD)
        stream.store_and_decide(transaction(2, at=FIVE + 24 * HOUR))
        self.labelled_later = stream.records[2:3]
        put(cut([each for each in stream.records if each not in self.labelled_later], PREFIX).segments, root)

    def folder(self, day: date) -> Path:
        return self.root / f"reports/date={day}"

    def reporter(self, day: date) -> Reporter:
        return reporter(self.root, now=datetime(day.year, day.month, day.day, 1, tzinfo=UTC) + timedelta(days=1))

    def report(self, day: date) -> DailyReport:
        return self.reporter(day).report(day)

    def label(self) -> None:
        put(cut(self.labelled_later, PREFIX).segments, self.root)

    def summary(self, day: date) -> DaySummary:
        return msgspec.json.decode((self.folder(day) / DAY_SUMMARY).read_bytes(), type=DaySummary)

    def edit(self, day: date, name: str, change: Callable[[dict[str, Any]], object]) -> None:
        content = json.loads((self.folder(day) / name).read_bytes())
        change(content)
        (self.folder(day) / name).write_text(json.dumps(content), encoding="utf-8")

    def of_another_version(self, day: date) -> None:
        """Make the stored report one that this version cannot read."""
        self.edit(day, JSON_REPORT, lambda report: report.update(schemaVersion=99))


@pytest.fixture
def days(tmp_path: Path) -> Days:
    return Days(tmp_path)


def days_known(report: DailyReport) -> set[int]:
    return {each.days for each in report.past.meters if each.name == MeterName.PSD2_REMOTE_CARD}


def test_a_report_looks_back_on_days_with_reports_of_an_unknown_form(days: Days) -> None:
    days.report(DAY)
    days.of_another_version(DAY)
    report = days.report(NEXT)
    assert [(each.date, each.decided, each.decline) for each in report.past.days] == [(DAY.isoformat(), 1, 1)]
    assert days_known(report) == {2}


def test_a_report_looks_back_on_reports_from_before_there_were_summaries(days: Days) -> None:
    days.report(DAY)
    (days.folder(DAY) / DAY_SUMMARY).unlink()
    report = days.report(NEXT)
    assert [each.date for each in report.past.days] == [DAY.isoformat()]


def test_every_revision_is_kept_with_what_it_changed(days: Days) -> None:
    days.report(DAY)
    days.label()
    report = days.report(DAY)
    first, second = days.summary(DAY).revisions
    assert (first.number, first.changes, second.number) == (1, (), 2)
    assert second.content == report.revision.content
    assert {(each.figure, each.before, each.after) for each in second.changes} >= {("LABELLED", 0, 1)}
    assert "labels" in second.parts


def test_revisions_go_on_where_the_stored_report_cannot_be_read(days: Days) -> None:
    days.report(DAY)
    days.of_another_version(DAY)
    days.label()
    report = days.report(DAY)
    assert report.revision.number == 2
    assert "LABELLED" in {each.figure for each in report.revision.changes}
    assert [each.number for each in days.summary(DAY).revisions] == [1, 2]


def test_what_another_version_wrote_into_a_summary_stops_nothing(days: Days) -> None:
    days.report(DAY)

    def add(summary: dict[str, Any]) -> None:
        summary["somethingToCome"] = {"a": 1}
        summary["figures"].append({"figure": "TO_COME", "value": 7})
        summary["revisions"][0]["changes"] = [{"figure": "TO_COME", "before": 1, "after": 7}]

    days.edit(DAY, DAY_SUMMARY, add)
    days.label()
    report = days.report(DAY)
    assert report.revision.number == 2
    assert "TO_COME" not in {each.figure for each in report.revision.changes}
    assert days.summary(DAY).revisions[0].changes[0].figure == "TO_COME"


class FullStore(FolderStore):
    """A store that has no room for one kind of file."""

    refused = ""

    def write(self, key: str, content: bytes) -> None:
        if self.refused and key.endswith(self.refused):
            raise OSError(28, "No space left on device")
        super().write(key, content)


def test_an_interrupted_report_is_the_same_revision_when_made_again(days: Days) -> None:
    days.report(DAY)
    days.label()
    store = FullStore(days.root)
    store.refused = HTML_REPORT
    with pytest.raises(OSError, match="No space left"):
        dataclasses.replace(days.reporter(DAY), store=store).report(DAY)
    assert [each.number for each in days.summary(DAY).revisions] == [1, 2]
    report = days.report(DAY)
    assert report.revision.number == 2
    assert "LABELLED" in {each.figure for each in report.revision.changes}
    assert [each.number for each in days.summary(DAY).revisions] == [1, 2]
