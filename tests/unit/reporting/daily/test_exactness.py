"""However the stream repeats, cuts, delays and shuffles what it tells: log and report come to the same."""

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.reporting.daily.schema.codes import ChangedFigure
from fraudstream.reporting.log.hours.roll_up import OutOfTimeError
from fraudstream.reporting.log.segments import Segment, cut
from fraudstream.reporting.render.csv import to_csv
from fraudstream.reporting.render.files import DAY_SUMMARY, REPORT_FILES
from fraudstream.reporting.render.html import to_html, to_json
from fraudstream.transactions.decisions.decision import Truth, Verdict
from fraudstream.transactions.decisions.inline import InlineDecision, InlineFallback
from tests.unit.reporting.decision_log_harness import (
    DAY,
    HOUR,
    MIDNIGHT,
    PREFIX,
    Stream,
    item,
    put,
    report_of,
    reporter,
    transaction,
)

RULES = ("card-velocity", "amount-outlier", "blocked-list")
TABLES = ("decisions", "labels", "tallies", "ids")
FIVE = MIDNIGHT + 5 * HOUR
FILES = (*REPORT_FILES, DAY_SUMMARY)


def a_day() -> Stream:
    """Sixty transactions of all kinds around two ends of an hour, some labelled, two undecided, some waited for."""
    answered = InlineDecision(decision=Verdict.REVIEW, score=60, ruleset_version="abcdef123456", decided_at=FIVE)
    stream = Stream({f"t-{number}": answered if number % 2 else InlineFallback.SLOW for number in range(0, 60, 5)})
    generator = random.Random(7)
    for number in range(60):
        at = FIVE - HOUR // 4 + generator.randrange(HOUR // 2)
        currency = generator.choice(["EUR", "USD", "JPY", "BHD"])
        stored = transaction(number, at=at, amount=generator.randrange(90_000), currency=currency)
        verdict = generator.choice([Verdict.APPROVE, Verdict.APPROVE, Verdict.REVIEW, Verdict.DECLINE])
        if number % 30 == 11:
            stream.add(item(stored), at=at)
        elif number % 4 == 0:
            stream.store_decide_and_label(stored, verdict, generator.choice(list(Truth)), Truth.FRAUD)
        else:
            stream.store_and_decide(
                stored, verdict, after=generator.choice([300, 700_000]), rules=RULES[: generator.randrange(4)]
            )
    return stream


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def rows(root: Path, table: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        return connection.read_parquet(f"{root}/{PREFIX}{table}/*/*.parquet").order("ALL").fetchall()


def contents(root: Path, folder: str) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in (root / folder).rglob("*") if path.is_file()}


WHOLE = a_day()
with folder() as plain_root:
    PLAIN = report_of(WHOLE, plain_root)
    PLAIN_ROWS = {table: rows(plain_root, table) for table in TABLES}
    PLAIN_FILES = contents(plain_root, "reports")


def batches(data: st.DataObject) -> list[Segment]:
    """Cut the stream anyhow: all of it once, and parts of it again, in any order."""
    records = WHOLE.records
    starts = data.draw(st.lists(st.integers(0, len(records) - 1), max_size=6))
    cuts = [records[start : start + data.draw(st.integers(1, 40))] for start in starts]
    size = data.draw(st.integers(5, 50))
    cuts += [records[start : start + size] for start in range(0, len(records), size)]
    return data.draw(st.permutations([segment for batch in cuts for segment in cut(batch, PREFIX).segments]))


@pytest.mark.no_cover  # it would take twice as long, and others come to the same code
@settings(deadline=None, max_examples=8, derandomize=True)
@given(st.data())
def test_repeats_overlaps_and_late_records_in_any_order_come_to_the_same(data: st.DataObject) -> None:
    segments = batches(data)
    # What comes before each of these places is merged, and sometimes reported on, before the rest comes in.
    places = data.draw(st.lists(st.integers(0, len(segments)), max_size=2).map(sorted))
    with folder() as root:
        for start, end in zip([0, *places], [*places, None], strict=True):
            put(segments[start:end], root)
            if data.draw(st.booleans()):
                reporter(root).report(DAY)
            else:
                reporter(root).roll_up()
        restated = reporter(root).report(DAY)

        assert {table: rows(root, table) for table in TABLES} == PLAIN_ROWS
        assert restated.revision.content == PLAIN.revision.content
        anew = msgspec.structs.replace(restated, revision=PLAIN.revision)
        assert to_json(anew) == to_json(PLAIN)
        assert to_html(anew) == to_html(PLAIN)
        assert to_csv(anew) == to_csv(PLAIN)


def test_the_same_log_gives_the_same_bytes_again() -> None:
    with folder() as root:
        report_of(WHOLE, root)
        assert contents(root, "reports") == PLAIN_FILES
        before = contents(root, "")
        reporter(root).report(DAY)
        assert contents(root, "") == before


