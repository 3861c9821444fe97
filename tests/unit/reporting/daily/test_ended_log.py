"""A day of which the log has only a part any more: its report stays, however it is asked for."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from fraudstream.reporting.log.segments import cut
from tests.unit.reporting.decision_log_harness import DAY, NOW, PREFIX, Stream, put, reporter, transaction

KEPT_DAYS = 30


def stored(root: Path, count: int) -> list[bytes]:
    """Log a day's transactions, report on it while the log is whole, and return the report's files."""
    stream = Stream()
    for number in range(count):
        stream.store_and_decide(transaction(number))
    put(cut(stream.records, PREFIX).segments, root)
    assert reporter(root).report(DAY).reconciliation.logged == count
    return files(root)


def files(root: Path) -> list[bytes]:
    return [file.read_bytes() for file in sorted((root / "reports").rglob("*")) if file.is_file()]


def end(root: Path) -> None:
    """Delete what S3 deletes of a log that is older than it is kept."""
    shutil.rmtree(root / PREFIX)


def test_a_report_stays_when_the_log_that_it_was_made_of_has_ended(tmp_path: Path) -> None:
    before = stored(tmp_path, 3)
    end(tmp_path)
    later = replace(reporter(tmp_path, now=NOW + timedelta(days=KEPT_DAYS + 2)), log_days=KEPT_DAYS)
    assert later.report(DAY).reconciliation.logged == 3
    assert files(tmp_path) == before


def test_what_a_younger_day_has_lost_is_still_told(tmp_path: Path) -> None:
    before = stored(tmp_path, 3)
    end(tmp_path)
    later = replace(reporter(tmp_path, now=NOW + timedelta(days=KEPT_DAYS - 2)), log_days=KEPT_DAYS)
    assert later.report(DAY).reconciliation.logged == 0
    assert files(tmp_path) != before


def test_a_day_whose_log_was_rebuilt_is_reported_anew_at_any_age(tmp_path: Path) -> None:
    stored(tmp_path, 3)
    end(tmp_path)
    stream = Stream()
    for number in range(4):
        stream.store_and_decide(transaction(number))
    put(cut(stream.records, PREFIX).segments, tmp_path)
    later = replace(reporter(tmp_path, now=NOW + timedelta(days=KEPT_DAYS + 2)), log_days=KEPT_DAYS)
    made = later.report(DAY)
    assert (made.reconciliation.logged, made.revision.number) == (4, 2)
