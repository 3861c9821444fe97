"""Hours and lines of other versions: older ones are made again, newer ones are left alone and named."""

import gzip
import hashlib
import json
import math
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from fraudstream.contract import FUNCTION_TIMEOUT_SECONDS
from fraudstream.reporting.log import aggregates
from fraudstream.reporting.log.aggregates import AGGREGATION
from fraudstream.reporting.log.changes.edits import LogEdit
from fraudstream.reporting.log.changes.rewriting import LogRewriter, UnreadableFileError
from fraudstream.reporting.log.columns import FILES
from fraudstream.reporting.log.hours import roll_up
from fraudstream.reporting.log.hours.merging import FINGERPRINT
from fraudstream.reporting.log.hours.notes import HOUR_SCHEMA_VERSION
from fraudstream.reporting.log.hours.roll_up import RollUp, made_key
from fraudstream.reporting.log.keys import LogTable
from fraudstream.reporting.log.reader.decision_log import open_log
from fraudstream.reporting.log.record import SCHEMA_VERSION
from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.storage.object_store import FolderStore, digest
from tests.unit.reporting.decision_log_harness import DAY, HOUR, MIDNIGHT, PREFIX, Stream, put, reporter, transaction

DEFINITIONS = {2: "77a9aa"}
"""By aggregation: of all that decides what hours are merged into. What no release has had yet may change; else
a line is added, and `AGGREGATION` raised."""
HOURS = 4


def definitions() -> str:
    """All that decides what an hour's files hold."""
    said = [*aggregates.of_decisions("rows"), *aggregates.of_keys("keys"), FINGERPRINT, SCHEMA_VERSION]
    columns = {str(table): dict(files) for table, files in FILES.items()}
    return hashlib.sha256(json.dumps([said, columns]).encode()).hexdigest()[:6]


def merged(root: Path) -> None:
    """Put a log of four hours, with a decision in each, and merge it."""
    stream = Stream()
    for number in range(HOURS):
        stream.store_and_decide(transaction(number, at=MIDNIGHT + (9 + number) * HOUR), rules=("card-velocity",))
    put(cut(stream.records, PREFIX).segments, root)
    reporter(root).report(DAY)


def notes(root: Path) -> dict[str, dict[str, Any]]:
    paths = sorted((root / PREFIX / "hours").rglob("*.json"))
    return {note["hour"]: note for note in (json.loads(path.read_bytes()) for path in paths)}


def rewrite(root: Path, hour: str, **changes: Any) -> None:
    """Change an hour's note; None takes a field away."""
    path = root / PREFIX / "hours" / f"date={hour[:10]}" / f"hour={hour[-2:]}.json"
    note = json.loads(path.read_bytes()) | changes
    path.write_bytes(json.dumps({name: value for name, value in note.items() if value is not None}).encode())


def as_an_older_version_merged(root: Path) -> None:
    """Take a column out of each file of decisions, and the aggregation out of each note."""
    for hour, note in notes(root).items():
        files = dict(note["files"])
        for key in files:
            if f"/{LogTable.DECISIONS}/" in key:
                path = root / key
                narrow = path.with_suffix(".narrow")
                duckdb.read_parquet(str(path)).project("* EXCLUDE (listedAs)").write_parquet(str(narrow))
                narrow.replace(path)
                files[key] = digest(path)
        rewrite(root, hour, files=files, aggregation=None)


def as_a_newer_version_tallied(root: Path, hour: str) -> None:
    """Give an hour's tallies a dimension, a column and an aggregation to come."""
    files = dict(notes(root)[hour]["files"])
    for key in files:
        if f"/{LogTable.TALLIES}/" in key:
            path = root / key
            wide = path.with_suffix(".wide")
            rows = duckdb.read_parquet(str(path)).project("*, 1.5 AS toCome")
            rows.union(rows.project("* REPLACE ('toCome' AS dimension)")).write_parquet(str(wide))
            wide.replace(path)
            files[key] = digest(path)
    rewrite(root, hour, files=files, aggregation=AGGREGATION + 1, aFieldToCome=1)


