"""What of the log is damaged, gone or cut off is named, made again where that can be, and never makes it poorer."""

import dataclasses
import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fraudstream.reporting.daily.schema.report import DailyReport
from fraudstream.reporting.log.reader.decision_log import open_log
from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.storage.object_store import FolderStore
from fraudstream.transactions.decisions.decision import Truth, Verdict
from tests.unit.reporting.decision_log_harness import (
    DAY,
    HOUR,
    MIDNIGHT,
    PREFIX,
    Stream,
    item,
    put,
    reporter,
    transaction,
)

NINE = MIDNIGHT + 9 * HOUR


def a_stream() -> Stream:
    stream = Stream()
    for number in range(12):
        stream.store_and_decide(transaction(number, at=NINE + number * HOUR // 6), rules=("card-velocity",))
    stream.add(item(transaction(50, at=NINE)), at=NINE)
    stream.store_decide_and_label(transaction(60, at=NINE), Verdict.DECLINE, Truth.FRAUD)
    return stream


@pytest.fixture
def log(tmp_path: Path) -> Path:
    records = a_stream().records
    for start in range(0, len(records), 5):
        put(cut(records[start : start + 5], PREFIX).segments, tmp_path)
    return tmp_path


def segments(log: Path) -> list[Path]:
    return sorted((log / PREFIX / "segments").rglob("*.gz"))


def files(log: Path, table: str) -> list[Path]:
    return sorted((log / PREFIX / table).rglob("*.parquet"))


def report(log: Path) -> DailyReport:
    return reporter(log).report(DAY)


def figures(made: DailyReport) -> tuple[object, ...]:
    books = made.reconciliation
    return (books.stored, books.decided, books.logged, books.undecided, made.decisions, made.rules, made.labels.fraud)


def test_a_damaged_segment_is_set_aside_named_and_stops_nothing(log: Path) -> None:
    broken = segments(log)[1]
    body = broken.read_bytes()
    broken.write_bytes(body[: len(body) // 2])
    made = report(log)
    assert made.log_hours.damaged == (broken.relative_to(log).as_posix(),)
    assert 0 < made.reconciliation.decided < 13


def test_a_segment_that_is_repaired_comes_into_the_report_again(log: Path) -> None:
    whole = segments(log)[1].read_bytes()
    segments(log)[1].write_bytes(b"no gzip")
    poorer = report(log)
    segments(log)[1].write_bytes(whole)
    made = report(log)
    assert poorer.reconciliation.decided < made.reconciliation.decided == 13
    assert made.log_hours.damaged == ()


def test_lines_that_are_no_records_are_named_by_their_segment(log: Path) -> None:
    path = segments(log)[0]
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"{\n"))
    made = report(log)
    assert made.log_hours.damaged == (path.relative_to(log).as_posix(),)
    assert made.reconciliation.decided == 13


@pytest.mark.parametrize("table", ["tallies", "ids", "labels"])
def test_files_that_are_gone_are_made_again(log: Path, table: str) -> None:
    before = report(log)
    contents = {path: path.read_bytes() for path in files(log, table)}
    for path in contents:
        path.unlink()
    assert figures(report(log)) == figures(before)
    assert {path: path.read_bytes() for path in files(log, table)} == contents


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40] + bytes(40))


def replace_by_another(path: Path) -> None:
    (other,) = [each for each in path.parent.iterdir() if each != path][:1]
    shutil.copyfile(other, path)


@pytest.mark.parametrize("change", [damage, replace_by_another])
def test_files_that_are_not_what_was_written_are_made_again(log: Path, change: Callable[[Path], None]) -> None:
    before = report(log)
    change(files(log, "tallies")[0])
    assert figures(report(log)) == figures(before)


def test_a_changed_file_is_no_source_when_its_segments_are_gone(log: Path) -> None:
    report(log)
    shutil.rmtree(log / PREFIX / "segments")
    changed, another = files(log, "decisions")[:2]
    shutil.copyfile(another, changed)
    for path in files(log, "tallies"):
        path.unlink()
    made = report(log)
    # What somebody put there is not taken over: it is named, and what was there is missing.
    assert changed.relative_to(log).as_posix() in made.log_hours.damaged
    assert made.reconciliation.decided == 6


def test_tallies_are_made_again_of_decisions_when_their_segments_are_gone(log: Path) -> None:
    before = report(log)
    shutil.rmtree(log / PREFIX / "segments")
    for table in ("tallies", "ids"):
        for path in files(log, table):
            path.unlink()
    made = report(log)
    # What was stored and never decided stood in the tallies alone.
    assert (before.reconciliation.stored, made.reconciliation.stored) == (14, 13)
    assert made.reconciliation.decided == made.reconciliation.logged == 13
    assert (made.decisions, made.rules, made.labels.fraud) == (before.decisions, before.rules, before.labels.fraud)


def test_an_hour_is_never_replaced_by_less(log: Path) -> None:
    before = report(log)
    for path in segments(log):
        path.unlink()
    late = Stream()
    late.store_and_decide(transaction(99, at=NINE + 60_000))
    for record in late.records:
        record["eventID"] = "f" + record["eventID"][1:]
    put(cut(late.records, PREFIX).segments, log)
    made = report(log)
    assert made.reconciliation.stored == before.reconciliation.stored + 1
    assert made.reconciliation.decided == before.reconciliation.decided + 1
    assert made.reconciliation.undecided == before.reconciliation.undecided
    assert made.labels.fraud == before.labels.fraud
    with open_log(log) as opened:
        assert opened.decisions_count == 14


def test_what_is_gone_for_good_is_named(log: Path) -> None:
    report(log)
    shutil.rmtree(log / PREFIX / "segments")
    lost = files(log, "decisions")[0]
    for path in (lost, *files(log, "tallies"), *files(log, "ids")):
        path.unlink()
    made = report(log)
    assert lost.relative_to(log).as_posix() in made.log_hours.damaged
    assert 0 < made.reconciliation.decided < 13
    assert report(log).log_hours.damaged == made.log_hours.damaged


@pytest.mark.parametrize("expired", [(), ("segments",)])
def test_a_copy_tells_the_same_wherever_it_lies(log: Path, tmp_path: Path, expired: tuple[str, ...]) -> None:
    before = report(log)
    copy = tmp_path / "pulled"
    shutil.copytree(log / PREFIX, copy)
    for folder in expired:
        shutil.rmtree(copy / folder)
    notes = {path: path.read_bytes() for path in (copy / "hours").rglob("*.json")}
    reporting = dataclasses.replace(reporter(tmp_path), store=FolderStore(copy), log_prefix="")
    made = reporting.report(DAY)
    assert made.reconciliation == before.reconciliation
    assert (made.decisions, made.log_hours) == (before.decisions, before.log_hours)
    # The hours are read as they are, and not merged again of what segments are left.
    assert {path: path.read_bytes() for path in notes} == notes