def test_each_decision_is_once_in_one_file_of_its_day() -> None:
    with folder() as root, duckdb.connect() as connection:
        report_of(WHOLE, root)
        put(cut(WHOLE.records[7:90], PREFIX).segments, root)
        reporter(root).report(DAY)
        decisions = connection.read_parquet(f"{root}/{PREFIX}decisions/date={DAY}/*.parquet")
        found = decisions.aggregate(
            "count(*), count(DISTINCT transactionId), count(features), any_value(features), any_value(schemaVersion)"
        ).fetchall()
    assert found == [(58, 58, 58, b"\x00\x01", 1)]


def test_a_late_segment_revises_its_hour_alone() -> None:
    first, rest = cut(WHOLE.records[:10], PREFIX).segments, cut(WHOLE.records[10:], PREFIX).segments
    with folder() as root:
        put(first, root)
        reporter(root).report(DAY)
        files = set(contents(root, PREFIX + "decisions"))
        put(rest, root)
        reporter(root).report(DAY)
        paths = (root / PREFIX / "hours").rglob("*.json")
        notes = {path.stem: msgspec.json.decode(path.read_bytes()) for path in paths}
        late = {segment.key.split("/")[-2] for segment in rest}
        early = {segment.key.split("/")[-2] for segment in first}
        assert {name for name, note in notes.items() if note["revision"] == 2} == early & late
        assert {name for name, note in notes.items() if note["revision"] == 1} == late - early
        assert files <= set(contents(root, PREFIX + "decisions"))


def test_a_late_record_makes_a_new_revision_that_says_what_changed() -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1, at=FIVE))
    stream.store_and_decide(transaction(2, at=FIVE, amount=4_000), Verdict.REVIEW, rules=("card-velocity",))
    with folder() as root:
        put(cut(stream.records[:3], PREFIX).segments, root)
        first = reporter(root).report(DAY)
        put(cut(stream.records[3:], PREFIX).segments, root)
        second = reporter(root).report(DAY)
        assert contents(root, "reports")[f"reports/date={DAY}/report.json"] == to_json(second)
    changes = {(each.figure, each.currency): (each.before, each.after) for each in second.revision.changes}

    assert (first.revision.number, second.revision.number) == (1, 2)
    assert changes == {
        (ChangedFigure.DECIDED, None): (1, 2),
        (ChangedFigure.UNDECIDED, None): (1, 0),
        (ChangedFigure.REVIEWED, None): (0, 1),
        (ChangedFigure.VALUE, "EUR"): (1250, 5250),
    }
    assert "rules" in second.revision.parts
    assert "Figures that changed" in to_html(second).decode()
    assert "changes,value EUR,after,52.50" in to_csv(second).decode()


def test_a_late_label_restates_its_report_and_no_other() -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1, at=FIVE), Verdict.DECLINE)
    stream.store_and_decide(transaction(2, at=FIVE + 24 * HOUR))
    weeks = 20 * 24
    labelled = Stream()
    labelled.store_decide_and_label(transaction(1, at=FIVE), Verdict.DECLINE, Truth.FRAUD)
    labelled.records[2]["dynamodb"]["ApproximateCreationDateTime"] += weeks * 3600
    with folder() as root:
        put(cut(stream.records, PREFIX).segments, root)
        for day in (DAY, DAY + timedelta(days=1)):
            reporter(root, now=datetime(2026, 11, 24, 1, tzinfo=UTC)).report(day)
        put(cut(labelled.records[2:], PREFIX).segments, root)
        later = reporter(root, now=datetime(2026, 12, 12, 9, tzinfo=UTC))

        assert later.roll_up() == ["2026-12-12T06"]
        assert later.restate() == [DAY]
        assert later.restate() == []
        assert later.roll_up() == []
        report = msgspec.json.decode((root / f"reports/date={DAY}/report.json").read_bytes())
    assert report["revision"]["number"] == 2
    assert report["labels"]["fraudCaught"] == 1
    assert {change["figure"] for change in report["revision"]["changes"]} >= {"LABELLED", "CAUGHT"}


def test_a_label_from_before_the_decision_counts() -> None:
    stream = Stream()
    stored = transaction(1, at=FIVE)
    stream.store_decide_and_label(stored, Verdict.REVIEW, Truth.FRAUD)
    whole = stream.records[-1]["dynamodb"]["NewImage"]
    decided = {"decision", "score", "features", "rulesetVersion", "decidedAt"}
    undecided = {name: value for name, value in whole.items() if name not in decided}
    early = Stream()
    early.add(item(stored), at=FIVE)
    early.add(undecided, item(stored), at=FIVE + HOUR)
    early.add(whole, undecided, at=FIVE + 2 * HOUR)
    with folder() as root:
        labels = report_of(early, root).labels
    assert (labels.labelled, labels.fraud_caught) == (1, 1)