def columns(root: Path) -> list[bool]:
    """Whether each file of decisions has the column that the older version did not know."""
    paths = sorted((root / PREFIX / "decisions").rglob("*.parquet"))
    return ["listedAs" in duckdb.read_parquet(str(path)).columns for path in paths]


def test_what_hours_are_merged_into_changes_with_its_version_alone() -> None:
    assert definitions() == DEFINITIONS[AGGREGATION]


def test_hours_of_an_older_aggregation_are_made_again_and_then_no_more(tmp_path: Path) -> None:
    merged(tmp_path)
    as_an_older_version_merged(tmp_path)
    assert columns(tmp_path) == [False] * HOURS
    assert reporter(tmp_path).remake_older() == sorted(notes(tmp_path), reverse=True)
    assert columns(tmp_path) == [True] * HOURS
    assert {note["aggregation"] for note in notes(tmp_path).values()} == {AGGREGATION}
    assert reporter(tmp_path).remake_older() == []
    with open_log(tmp_path) as log:
        assert [list(each.listed_as) for each in log.decisions()] == [["trusted:customer"]] * HOURS
        assert not log.damaged


def test_hours_whose_segments_are_gone_are_made_of_their_files(tmp_path: Path) -> None:
    merged(tmp_path)
    as_an_older_version_merged(tmp_path)
    for path in (tmp_path / PREFIX / "segments").rglob("*.gz"):
        path.unlink()
    before = {name: note["lines"] for name, note in notes(tmp_path).items()}
    assert len(reporter(tmp_path).remake_older()) == HOURS
    assert {name: note["lines"] for name, note in notes(tmp_path).items()} == before
    with open_log(tmp_path) as log:
        assert log.decisions_count == HOURS


def test_as_many_hours_as_a_run_may_are_made_again_the_newest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged(tmp_path)
    as_an_older_version_merged(tmp_path)
    monkeypatch.setattr(roll_up, "MOST_REMADE", 3)
    newest_first = sorted(notes(tmp_path), reverse=True)
    assert reporter(tmp_path).remake_older() == newest_first[:3]
    assert reporter(tmp_path).remake_older() == newest_first[3:]


def test_nothing_is_made_again_that_there_is_no_time_for(tmp_path: Path) -> None:
    merged(tmp_path)
    as_an_older_version_merged(tmp_path)
    assert reporter(tmp_path, seconds_left=roll_up.MERGE_SECONDS - 1).remake_older() == []
    assert not (tmp_path / made_key(PREFIX)).exists()
    assert len(reporter(tmp_path, seconds_left=FUNCTION_TIMEOUT_SECONDS).remake_older()) == HOURS, (
        "a function has the time"
    )


def test_hours_of_a_newer_aggregation_stay_and_are_looked_at_when_it_is_back(tmp_path: Path) -> None:
    merged(tmp_path)
    reporter(tmp_path).remake_older()
    first = min(notes(tmp_path))
    content = reporter(tmp_path).report(DAY).revision.content
    as_a_newer_version_tallied(tmp_path, first)
    (tmp_path / made_key(PREFIX)).write_text(json.dumps({"aggregation": AGGREGATION + 1}))
    before = notes(tmp_path)
    assert reporter(tmp_path).remake_older() == []
    assert reporter(tmp_path).report(DAY).revision.content == content
    assert notes(tmp_path) == before
    assert json.loads((tmp_path / made_key(PREFIX)).read_text()) == {"aggregation": AGGREGATION}


def as_a_newer_version_merged(root: Path, hour: str) -> str:
    """Give an hour a file of a table to come, and return its key."""
    files = dict(notes(root)[hour]["files"])
    hits = next(key for key in files if f"/{LogTable.HITS}/" in key)
    key = hits.replace(f"/{LogTable.HITS}/", "/tableToCome/")
    (root / key).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(root / hits, root / key)
    rewrite(root, hour, files={**files, key: digest(root / key)}, aggregation=AGGREGATION + 1)
    return key


