"""A log from which somebody is taken out is the log of a day on which they were not there."""

import contextlib
import dataclasses
import gzip
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fraudstream.reporting.log.changes.edits import LogEdit
from fraudstream.reporting.log.changes.rewriting import LogRewriter, Rewritten, UnreadableFileError
from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.storage.object_store import FolderStore
from fraudstream.transactions.decisions.decision import Decision, Reason, Truth, Verdict
from fraudstream.transactions.transaction import Transaction
from tests.unit.reporting.daily.test_exactness import TABLES, a_day, rows
from tests.unit.reporting.decision_log_harness import (
    DAY,
    HOUR,
    MIDNIGHT,
    PREFIX,
    Stream,
    item,
    put,
    report,
    reporter,
    transaction,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ANN, BOB, THIRD = f"tok_{0:022}", f"tok_{1:022}", f"tok_{2:022}"


def without(stream: Stream, customer: str) -> Stream:
    rest = Stream()
    rest.records = [
        each for each in stream.records if each["dynamodb"]["NewImage"].get("customerId") != {"S": customer}
    ]
    return rest


def ids_of(stream: Stream, customer: str) -> set[str]:
    images = [each["dynamodb"]["NewImage"] for each in stream.records]
    return {image["transactionId"]["S"] for image in images if image.get("customerId") == {"S": customer}}


def write(stream: Stream, root: Path) -> None:
    """Write a log, in segments of ten records, and make the day's report of it."""
    batches = [stream.records[start : start + 10] for start in range(0, len(stream.records), 10)]
    report([segment for batch in batches for segment in cut(batch, PREFIX).segments], root)


def rewrite(root: Path, edit: LogEdit, *, dry_run: bool = False) -> list[str]:
    rewriter = LogRewriter(store=FolderStore(root), log_prefix=PREFIX, now=NOW)
    found = {hour: rewriter.rewrite(hour, {DAY}, lambda _: edit, dry_run=dry_run) for hour in rewriter.hours([DAY])}
    assert Rewritten.NOT_MERGED not in found.values()
    return [hour for hour, outcome in found.items() if outcome is Rewritten.CHANGED]


def texts(root: Path) -> str:
    """Everything that the log says, as text."""
    segments = [gzip.decompress(path.read_bytes()).decode() for path in root.rglob("*.jsonl.gz")]
    there = [table for table in TABLES if (root / PREFIX / table).is_dir()]
    return "".join(segments) + repr([rows(root, table) for table in there])


def tallied(root: Path) -> list[tuple[object, ...]]:
    """What is counted, but for the moments at which changes were logged: nobody knows them when segments are gone."""
    return [row[:-1] for row in rows(root, "tallies") if row[0] not in {"lag", "logged"}]


def all_rows(root: Path) -> dict[str, object]:
    return {table: rows(root, table) for table in TABLES}


@pytest.mark.parametrize("are_segments_gone", [False, True])
def test_the_log_without_somebody_is_that_of_a_day_without_them(tmp_path: Path, *, are_segments_gone: bool) -> None:
    whole, rest = tmp_path / "whole", tmp_path / "rest"
    stream = a_day()
    write(stream, whole)
    write(without(stream, ANN), rest)
    if are_segments_gone:
        shutil.rmtree(whole / PREFIX / "segments")
    before = all_rows(whole)
    edit = LogEdit(gone=ids_of(stream, ANN), persons={ANN})

    assert rewrite(whole, edit, dry_run=True)
    assert all_rows(whole) == before
    changed = rewrite(whole, edit)

    assert changed
    expected = all_rows(rest)
    for table in ("decisions", "labels", "ids"):
        assert rows(whole, table) == expected[table]
    assert tallied(whole) == tallied(rest)
    assert ANN not in texts(whole)
    assert rewrite(whole, edit) == []
    # Neither the roll-up nor the report finds anything missing or damaged.
    made = reporter(whole, now=NOW).report(DAY)
    assert made.log_hours.damaged == ()
    assert made.reconciliation.stored == reporter(rest, now=NOW).report(DAY).reconciliation.stored


class StoppedStore(FolderStore):
    """A folder that somebody pulls the plug of after some writes."""

    writes = 0

    def write(self, key: str, content: bytes | Path) -> None:
        if self.writes == 0:
            raise KeyboardInterrupt
        self.writes -= 1
        super().write(key, content)


@pytest.mark.parametrize("is_merged_first", [False, True])
@pytest.mark.parametrize("are_segments_gone", [False, True])
@pytest.mark.parametrize("writes", [1, 2, 4, 6])
def test_a_change_that_was_broken_off_anywhere_is_made_whole(
    tmp_path: Path, writes: int, *, are_segments_gone: bool, is_merged_first: bool
) -> None:
    stream, late = Stream(), Stream()
    for number, (payer, payee) in enumerate(((ANN, THIRD), (BOB, THIRD), (ANN, BOB), (BOB, ANN))):
        stream.store_and_decide(paid(number, payer, payee), Verdict.REVIEW)
    late.store_and_decide(paid(7, BOB, THIRD))
    write(stream, tmp_path)
    if are_segments_gone:
        shutil.rmtree(tmp_path / PREFIX / "segments")
    edit = LogEdit(gone=ids_of(stream, ANN), persons={ANN}, renamed={ANN: None}, columns=("counterpartyToken",))

    store, noted = StoppedStore(tmp_path), set[str]()
    store.writes = writes
    stopped = LogRewriter(store=store, log_prefix=PREFIX, now=NOW, before_change=noted.add)
    (hour,) = stopped.hours([DAY])
    with contextlib.suppress(KeyboardInterrupt):
        stopped.rewrite(hour, {DAY}, lambda _: edit)
    assert noted == {hour}
    if are_segments_gone:
        # Whatever comes in has the hour merged again, from nothing but files.
        put(cut(late.records, PREFIX).segments, tmp_path)
    if is_merged_first:
        # The schedule comes before the operator.
        reporter(tmp_path, now=NOW).roll_up(open_hours=True, changed=[hour])

    rewriter = LogRewriter(store=FolderStore(tmp_path), log_prefix=PREFIX, now=NOW)
    rewriter.settle(hour, lambda _: edit)
    for _ in range(2):
        reporter(tmp_path, now=NOW).roll_up(open_hours=True, changed=[hour])
        outcome = rewriter.rewrite(hour, {DAY}, lambda _: edit)
    assert outcome is Rewritten.UNCHANGED
    assert ANN not in texts(tmp_path)
    assert not [name for name in ids_of(stream, ANN) if name in texts(tmp_path)]
    kept = [value for row in rows(tmp_path, "decisions") for value in row if re.fullmatch(r"p-\d", str(value))]
    assert sorted(map(str, kept)) == ["p-1", "p-3", *(["p-7"] if are_segments_gone else [])]


def test_rows_that_only_the_log_still_has_are_found_by_the_token(tmp_path: Path) -> None:
    stream = a_day()
    write(stream, tmp_path)
    shutil.rmtree(tmp_path / PREFIX / "segments")
    assert rewrite(tmp_path, LogEdit(persons={ANN}))
    assert ANN not in repr(rows(tmp_path, "decisions"))
    assert ANN not in repr(rows(tmp_path, "labels"))


def test_what_was_received_later_stays(tmp_path: Path) -> None:
    write(a_day(), tmp_path)
    before = all_rows(tmp_path)
    assert rewrite(tmp_path, LogEdit(persons={ANN}, until=MIDNIGHT)) == []
    assert all_rows(tmp_path) == before


def paid(number: int, payer: str, payee: str) -> Transaction:
    stored = transaction(number)
    return Transaction(
        transaction_id=f"p-{number}",
        timestamp=stored.timestamp,
        received_at=stored.received_at,
        amount_minor=100,
        currency="EUR",
        type=stored.type,
        customer_id=payer,
        counterparty_token=payee,
    )


def test_a_token_is_written_otherwise_wherever_it_is(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_decide_and_label(paid(1, BOB, ANN), Verdict.REVIEW, Truth.FRAUD)
    stored = paid(2, ANN, BOB)
    noted = Decision(
        decision=Verdict.APPROVE,
        score=1,
        reasons=(Reason(code="PROFILE_DAMAGED", source=f"customer#{ANN}"), Reason(code="A", source="rule")),
        ruleset_version="v",
        decided_at=stored.received_at + 1,
    )
    stream.add(item(stored), at=stored.received_at)
    stream.add(item(stored, noted), item(stored), at=stored.received_at + 1)
    write(stream, tmp_path)
    counts = {row[:2]: row[5] for row in rows(tmp_path, "tallies") if row[0] == "total"}
    new = "tok2_" + 22 * "z"

    assert rewrite(tmp_path, LogEdit(renamed={ANN: new}))

    assert ANN not in texts(tmp_path)
    decisions = rows(tmp_path, "decisions")
    assert len(decisions) == 2
    assert sum(new in each for each in decisions) == 2
    assert any(f"customer#{new}" in repr(each) for each in decisions)
    assert {row[:2]: row[5] for row in rows(tmp_path, "tallies") if row[0] == "total"} == counts
    assert rewrite(tmp_path, LogEdit(renamed={ANN: new})) == []


@pytest.mark.parametrize("are_segments_gone", [False, True])
def test_reasons_that_name_a_person_later_stay(tmp_path: Path, *, are_segments_gone: bool) -> None:
    stream = Stream()
    stored = paid(1, BOB, BOB)
    noted = Decision(
        decision=Verdict.APPROVE,
        score=1,
        reasons=(Reason(code="PROFILE_DAMAGED", source=f"counterparty#{ANN}"),),
        ruleset_version="v",
        decided_at=stored.received_at + 1,
    )
    stream.add(item(stored), at=stored.received_at)
    stream.add(item(stored, noted), item(stored), at=stored.received_at + 1)
    write(stream, tmp_path)
    if are_segments_gone:
        shutil.rmtree(tmp_path / PREFIX / "segments")
    before = rows(tmp_path, "decisions")
    assert rewrite(tmp_path, LogEdit(renamed={ANN: None}, until=stored.received_at - 1)) == []
    assert rows(tmp_path, "decisions") == before
    assert rewrite(tmp_path, LogEdit(renamed={ANN: None}, until=stored.received_at))
    assert ANN not in texts(tmp_path)


def test_a_person_on_the_other_side_is_taken_out_and_the_transaction_stays(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_and_decide(paid(1, BOB, ANN))
    write(stream, tmp_path)
    assert rewrite(tmp_path, LogEdit(renamed={ANN: None}, columns=("counterpartyToken",)))
    assert ANN not in texts(tmp_path)
    (kept,) = rows(tmp_path, "decisions")
    assert BOB in kept


def test_an_hour_that_is_not_merged_yet_is_merged_first(tmp_path: Path) -> None:
    stream = a_day()
    put(cut(stream.records, PREFIX).segments, tmp_path)
    edit = LogEdit(gone=ids_of(stream, ANN), persons={ANN})
    rewriter = LogRewriter(store=FolderStore(tmp_path), log_prefix=PREFIX, now=NOW)
    hours = rewriter.hours([])
    assert {rewriter.rewrite(hour, {DAY}, lambda _: edit) for hour in hours} == {Rewritten.NOT_MERGED}
    reporter(tmp_path, now=NOW).report(DAY)
    assert rewrite(tmp_path, edit)
    assert ANN not in texts(tmp_path)
    # What comes in afterwards is merged beside it.
    late = Stream()
    late.store_and_decide(transaction(1000, at=MIDNIGHT + 5 * HOUR))
    put(cut(late.records, PREFIX).segments, tmp_path)
    made = reporter(tmp_path).report(DAY)
    assert made.log_hours.damaged == ()
    assert made.reconciliation.stored == len({*ids_of(stream, BOB), *ids_of(stream, THIRD)}) + 1


def test_an_old_hour_whose_segments_expire_on_two_days_is_merged_on_demand(tmp_path: Path) -> None:
    """What is written after midnight of the hour before it expires a day later than the rest of that hour."""
    stream = a_day()
    write(stream, tmp_path)
    later = Stream()
    later.store_and_decide(transaction(1, at=MIDNIGHT + 31 * 24 * HOUR))
    put(cut(later.records, PREFIX).segments, tmp_path)
    now = NOW + timedelta(days=30)
    reporter(tmp_path, now=now).roll_up()
    for folder in (tmp_path / PREFIX / f"segments/date={DAY}").iterdir():
        if len(segments := sorted(folder.iterdir())) > 1:
            segments[0].unlink()
    edit = LogEdit(gone=ids_of(stream, ANN), persons={ANN})
    rewriter = LogRewriter(store=FolderStore(tmp_path), log_prefix=PREFIX, now=now)

    def waiting() -> list[str]:
        reporter(tmp_path, now=now).roll_up(open_hours=True)
        found = {hour: rewriter.rewrite(hour, {DAY}, lambda _: edit) for hour in rewriter.hours([DAY])}
        return [hour for hour, outcome in found.items() if outcome is Rewritten.NOT_MERGED]

    left = waiting()
    assert left
    assert waiting() == left
    kept = [row for row in rows(tmp_path, "decisions") if ANN not in row]
    assert reporter(tmp_path, now=now).roll_up(changed=left) == left
    assert waiting() == []
    assert ANN not in texts(tmp_path)
    assert rows(tmp_path, "decisions") == kept


@pytest.mark.parametrize("lost", [9, 2000])
@pytest.mark.parametrize("who", [ANN, BOB])
def test_a_damaged_segment_goes_with_whom_it_names(tmp_path: Path, who: str, lost: int) -> None:
    stream = Stream()
    for number in range(0, 900, 3):
        stream.store_and_decide(transaction(number))
    (segment,) = cut(stream.records, PREFIX).segments
    put([segment], tmp_path)
    (file,) = tmp_path.rglob("*.jsonl.gz")
    file.write_bytes(file.read_bytes()[:-lost])
    report([], tmp_path)
    hours = rewrite(tmp_path, LogEdit(persons={who}))
    assert file.exists() == (who == BOB)
    assert len(hours) == (who == ANN)
    assert rewrite(tmp_path, LogEdit(persons={who})) == []


def test_a_line_whose_bytes_were_damaged_goes_with_whom_it_names(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1))
    (segment,) = cut(stream.records, PREFIX).segments
    lines = gzip.decompress(segment.body).replace(b'"EUR"', b'"\xc5UR"')
    put([dataclasses.replace(segment, body=gzip.compress(lines))], tmp_path)
    report([], tmp_path)
    (file,) = tmp_path.rglob("*.jsonl.gz")
    assert rewrite(tmp_path, LogEdit(persons={ANN})) == []
    assert file.exists()
    assert len(rewrite(tmp_path, LogEdit(persons={BOB}))) == 1
    assert not file.exists()


def test_a_file_that_cannot_be_read_is_named_with_what_makes_it_again(tmp_path: Path) -> None:
    write(a_day(), tmp_path)
    (damaged, *_) = sorted((tmp_path / PREFIX / "decisions").rglob("*.parquet"))
    damaged.write_bytes(b"no parquet")
    with pytest.raises(UnreadableFileError) as refused:
        rewrite(tmp_path, LogEdit(persons={ANN}), dry_run=True)
    said = str(refused.value)
    assert damaged.relative_to(tmp_path).as_posix() in said
    assert str(tmp_path) not in said
    assert f"fraudstream report --date {damaged.name[:10]} --anew" in said
