"""What was given up is found in a log of any state: segments alone, merged hours, both, without a decision at all."""

import gzip
import shutil
from pathlib import Path

import pytest

from fraudstream.reporting.log.reader.files import DecisionLogError
from fraudstream.reporting.log.reader.given_up import GivenUp, find_given_up
from fraudstream.reporting.log.segments import cut
from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.storage.attributes import to_item
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


def said(found: GivenUp) -> tuple[list[str], list[str]]:
    assert found.damaged == {}
    return list(found.undecided), list(found.unlearned)


def a_stream() -> Stream:
    """Of six transactions one is undecided, one decided hours later, and one has a label that was not learnt."""
    stream = Stream()
    for number in range(2):
        stream.store_and_decide(transaction(number, at=NINE))
    stream.add(item(transaction(2, at=NINE)), at=NINE)
    late = item(transaction(3, at=NINE))
    stream.add(late, at=NINE)
    stream.add(late | decision(at=NINE + 3 * HOUR).to_item(), late, at=NINE + 3 * HOUR)
    for number, learnt in ((4, False), (5, True)):
        stored = transaction(number, at=NINE)
        decided = item(stored, decision(at=NINE + 400))
        stream.add(item(stored), at=NINE)
        stream.add(decided, item(stored), at=NINE + 400)
        labelled = decided | label(Truth.FRAUD, at=NINE + HOUR).to_item()
        stream.add(labelled, decided, at=NINE + HOUR)
        if learnt:
            noted = labelled | to_item({"learntLabel": "FRAUD", "learntLabeledAt": NINE + HOUR})
            stream.add(noted, labelled, at=NINE + HOUR + 900)
    # Stored in the log's last hour: it may be under way.
    stream.add(item(transaction(6, at=NINE + 3 * HOUR)), at=NINE + 3 * HOUR)
    return stream


@pytest.mark.parametrize("without", [(), ("segments",), ("hours",), ("hours", "segments"), ("tallies",)])
def test_merged_hours_say_what_their_segments_said(tmp_path: Path, without: tuple[str, ...]) -> None:
    put(cut(a_stream().records, PREFIX).segments, tmp_path)
    assert said(find_given_up(tmp_path)) == (["t-2"], ["t-4"])
    reporter(tmp_path).roll_up()
    for folder in without:
        shutil.rmtree(tmp_path / PREFIX / folder)
    assert said(find_given_up(tmp_path / PREFIX)) == (["t-2"], ["t-4"])


def test_the_report_of_the_day_lists_the_same(tmp_path: Path) -> None:
    put(cut(a_stream().records, PREFIX).segments, tmp_path)
    reported = reporter(tmp_path).report(reporter(tmp_path).now.date().replace(day=22)).reconciliation
    assert [each.transaction_id for each in reported.undecided] == ["t-2", "t-6"]
    assert [each.transaction_id for each in reported.unlearned] == ["t-4"]


def test_a_transaction_with_its_decision_in_a_later_hour_is_decided(tmp_path: Path) -> None:
    records = a_stream().records
    late = [each for each in records if each["dynamodb"]["ApproximateCreationDateTime"] >= (NINE + 3 * HOUR) / 1000]
    put(cut([each for each in records if each not in late], PREFIX).segments, tmp_path)
    reporter(tmp_path).roll_up()
    put(cut(late, PREFIX).segments, tmp_path)
    assert said(find_given_up(tmp_path)) == (["t-2"], ["t-4"])


@pytest.mark.parametrize("merged", [False, True])
def test_a_log_of_which_nothing_was_ever_decided_tells_of_all(tmp_path: Path, *, merged: bool) -> None:
    stream = Stream()
    for number in range(3):
        stream.add(item(transaction(number, at=NINE + number)), at=NINE + number)
    stream.add(item(transaction(3, at=NINE + 2 * HOUR)), at=NINE + 2 * HOUR)
    put(cut(stream.records, PREFIX).segments, tmp_path)
    if merged:
        reporter(tmp_path).roll_up()
        shutil.rmtree(tmp_path / PREFIX / "segments")
    assert said(find_given_up(tmp_path)) == (["t-0", "t-1", "t-2"], [])


def test_a_damaged_segment_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    records = a_stream().records
    put(cut(records, PREFIX).segments, tmp_path)
    bad = next(iter(sorted(tmp_path.rglob("*.jsonl.gz")))).with_name("99-1.jsonl.gz")
    bad.write_bytes(gzip.compress(b"no record\n")[:-4])
    found = find_given_up(tmp_path)
    assert (list(found.undecided), list(found.unlearned)) == (["t-2"], ["t-4"])
    assert list(found.damaged) == [bad]


def test_where_there_is_no_log_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(DecisionLogError, match="there is no decision log"):
        find_given_up(tmp_path)


def test_a_folder_of_other_lines_is_no_log_in_which_nothing_was_given_up(tmp_path: Path) -> None:
    (tmp_path / "orders.jsonl").write_text('{"transactionId": "t-1"}\n')
    with pytest.raises(DecisionLogError, match=r"orders\.jsonl: 1 of 1 lines are no records of the decision log"):
        find_given_up(tmp_path)