def test_missed_days_are_made_up_at_the_next_run_and_quiet_ones_among_them() -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1, at=FIVE))
    stream.store_and_decide(transaction(2, at=FIVE + 48 * HOUR))
    with folder() as root:
        put(cut(stream.records, PREFIX).segments, root)
        late = reporter(root, now=datetime(2026, 11, 26, 1, tzinfo=UTC))
        assert late.yesterday().date == "2026-11-25"
        written = contents(root, "reports")
        assert len(written) == 4 * len(FILES)
        assert late.yesterday().date == "2026-11-25"
        assert contents(root, "reports") == written
        counts = [
            msgspec.json.decode(written[f"reports/date=2026-11-{day}/report.json"])["reconciliation"]["stored"]
            for day in (22, 23, 24, 25)
        ]
    assert counts == [1, 0, 1, 0]


def test_a_report_of_a_day_that_was_not_over_is_made_again_when_it_is() -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1, at=FIVE))
    stream.store_and_decide(transaction(2, at=FIVE + 6 * HOUR))
    with folder() as root:
        put(cut(stream.records[:2], PREFIX).segments, root)
        reporter(root, now=datetime(2026, 11, 22, 7, tzinfo=UTC)).report(DAY)
        put(cut(stream.records[2:], PREFIX).segments, root)
        reporter(root, now=datetime(2026, 11, 25, 1, tzinfo=UTC)).yesterday()
        report = msgspec.json.decode((root / f"reports/date={DAY}/report.json").read_bytes())
    assert report["reconciliation"]["stored"] == 2
    assert report["revision"]["number"] == 2


def test_what_there_is_no_time_for_is_left_to_the_next_run_and_nothing_is_lost() -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1, at=FIVE))
    stream.store_and_decide(transaction(2, at=FIVE + 24 * HOUR))
    now = datetime(2026, 11, 24, 1, tzinfo=UTC)
    with folder() as root:
        put(cut(stream.records, PREFIX).segments, root)
        with pytest.raises(OutOfTimeError, match="2026-11-22T05 of the log: call again"):
            reporter(root, now=now, seconds_left=10).yesterday()
        assert contents(root, "reports") == {}
        reporter(root, now=now).roll_up()
        with pytest.raises(OutOfTimeError, match="report of 2026-11-22: call again"):
            reporter(root, now=now, seconds_left=10).yesterday()
        assert len(contents(root, "reports")) == len(FILES)
        reporter(root, now=now, seconds_left=80).yesterday()
        assert len(contents(root, "reports")) == 2 * len(FILES)


def test_what_came_in_while_nothing_was_merged_for_days_is_merged_and_reported() -> None:
    stream = Stream()
    stream.store_decide_and_label(transaction(1, at=FIVE), Verdict.DECLINE, Truth.FRAUD)
    with folder() as root:
        put(cut(stream.records[:1], PREFIX).segments, root)
        assert reporter(root, now=datetime(2026, 11, 23, 1, tzinfo=UTC)).report(DAY).reconciliation.decided == 0
        # The decision is of an hour that was merged, the label of one that was not; then the reporter stood still.
        put(cut(stream.records[1:], PREFIX).segments, root)
        after = reporter(root, now=datetime(2026, 11, 30, 1, tzinfo=UTC))
        merged = after.roll_up()
        assert merged == ["2026-11-22T05", "2026-11-22T06"]
        assert after.restate(merged) == [DAY]
        assert after.report(DAY).reconciliation.decided == 1
        assert after.roll_up() == []


def test_late_labels_wait_for_a_run_that_has_time() -> None:
    stream = Stream()
    stream.store_decide_and_label(transaction(1, at=FIVE), Verdict.DECLINE, Truth.FRAUD)
    with folder() as root:
        put(cut(stream.records[:2], PREFIX).segments, root)
        reporter(root, now=datetime(2026, 11, 23, 1, tzinfo=UTC)).report(DAY)
        put(cut(stream.records[2:], PREFIX).segments, root)
        later = datetime(2026, 11, 24, 1, tzinfo=UTC)
        reporter(root, now=later).roll_up()
        assert reporter(root, now=later, seconds_left=10).restate() == []
        assert reporter(root, now=later).restate() == [DAY]


def test_a_label_that_is_merged_while_its_report_is_made_restates_it() -> None:
    stream = Stream()
    stream.store_decide_and_label(transaction(1, at=FIVE), Verdict.DECLINE, Truth.FRAUD)
    first = datetime(2026, 11, 23, 1, tzinfo=UTC)
    with folder() as root:
        put(cut(stream.records[:2], PREFIX).segments, root)

        def merge_meanwhile(_: date) -> None:
            put(cut(stream.records[2:], PREFIX).segments, root)
            reporter(root, now=first).roll_up()

        making = reporter(root, now=first)
        object.__setattr__(making, "people", merge_meanwhile)
        assert making.report(DAY).labels.fraud_caught == 0
        later = reporter(root, now=first + timedelta(days=1))
        assert later.restate() == [DAY]
        assert later.restate() == []
        report = msgspec.json.decode((root / f"reports/date={DAY}/report.json").read_bytes())
    assert report["labels"]["fraudCaught"] == 1
