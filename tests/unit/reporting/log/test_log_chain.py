"""Whoever changes the decision log is found: by seals of segments, a chain of hours, and a head outside the bucket."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fraudstream.durations import HOUR
from fraudstream.reporting.log.chain.links import ATTEMPTS, ChainMovedError, Link, LinkKind, LogChain
from fraudstream.reporting.log.chain.segment_seals import sealed
from fraudstream.reporting.log.changes.edits import LogEdit
from fraudstream.reporting.log.changes.rewriting import LogRewriter, UnreadableFileError
from fraudstream.reporting.log.keys import HOUR_FORMAT
from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.log.verification.against_chain import LogProblem, Verification, verify
from fraudstream.reporting.render.html import to_html
from fraudstream.reporting.storage.object_store import FolderStore
from tests.unit.reporting.decision_log_harness import DAY, MIDNIGHT, NOW, PREFIX, put, reporter, transaction
from tests.unit.reporting.log.chain_harness import KEY, OTHER_KEY, START, System, of_day


def test_what_fraudstream_wrote_is_found_unchanged(system: System) -> None:
    found = system.verify()
    assert (found.hours, found.findings) == (3, ())
    assert found.links == 4
    assert found.files >= 3 * 3


def take_away_the_oldest(system: System) -> None:
    """Remove the three oldest links, with all that they stand for."""
    for path in sorted(system.root.glob(f"{PREFIX}chain/*/*.json"))[:3]:
        hour = json.loads(path.read_text())["hour"]
        path.unlink()
        note = system.root / f"{PREFIX}hours/date={hour[:10]}/hour={hour[11:]}.json"
        if note.exists():
            for key in json.loads(note.read_text())["files"]:
                (system.root / key).unlink()
            note.unlink()


def test_a_log_whose_beginning_was_taken_away_is_found(system: System) -> None:
    take_away_the_oldest(system)
    assert system.problems() == [LogProblem.LINK_MISSING]
    assert [each.what for each in system.verify().findings] == ["4"]


def test_what_the_bucket_has_deleted_after_its_time_is_not_missed(system: System) -> None:
    take_away_the_oldest(system)
    # S3 deletes what has expired within a day or two, so that the next links are not as old as that yet.
    for days in (400, 399):
        system.chain = system.chain_at(START + timedelta(days=days))
        assert system.problems() == []
    system.chain = system.chain_at(START + timedelta(days=390))
    assert system.problems() == [LogProblem.LINK_MISSING]


def test_links_of_days_before_the_first_one_that_is_asked_for_belong_to_it(system: System) -> None:
    """A window that begins later is held to what is stored before it."""
    later = system.chain_at(START + timedelta(days=3))
    later.append(LinkKind.REVISED, f"{START + timedelta(hours=1):{HOUR_FORMAT}}", b"")
    window = (START + timedelta(days=2), START + timedelta(days=3))
    assert verify(system.store, PREFIX, later, *window).findings == ()
    links = sorted(system.root.glob(f"{PREFIX}chain/*/*.json"))
    links[-2].unlink()
    (found,) = verify(system.store, PREFIX, later, *window).findings
    assert (found.problem, found.what) == (LogProblem.LINK_MISSING, "5")


def test_a_changed_file_is_found_and_named_in_the_report(system: System) -> None:
    forged = system.file(f"{PREFIX}labels/*/*.parquet") if list(system.root.glob(f"{PREFIX}labels/*")) else None
    forged = forged or system.file(f"{PREFIX}tallies/*/*.parquet")
    forged.write_bytes(system.file(f"{PREFIX}ids/*/*.parquet").read_bytes())
    assert system.problems() == [LogProblem.FILE_CHANGED]
    report = system.report()
    assert [each.problem for each in report.log_hours.changed] == [LogProblem.FILE_CHANGED]
    assert report.log_hours.changed[0].what in to_html(report).decode()
    assert "Somebody changed the decision log" in to_html(report).decode()
    # The hour is made again of its segments; that something was found stays in the report.
    assert report.reconciliation.stored == 3
    assert system.problems() == []
    assert system.report().log_hours.changed == report.log_hours.changed


@pytest.mark.parametrize("table", ["decisions", "hits", "tallies"])
@pytest.mark.parametrize("content", [b"no parquet", None])
def test_a_changed_file_is_made_again_whoever_reads_it(system: System, table: str, content: bytes | None) -> None:
    forged = system.file(f"{PREFIX}{table}/*/*.parquet")
    before = forged.read_bytes()
    forged.write_bytes(content or system.file(f"{PREFIX}ids/*/*.parquet").read_bytes())
    found = system.report().log_hours.changed
    assert [each.problem for each in found] == [LogProblem.FILE_CHANGED]
    assert forged.read_bytes() == before
    assert system.problems() == []
    links = system.verify().links
    assert system.report().log_hours.changed == found
    assert system.verify().links == links, "what was mended is not made again with each report"


def test_a_file_that_nobody_of_us_wrote_is_no_part_of_a_report(system: System) -> None:
    known = system.file(f"{PREFIX}tallies/*/*.parquet")
    shutil.copy(known, known.with_name(f"{DAY}T23.parquet"))
    report = system.report()
    assert report.reconciliation.stored == 3
    assert any(key.endswith("T23.parquet") for key in report.log_hours.damaged)


@pytest.mark.parametrize("key", [OTHER_KEY, None])
def test_segments_that_somebody_invented_are_set_aside(system: System, key: bytes | None) -> None:
    stream = of_day(4)
    stream.store_and_decide(transaction(99, at=MIDNIGHT + HOUR))
    segments = cut(stream.records, PREFIX).segments
    put([sealed(each, key) if key else each for each in segments], system.root)
    report = system.report()
    assert report.reconciliation.stored == 3
    assert len(report.log_hours.damaged) == len(segments)


def test_a_sealed_segment_counts_in_its_own_hour_alone(system: System) -> None:
    segment = system.file(f"{PREFIX}segments/*/hour=01/*")
    copy = segment.parent.with_name("hour=07") / segment.name
    copy.parent.mkdir()
    shutil.copy(segment, copy)
    report = system.report()
    assert report.reconciliation.stored == 3
    assert [Path(key).parent.name for key in report.log_hours.damaged] == ["hour=07"]


def test_segments_of_before_the_upgrade_have_no_seals_and_count(tmp_path: Path) -> None:
    system = System(tmp_path)
    put(cut(of_day(1, 2).records, PREFIX).segments, tmp_path)
    system.chain = system.chain_at(START + timedelta(hours=5))
    report = system.report()
    assert (report.reconciliation.stored, report.log_hours.damaged) == (2, ())
    # The first link was made at five o'clock. Functions of before may write for two hours more; then all are sealed.
    put(cut(of_day(6).records, PREFIX).segments, tmp_path)
    report = system.report()
    assert (report.reconciliation.stored, report.log_hours.damaged) == (3, ())
    put(cut(of_day(7).records, PREFIX).segments, tmp_path)
    assert len(system.report().log_hours.damaged) == 1


def test_a_log_to_which_nothing_was_added_for_days_is_found_unchanged(system: System) -> None:
    for days in (2, 3, 4, 500):
        system.chain = system.chain_at(START + timedelta(days=days))
        until = START + timedelta(days=days)
        assert verify(system.store, PREFIX, system.chain, until - timedelta(days=1), until).findings == ()
    head = min(system.root.glob(f"{PREFIX}chain/*/0000000004.json"))
    head.unlink()
    system.chain = system.chain_at(START + timedelta(days=4))
    days = START + timedelta(days=3), START + timedelta(days=4)
    (found,) = verify(system.store, PREFIX, system.chain, *days).findings
    assert (found.problem, found.what) == (LogProblem.LINK_MISSING, "4")


def test_what_is_added_while_the_log_is_looked_at_is_nothing_wrong(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, note = system.chain.head, system.file(f"{PREFIX}hours/*/*.json")

    def and_then_another_comes() -> Link | None:
        head = read()
        system.chain.append(LinkKind.REVISED, json.loads(note.read_text())["hour"], note.read_bytes())
        return head

    monkeypatch.setattr(system.chain, "head", and_then_another_comes)
    assert system.problems() == []


@pytest.mark.parametrize(("hour", "problems"), [(6, []), (7, [LogProblem.HOUR_UNCHAINED])])
def test_an_hour_needs_a_link_from_the_first_on_in_which_all_is_sealed(
    tmp_path: Path, hour: int, problems: list[LogProblem]
) -> None:
    system = System(tmp_path)
    # Made at five o'clock: functions of before may write for two hours more.
    day_before = f"{START - timedelta(hours=4):{HOUR_FORMAT}}"
    system.chain_at(START + timedelta(hours=5)).append(LinkKind.MERGED, day_before, b"")
    put(cut(of_day(hour).records, PREFIX).segments, tmp_path)
    reporter(tmp_path).report(DAY)  # by a function that knows of no chain
    assert system.problems() == problems


def test_a_note_that_somebody_wrote_is_found(system: System) -> None:
    note = system.file(f"{PREFIX}hours/*/*.json")
    note.write_text(json.dumps(json.loads(note.read_text()) | {"files": {}}))
    assert system.problems() == [LogProblem.NOTE_CHANGED]
    note.unlink()
    assert system.problems() == [LogProblem.NOTE_CHANGED]


def test_an_hour_without_a_link_is_found(system: System) -> None:
    note = system.file(f"{PREFIX}hours/*/*.json")
    (note.parent / "hour=20.json").write_bytes(note.read_bytes())
    assert system.problems() == [LogProblem.HOUR_UNCHAINED]


def test_a_link_that_was_taken_away_changed_or_invented_is_found(system: System) -> None:
    links = sorted(system.root.glob(f"{PREFIX}chain/*/*.json"))
    kept = links[1].read_bytes()
    links[1].unlink()
    assert LogProblem.LINK_MISSING in system.problems()
    links[1].write_text(json.dumps(json.loads(kept) | {"note": "0" * 64}))
    assert LogProblem.LINK_FORGED in system.problems()
    links[1].write_bytes(kept)
    assert system.problems() == []
    links[-1].unlink()
    assert LogProblem.LINK_MISSING in system.problems(), "the newest one stands outside the bucket too"


def test_a_link_with_a_damaged_byte_ends_neither_the_look_nor_the_report(system: System) -> None:
    link = sorted(system.root.glob(f"{PREFIX}chain/*/*.json"))[1]
    link.write_bytes(link.read_bytes().replace(b'"hour":"2', b'"hour":"\xb2'))
    found = [LogProblem.HOUR_UNCHAINED, LogProblem.LINK_MISSING]
    assert system.problems() == found
    assert [each.problem for each in system.report().log_hours.changed] == found


NO_NOTES = [b"{", b'{"schemaVersion": 1, "hour": "\xb2"}']


@pytest.mark.parametrize("damage", NO_NOTES)
def test_an_hour_whose_note_is_damaged_is_merged_again(system: System, damage: bytes) -> None:
    system.file(f"{PREFIX}hours/*/*.json").write_bytes(damage)
    assert system.problems() == [LogProblem.NOTE_CHANGED]
    report = system.report()
    assert (report.reconciliation.stored, report.log_hours.damaged) == (3, ())
    assert system.problems() == []


@pytest.mark.parametrize("damage", NO_NOTES)
def test_without_segments_a_damaged_note_is_named_and_ends_no_report(system: System, damage: bytes) -> None:
    shutil.rmtree(system.root / PREFIX / "segments")
    note = system.file(f"{PREFIX}hours/*/*.json")
    note.write_bytes(damage)
    found = system.report().log_hours
    assert [each.problem for each in found.changed] == [LogProblem.NOTE_CHANGED]
    assert found.damaged
    rewriter = LogRewriter(store=system.store, log_prefix=PREFIX, now=NOW)
    key = note.relative_to(system.root).as_posix()
    with pytest.raises(UnreadableFileError, match=f"fraudstream restore objects {key} --at MOMENT --overwrite"):
        rewriter.rewrite(min(rewriter.hours([DAY])), {DAY}, lambda _: LogEdit(persons={"tok_nobody"}))


@pytest.mark.parametrize(
    "key",
    [
        "hours/notes.txt",
        f"hours/date={DAY}/hour=zz.json",
        f"hours/date={DAY}/old/hour=01.json",
        "hours/date=2026-13-40/hour=01.json",
        "segments/copy/hour=01/a.jsonl.gz",
        f"segments/date={DAY}/mine/a.jsonl.gz",
        "reported/mine.json",
        "tallies/mine/a.parquet",
        f"tallies/date={DAY}/mine.parquet",
        f"decisions/date={DAY}/mine.txt",
    ],
)
def test_what_somebody_put_beside_the_log_ends_nothing(system: System, key: str) -> None:
    before = system.report()
    path = system.root / PREFIX / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"{}")
    assert system.problems() == []
    system.log(of_day(4))
    made = reporter(system.root)
    object.__setattr__(made, "chain", system.chain)
    assert len(made.roll_up()) == 1
    assert made.yesterday().reconciliation.stored == before.reconciliation.stored + 1
    rewriter = LogRewriter(store=system.store, log_prefix=PREFIX, now=NOW)
    assert DAY in rewriter.days()
    assert len(rewriter.hours([DAY])) == 4


def test_an_older_bucket_that_was_put_back_is_found(system: System, tmp_path: Path) -> None:
    older = tmp_path.with_name("older")
    shutil.copytree(system.root, older)
    system.log(of_day(1, 2, 3, 5))
    assert system.report().reconciliation.stored == 4
    assert system.problems() == []
    shutil.rmtree(system.root)
    shutil.copytree(older, system.root)
    assert LogProblem.LINK_MISSING in system.problems()


def test_a_change_on_purpose_is_a_link_that_says_so(system: System) -> None:
    note = system.file(f"{PREFIX}hours/*/*.json")
    changed = json.dumps(json.loads(note.read_text()) | {"revision": 2}).encode()
    hour = json.loads(note.read_text())["hour"]
    system.chain.append(LinkKind.ERASED, hour, changed)
    note.write_bytes(changed)
    found = system.verify()
    assert (found.findings, found.erased) == ((), (hour,))
    assert system.report().log_hours.erased == (hour,)


def test_whoever_dies_between_head_and_link_leaves_the_link_to_the_next(system: System) -> None:
    class DiesError(Exception):
        pass

    class Dying(FolderStore):
        def write(self, key: str, content: bytes | Path) -> None:
            raise DiesError(key, content)

    before = system.head.link
    dying = LogChain(Dying(system.root), PREFIX, KEY, system.head, lambda: START)
    system.head.link = None
    with pytest.raises(DiesError):
        dying.append(LinkKind.MERGED, "2026-11-22T01", b"one")
    moved: Link | None = system.head.link
    assert moved is not None, "the head was moved before the link could not be written"
    system.head.link = before
    link = system.chain.append(LinkKind.MERGED, f"{START - timedelta(hours=9):{HOUR_FORMAT}}", b"two")
    missing = system.file(f"{PREFIX}chain/*/{link.number:010}.json")
    missing.unlink()
    system.chain.append(LinkKind.MERGED, f"{START - timedelta(hours=8):{HOUR_FORMAT}}", b"three")
    assert missing.exists()
    assert system.problems() == []


def test_an_hour_whose_link_could_not_be_made_is_merged_again(system: System) -> None:
    class DiesError(Exception):
        pass

    def die() -> None:
        raise DiesError

    system.log(of_day(5))
    system.head.in_between = die
    with pytest.raises(DiesError):
        system.report()
    system.head.in_between = lambda: None
    assert system.report().reconciliation.stored == 4
    assert system.problems() == []


def test_two_that_append_at_once_both_have_a_link(system: System) -> None:
    met: list[int] = []

    def rival() -> None:
        if not met:
            met.append(1)
            system.chain.append(LinkKind.MERGED, f"{START:{HOUR_FORMAT}}", b"rival")

    before = system.head.link
    assert before is not None
    system.head.in_between = rival
    link = system.chain.append(LinkKind.MERGED, f"{START:{HOUR_FORMAT}}", b"own")
    assert link.number == before.number + 2
    links = system.chain.read((START - timedelta(days=1)).date(), NOW.date())
    assert [each.number for each in links] == list(range(1, link.number + 1))


def test_who_always_meets_another_one_gives_up_and_says_so(system: System) -> None:
    numbers = iter(range(1000))

    def rival() -> None:
        assert system.head.link is not None
        system.head.link = Link(
            number=system.head.link.number + 1,
            at=next(numbers),
            kind=LinkKind.MERGED,
            hour="2026-11-22T01",
            note="",
            sealed_since=system.head.link.sealed_since,
            previous="",
            mac="",
        )

    system.head.in_between = rival
    with pytest.raises(ChainMovedError, match=f"{ATTEMPTS} times"):
        system.chain.append(LinkKind.MERGED, "2026-11-22T01", b"own")


def test_a_log_without_a_chain_has_nothing_to_verify(tmp_path: Path) -> None:
    system = System(tmp_path)
    assert system.verify() == Verification(links=0, hours=0, files=0, erased=(), findings=())
    assert datetime.now(UTC) > START
