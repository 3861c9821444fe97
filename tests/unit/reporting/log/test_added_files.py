"""What somebody puts among the log's files is found, and what fraudstream writes itself is not taken for it."""

from datetime import timedelta
from pathlib import Path

import pytest

from fraudstream.reporting.log.keys import midnight
from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.log.verification.added_files import added_files
from fraudstream.reporting.log.verification.against_chain import LogProblem
from fraudstream.reporting.storage.object_store import FolderStore
from tests.unit.reporting.decision_log_harness import (
    DAY,
    HOUR,
    MIDNIGHT,
    NOW,
    PREFIX,
    Stream,
    put,
    reporter,
    transaction,
)

SINCE, UNTIL = midnight(DAY), midnight(DAY) + timedelta(hours=23)


def log_of(root: Path, *hours: int) -> None:
    stream = Stream()
    for hour in hours:
        stream.store_and_decide(transaction(hour, at=MIDNIGHT + hour * HOUR), rules=("card-velocity",))
    put(cut(stream.records, PREFIX).segments, root)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    log_of(tmp_path, 1, 2, 3)
    reporter(tmp_path, now=NOW).report(DAY)
    return tmp_path


def added(log: Path) -> list[str]:
    found = added_files(FolderStore(log), PREFIX, SINCE, UNTIL, NOW)
    assert all(each.problem is LogProblem.FILE_ADDED for each in found)
    return [each.what.removeprefix(PREFIX) for each in found]


def test_a_log_as_it_was_merged_has_no_added_file(log: Path) -> None:
    assert added(log) == []


@pytest.mark.parametrize(
    "key",
    [
        f"decisions/date={DAY}/mine.parquet",
        f"decisions/date={DAY}/{DAY}T02-mine.parquet",
        f"labels/date={DAY}/{DAY}T02.parquet",
        f"hits/date={DAY}/{DAY}T22.parquet",
        f"tallies/date={DAY}/part/{DAY}T02.parquet",
        f"decisions/date={DAY}/notes.txt",
        # Of no hour that was asked for, or ever will be.
        f"decisions/date={DAY}/2099-01-01T00.parquet",
        f"decisions/date={DAY}/1970-01-01T00.parquet",
        f"decisions/date={DAY}/2026-1-22T02.parquet",
        # Where the log has nothing: a copy is read whole, and DuckDB looks into every folder of a table.
        f"decisions/date=2099-01-01/{DAY}T02.parquet",
        f"decisions/date=2026-13-40/{DAY}T02.parquet",
        "decisions/mine/a.parquet",
        "decisions/a.parquet",
        "mine/date=2026-11-22/a.parquet",
        "a.parquet",
        "mine.jsonl",
    ],
)
def test_a_file_that_no_note_names_is_found_whatever_its_name(log: Path, key: str) -> None:
    path = log / PREFIX / key
    assert not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"PAR1")
    assert added(log) == [key]


def test_files_of_hours_that_are_being_merged_are_not_taken_for_added_ones(log: Path) -> None:
    """A merge writes its files before its note."""
    notes = [log / PREFIX / f"hours/date={DAY}/hour={hour}.json" for hour in ("01", "02")]
    notes[0].unlink()
    log_of(log, 2, 2)
    late = log / PREFIX / f"ids/date={DAY - timedelta(days=1)}" / f"{DAY}T02.parquet"
    late.parent.mkdir(parents=True)
    late.write_bytes(b"PAR1")
    assert added_files(FolderStore(log), PREFIX, SINCE - timedelta(days=1), UNTIL, NOW) == []


def test_a_file_of_an_hour_whose_note_cannot_be_read_is_left_to_the_note(log: Path) -> None:
    (log / PREFIX / f"hours/date={DAY}/hour=02.json").write_bytes(b"{")
    assert added(log) == []