def test_an_hour_with_a_table_to_come_stays_until_something_came_in(tmp_path: Path) -> None:
    merged(tmp_path)
    first = min(notes(tmp_path))
    as_a_newer_version_merged(tmp_path, first)
    before = notes(tmp_path)
    report = reporter(tmp_path).report(DAY)
    assert report.reconciliation.logged == HOURS
    assert not report.log_hours.damaged
    assert notes(tmp_path) == before


@pytest.mark.parametrize("segments_left", [True, False])
def test_a_file_of_a_table_to_come_is_kept_when_its_hour_is_made_again(tmp_path: Path, *, segments_left: bool) -> None:
    merged(tmp_path)
    first = min(notes(tmp_path))
    key = as_a_newer_version_merged(tmp_path, first)
    content = (tmp_path / key).read_bytes()
    if not segments_left:
        for path in (tmp_path / PREFIX / "segments").rglob("*.gz"):
            path.unlink()
    RollUp(store=FolderStore(tmp_path), log_prefix=PREFIX, time_left=lambda: math.inf).remake([first])
    note = notes(tmp_path)[first]
    assert note["files"][key] == digest(tmp_path / key)
    assert note["damaged"] == {}
    assert note["aggregation"] == AGGREGATION, "so that the newer version makes it again"
    assert (tmp_path / key).read_bytes() == content
    assert reporter(tmp_path).report(DAY).reconciliation.logged == HOURS


def test_nobody_is_taken_out_of_an_hour_with_a_table_to_come(tmp_path: Path) -> None:
    merged(tmp_path)
    first = min(notes(tmp_path))
    key = as_a_newer_version_merged(tmp_path, first)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    rewriter = LogRewriter(store=FolderStore(tmp_path), log_prefix=PREFIX, now=datetime(2026, 11, 24, 12, tzinfo=UTC))
    edit = LogEdit(persons={f"tok_{0:022}"})
    with pytest.raises(UnreadableFileError, match=f"{key} in the bucket was written by a newer version"):
        rewriter.rewrite(first, {DAY}, lambda _: edit)
    assert {path: path.read_bytes() for path in before} == before


def test_an_hour_whose_note_has_a_newer_form_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    merged(tmp_path)
    first = min(notes(tmp_path))
    rewrite(tmp_path, first, schemaVersion=HOUR_SCHEMA_VERSION + 1, files=None)
    before = {path: path.read_bytes() for path in (tmp_path / PREFIX).rglob("*.*")}
    report = reporter(tmp_path).report(DAY)
    assert report.reconciliation.logged == HOURS - 1
    assert {key.rpartition("/")[2] for key in report.log_hours.damaged} == {f"{first}.parquet"}
    after = {path: path.read_bytes() for path in before if "reported" not in str(path)}
    assert after.items() <= before.items()
    with open_log(tmp_path) as log:
        assert log.decisions_count == HOURS


def as_newer_lines(root: Path) -> None:
    """Have a newer version write the second line of each segment, with another meaning and a column to come."""
    for path in (root / PREFIX / "segments").rglob("*.gz"):
        first, second = gzip.decompress(path.read_bytes()).splitlines()
        newer = json.loads(second) | {"schemaVersion": SCHEMA_VERSION + 1, "score": "high", "columnToCome": [1]}
        path.write_bytes(gzip.compress(first + b"\n" + msgspec.json.encode(newer) + b"\n"))


def test_lines_of_a_newer_version_are_set_aside_and_named(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1))
    stream.store_and_decide(transaction(2, at=MIDNIGHT + 10 * HOUR))
    put(cut(stream.records[:2], PREFIX).segments, tmp_path)
    as_newer_lines(tmp_path)
    put(cut(stream.records[2:], PREFIX).segments, tmp_path)
    with open_log(tmp_path) as log:
        assert [each.transaction.transaction_id for each in log.decisions()] == ["t-2"]
        assert set(log.damaged.values()) == {"1 of 2 lines were written by a newer version: read them with that one"}
    report = reporter(tmp_path).report(DAY)
    assert (report.reconciliation.stored, report.reconciliation.decided) == (2, 1)
    assert len(report.log_hours.damaged) == 1
