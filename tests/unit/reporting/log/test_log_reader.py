"""The log is read as it is: segments alone, merged hours, both, revised ones, whole or in part, under any name."""

import gzip
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from fraudstream.durations import DAY as DAY_MS
from fraudstream.reporting.log.reader.decision_log import DecisionLog, open_log
from fraudstream.reporting.log.reader.files import DecisionLogError, find_log_files, is_log
from fraudstream.reporting.log.reader.standing import LabelHorizon, Standing
from fraudstream.reporting.log.segments import cut
from fraudstream.transactions.decisions.decision import Truth, Verdict
from tests.unit.reporting.decision_log_harness import (
    HOUR,
    MIDNIGHT,
    PREFIX,
    Stream,
    decision,
    item,
    label,
    put,
    reporter,
    transaction,
)

NINE = MIDNIGHT + 9 * HOUR


def a_stream() -> Stream:
    """Ten transactions in two hours; one undecided, one labelled before its decision, one labelled twice."""
    stream = Stream()
    for number in range(8):
        stream.store_and_decide(transaction(number, at=NINE + number * HOUR // 5), rules=("card-velocity",))
    stream.add(item(transaction(8)), at=NINE)
    early = item(transaction(9), label(Truth.FRAUD, at=NINE + 5))
    stream.add(early, at=NINE)
    stream.add(early | decision(at=NINE + 9).to_item(), early, at=NINE + 9)
    stream.store_decide_and_label(transaction(10), Verdict.DECLINE, Truth.FRAUD, Truth.LEGITIMATE)
    return stream


class Said(NamedTuple):
    decisions: list[tuple[str, str, bytes, tuple[str, ...], tuple[str, ...], str | None, int | None, Standing]]
    labels: int


def said(log: DecisionLog) -> Said:
    return Said(
        [
            (
                each.transaction.transaction_id,
                each.decision,
                each.features,
                tuple(each.sources),
                tuple(each.listed_as),
                each.truth,
                each.labeled_at,
                log.standing(each),
            )
            for each in log.decisions()
        ],
        log.labels_count,
    )


def read(place: Path) -> Said:
    with open_log(place) as log:
        found = said(log)
        assert log.damaged == {}
        assert log.decisions_count == len(found.decisions)
    return found


@pytest.fixture
def segments(tmp_path: Path) -> Path:
    records = a_stream().records
    for start in range(0, len(records), 4):
        put(cut(records[start : start + 6], PREFIX).segments, tmp_path / "bucket")
    return tmp_path / "bucket"


@pytest.fixture
def merged(segments: Path) -> Path:
    reporter(segments).roll_up()
    return segments


def test_each_decision_comes_once_with_the_newest_label_of_it(segments: Path) -> None:
    found = read(segments)
    assert sorted(each[0] for each in found.decisions) == [*(f"t-{n}" for n in (0, 1, 10, 2, 3, 4, 5, 6, 7, 9))]
    truths = {each[0]: each[5] for each in found.decisions if each[5]}
    assert truths == {"t-9": "FRAUD", "t-10": "LEGITIMATE"}
    assert {each[2] for each in found.decisions} == {b"\x00\x01"}
    assert found.decisions[-1][3] == ("card-velocity",)


@pytest.mark.parametrize("at", [NINE // 1000, 20_261_123, NINE - DAY_MS])
def test_a_label_older_than_its_transaction_is_left_out_and_counted(tmp_path: Path, at: int) -> None:
    stream = Stream()
    for number, times in enumerate([(at,), (at, NINE + 1), (NINE + 1,)]):
        stream.store_and_decide(transaction(number, at=NINE))
        for time in times:
            before = item(transaction(number, at=NINE)) | decision(at=NINE).to_item()
            stream.add(before | label(Truth.FRAUD, at=time).to_item(), before, at=NINE + 2)
    put(cut(stream.records, PREFIX).segments, tmp_path)
    with open_log(tmp_path) as log:
        assert {each.transaction.transaction_id: each.labeled_at for each in log.decisions()} == {
            "t-0": None,
            "t-1": NINE + 1,
            "t-2": NINE + 1,
        }
        assert (log.labels_count, log.early_labels) == (2, 2)


def test_a_merged_log_says_what_its_segments_said(segments: Path) -> None:
    before = read(segments)
    reporter(segments).roll_up()
    assert read(segments) == before
    assert read(segments / PREFIX) == before
    shutil.rmtree(segments / PREFIX / "segments")
    assert read(segments) == before
    shutil.rmtree(segments / PREFIX / "hours")
    assert read(segments) == before


def test_segments_of_merged_hours_are_not_read_again(merged: Path) -> None:
    files = find_log_files(merged)
    assert (files.segments, len(files.records) > 0) == ([], True)


def test_what_came_in_after_an_hour_was_merged_is_read_too(merged: Path) -> None:
    before = read(merged)
    late = Stream()
    late.store_and_decide(transaction(77, at=NINE + 30))
    late.records[0]["eventID"] = "f" * 32
    put(cut(late.records, PREFIX).segments, merged)
    assert len(read(merged).decisions) == len(before.decisions) + 1
    with_late = read(merged)
    reporter(merged).roll_up()
    assert read(merged) == with_late


@pytest.mark.parametrize("name", ["ids", "tallies", "hours", "reported", "segments", "log with spaces", "it's"])
def test_a_log_may_lie_in_a_folder_of_any_name(merged: Path, name: str, tmp_path: Path) -> None:
    expected = read(merged)
    shutil.copytree(merged / PREFIX, tmp_path / name / "deeper")
    assert read(tmp_path / name) == expected
    assert read(tmp_path / name / "deeper") == expected


def test_a_part_of_a_log_is_a_log(merged: Path) -> None:
    whole = read(merged)
    assert {each[:4] for each in read(merged / PREFIX / "decisions").decisions} == {
        each[:4] for each in whole.decisions
    }
    assert read(merged / PREFIX / "segments") == whole
    labels = read(merged / PREFIX / "labels")
    assert {each[0] for each in labels.decisions} == {"t-9", "t-10"}
    (file, *_) = sorted((merged / PREFIX / "decisions").rglob("*.parquet"))
    assert 0 < len(read(file).decisions) < len(whole.decisions)
    assert is_log(file)
    assert is_log(next((merged / PREFIX / "segments").rglob("*.gz")))


def test_parquet_files_that_are_not_what_was_written_give_way_to_their_segments(merged: Path) -> None:
    expected = read(merged)
    (file, *_) = sorted((merged / PREFIX / "decisions").rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-20])
    with open_log(merged) as log:
        assert said(log) == expected
        assert list(log.damaged) == [file]


@contextmanager
def damaged(place: Path, body: bytes) -> Iterator[Path]:
    (path, *_) = sorted((place / PREFIX / "segments").rglob("*.gz"))
    whole = path.read_bytes()
    path.write_bytes(body)
    yield path
    path.write_bytes(whole)


@pytest.mark.parametrize(
    "body", [b"", b"no gzip at all", gzip.compress(b"", mtime=0)[:-3], gzip.compress(b"x" * 999, mtime=0)[:-9]]
)
def test_a_damaged_segment_is_named_and_stops_nothing(segments: Path, body: bytes) -> None:
    whole = read(segments)
    with damaged(segments, body) as path, open_log(segments) as log:
        assert list(log.damaged) == [path]
        assert 0 < len(said(log).decisions) < len(whole.decisions)


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"7", b"null", b'{"event": "DECIDED"}', b"\xff\xfe", b'{"transactionId": {"S": "t"}}']
)
def test_lines_that_are_no_records_are_counted_and_the_others_kept(segments: Path, line: bytes) -> None:
    whole = read(segments)
    (path, *_) = sorted((segments / PREFIX / "segments").rglob("*.gz"))
    with damaged(segments, gzip.compress(line + b"\n" + gzip.decompress(path.read_bytes()))), open_log(segments) as log:
        assert "1 of " in log.damaged[path]
        assert said(log) == whole


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("receivedAt", b"-1"),
        ("receivedAt", b"999999999999999999"),
        ("currency", b'"ZZZ"'),
        ("amountMinor", b'"abc"'),
        ("decision", b'"PERHAPS"'),
        ("event", b'"OTHER"'),
        ("loggedAt", b"1e300"),
    ],
)
def test_a_record_with_an_impossible_value_is_none(segments: Path, name: str, value: bytes) -> None:
    (path, *_) = sorted((segments / PREFIX / "segments").rglob("*.gz"))
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    (place,) = [number for number, line in enumerate(lines) if b'"DECIDED"' in line][:1]
    start = lines[place].index(f'"{name}":'.encode()) + len(name) + 3
    end = min(lines[place].index(mark, start) for mark in (b",", b"}") if mark in lines[place][start:])
    lines[place] = lines[place][:start] + value + lines[place][end:]
    with damaged(segments, gzip.compress(b"".join(lines))), open_log(segments) as log:
        assert list(log.damaged) == [path]
        assert len(list(log.decisions())) == log.decisions_count > 0


