"""What an hour of the log is tallied into, and that tallies add up."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.storage.duckdb_engine import connect
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.transaction import Channel
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
Tally = dict[tuple[str, ...], tuple[int, int]]


def tallied(stream: Stream, root: Path, dimension: str) -> Tally:
    """Merge a stream, and add the tallies of a dimension up."""
    merge(stream, root)
    return sums(root, dimension)


def merge(stream: Stream, root: Path, *, parts: int = 1) -> None:
    """Merge a stream, in as many hours of the log as there are parts."""
    for part in range(parts):
        records = stream.records[part * len(stream.records) // parts : (part + 1) * len(stream.records) // parts]
        for record in records:
            record["dynamodb"]["ApproximateCreationDateTime"] += part * HOUR / 1000
        put(cut(records, PREFIX).segments, root)
    reporter(root).report(DAY)


def sums(root: Path, dimension: str) -> Tally:
    """Add the tallies of a dimension up."""
    with connect(root) as connection:
        rows: list[Any] = (
            connection.read_parquet(f"{root}/{PREFIX}tallies/*/*.parquet")
            .filter(f"dimension = '{dimension}'")
            .aggregate("key, other, sum(transactions), max(largest)", "key, other")
            .fetchall()
        )
    return {tuple(part for part in row[:2] if part): (int(row[2]), row[3]) for row in rows}


def counts(tally: Tally) -> dict[tuple[str, ...], int]:
    return {key: count for key, (count, _) in tally.items()}


@pytest.mark.parametrize(
    ("amount", "band"),
    [
        *((0, 0), (1, 1), (2, 2), (4, 2), (5, 5), (9, 5), (10, 10), (19, 10), (20, 20), (50, 50), (99, 50), (100, 100)),
        *((4_999, 2_000), (999_999_999_999, 500_000_000_000)),
    ],
)
def test_an_amount_is_in_the_band_that_begins_below_it(tmp_path: Path, amount: int, band: int) -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1, at=NINE, amount=amount))
    assert counts(tallied(stream, tmp_path, "amountBand")) == {(str(band),): 1}


def test_durations_are_told_to_within_half_a_percent_and_the_longest_exactly(tmp_path: Path) -> None:
    stream = Stream()
    taken = [0, 1, 300, 1023, 1024, 1027, 5_000, 66_666, 3_000_000]
    for number, each in enumerate(taken):
        stream.store_and_decide(transaction(number, at=NINE - HOUR), after=each)
    found = tallied(stream, tmp_path, "latency")
    assert max(longest for _, longest in found.values()) == 3_000_000
    assert sum(count for count, _ in found.values()) == len(taken)
    for (start,), (_, longest) in found.items():
        assert int(start) <= longest <= int(start) * 1.004 + 1


def test_what_is_not_decided_in_an_hour_took_no_time_in_it(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1, at=NINE), after=400)
    stream.store_and_decide(transaction(2, at=NINE), after=2 * HOUR)
    stream.add(item(transaction(3, at=NINE)), at=NINE)
    merge(stream, tmp_path)
    assert sorted(longest for _, longest in sums(tmp_path, "latency").values()) == [400, 2 * HOUR]
    assert [count for count, _ in sums(tmp_path, "latency").values()] == [1, 1]
    # The stream told of the second one in an hour of the log that has no decision of it.
    assert list(sums(tmp_path, "lag").values()) == [(1, 400)]


def test_rules_are_counted_alone_in_pairs_and_by_the_minute(tmp_path: Path) -> None:
    stream = Stream()
    for number, rules in enumerate((("a",), ("b", "a"), ("a", "c", "b"), ())):
        stream.store_and_decide(transaction(number, at=NINE + number * 60_000), Verdict.REVIEW, rules=rules)
    assert counts(tallied(stream, tmp_path, "rule")) == {("a", "A"): 3, ("b", "B"): 2, ("c", "C"): 1}
    assert counts(tallied(stream, tmp_path, "ruleAlone")) == {("a",): 1}
    assert counts(tallied(stream, tmp_path, "rulePair")) == {("a", "b"): 2, ("a", "c"): 1, ("b", "c"): 1}
    assert counts(tallied(stream, tmp_path, "ruleMinute"))["a", "09:02"] == 1


def test_what_is_missing_in_a_transaction_is_in_no_tally_of_it(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_and_decide(msgspec.structs.replace(transaction(1, at=NINE), channel=Channel.ATM))
    stream.store_and_decide(transaction(2, at=NINE))
    assert counts(tallied(stream, tmp_path, "channel")) == {("ATM",): 1}
    assert counts(tallied(stream, tmp_path, "corridor")) == {}


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same transactions in one hour of the log, and in three."""

    def stream() -> Stream:
        made = Stream()
        for number in range(30):
            verdict = list(Verdict)[number % 3]
            at = NINE - 8 * HOUR + number * 700_000
            made.store_and_decide(transaction(number, at=at), verdict, rules=("a", "b", "c")[: number % 4])
        made.add(item(transaction(99, at=NINE)), at=NINE)
        return made

    whole, parts = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("parts")
    merge(stream(), whole)
    merge(stream(), parts, parts=3)
    return whole, parts


@pytest.mark.parametrize("dimension", ["total", "hour", "minute", "score", "rule", "rulePair", "customer", "stored"])
def test_the_tallies_of_hours_add_up_to_those_of_all_at_once(merged: tuple[Path, Path], dimension: str) -> None:
    whole, parts = (counts(sums(each, dimension)) for each in merged)
    assert Counter(whole) == Counter(parts)
    assert whole