def test_a_folder_of_other_things_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("{}")
    (tmp_path / "x.parquet").write_bytes(b"no parquet")
    with pytest.raises(DecisionLogError, match=r"x\.parquet: it is no Parquet file"):
        find_log_files(tmp_path)
    with pytest.raises(DecisionLogError, match="there is no decision log"):
        find_log_files(tmp_path / "nowhere")


def test_of_labels_that_contradict_each_other_at_one_moment_fraud_stands(tmp_path: Path) -> None:
    stream = Stream()
    stored, judged = transaction(1), decision(at=NINE + 9)
    stream.add(item(stored, judged), item(stored), at=NINE)
    for truth in (Truth.LEGITIMATE, Truth.FRAUD, Truth.LEGITIMATE):
        stream.add(item(stored, judged, label(truth, at=NINE + 50)), item(stored, judged), at=NINE + 60)
    put(cut(stream.records, PREFIX).segments, tmp_path)
    assert [each[5] for each in read(tmp_path).decisions] == ["FRAUD"]
    reporter(tmp_path).report(reporter(tmp_path).now.date())
    assert [each[5] for each in read(tmp_path).decisions] == ["FRAUD"]


@pytest.mark.parametrize(
    ("labels", "since"),
    [
        ([(Truth.FRAUD, 10), (Truth.FRAUD, 50)], 10),
        ([(Truth.FRAUD, 10), (Truth.LEGITIMATE, 20), (Truth.FRAUD, 50)], 50),
        ([(Truth.FRAUD, 10), (Truth.FRAUD, 20), (Truth.LEGITIMATE, 50)], 50),
    ],
)
def test_a_label_that_is_repeated_is_known_since_the_first(
    tmp_path: Path, labels: list[tuple[Truth, int]], since: int
) -> None:
    """As a chargeback repeats weeks later what the customer has said."""
    stream = Stream()
    stored, judged = transaction(1), decision(at=NINE + 9)
    stream.add(item(stored, judged), item(stored), at=NINE)
    for truth, at in labels:
        stream.add(item(stored, judged, label(truth, at=NINE + at)), item(stored, judged), at=NINE + at)
    put(cut(stream.records, PREFIX).segments, tmp_path)
    for _ in range(2):
        with open_log(tmp_path) as log:
            (found,) = log.decisions()
        assert (found.truth, found.labeled_at) == (labels[-1][0], NINE + since)
        reporter(tmp_path).report(reporter(tmp_path).now.date())  # merges the hours


@pytest.mark.parametrize(
    ("age_days", "truth", "declined", "expected"),
    [
        (6.9, "FRAUD", False, Standing.UNKNOWN),
        (7, "FRAUD", True, Standing.FRAUD),
        (7, "LEGITIMATE", True, Standing.LEGITIMATE),
        (7, None, False, Standing.MATURED),
        (7, None, True, Standing.UNKNOWN),
        (6.9, None, False, Standing.UNKNOWN),
    ],
)
def test_a_label_counts_once_it_is_mature(
    age_days: float, truth: str | None, *, declined: bool, expected: Standing
) -> None:
    horizon = LabelHorizon(until=NINE, delay_days=7)
    assert horizon.standing(int(NINE - age_days * DAY_MS), truth, declined=declined) is expected
