"""A merge of an hour that ends anywhere loses nothing of what only the hour's files still say."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fraudstream.reporting.log.chain.links import LinkKind
from fraudstream.reporting.log.hours.roll_up import RollUp
from fraudstream.reporting.log.keys import HOUR_FORMAT
from fraudstream.reporting.log.reader.files import find_log_files
from fraudstream.reporting.storage.object_store import FolderStore
from tests.unit.reporting.daily.test_exactness import TABLES, rows
from tests.unit.reporting.decision_log_harness import MIDNIGHT, PREFIX, Stream, transaction
from tests.unit.reporting.log.chain_harness import System
from tests.unit.reporting.log.test_log_rewriting import StoppedStore

HOUR = f"{datetime.fromtimestamp(MIDNIGHT / 1000, UTC):{HOUR_FORMAT}}"
WRITES = range(8)
"""The chain's link, the note of what is to come, four files, and the link and the note of what they are."""


def of_hour(*minutes: int) -> Stream:
    stream = Stream()
    for minute in minutes:
        stream.store_and_decide(transaction(minute, at=MIDNIGHT + minute * 60_000), rules=("card-velocity",))
    return stream


@pytest.fixture
def system(tmp_path: Path) -> System:
    """Return a log with an hour of which the segments are gone."""
    made = System(tmp_path)
    made.log(of_hour(1, 2, 3))
    merge(made, made.store)
    shutil.rmtree(tmp_path / PREFIX / "segments")
    return made


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Return what the tables tell of the hour with all that came in, where no merge was broken off."""
    made = System(tmp_path_factory.mktemp("unbroken"))
    made.log(of_hour(1, 2, 3))
    merge(made, made.store)
    shutil.rmtree(made.root / PREFIX / "segments")
    made.log(of_hour(4))
    merge(made, made.store)
    return told(made)


def merge(system: System, store: FolderStore, kind: LinkKind | None = None) -> None:
    chain = system.chain
    object.__setattr__(chain, "_store", store)
    roll_up = RollUp(store=store, log_prefix=PREFIX, time_left=lambda: float("inf"), chain=chain)
    if kind:
        roll_up.remake([HOUR], kind=kind)
    else:
        roll_up.merge_changed([HOUR])


def break_off(system: System, writes: int, kind: LinkKind | None = None) -> None:
    store = StoppedStore(system.root)
    store.writes = writes
    with pytest.raises(KeyboardInterrupt):
        merge(system, store, kind)


def told(system: System) -> dict[str, object]:
    return {table: rows(system.root, table) for table in TABLES if table != "labels"}


@pytest.mark.parametrize("writes", WRITES)
@pytest.mark.parametrize("kind", [None, LinkKind.REBUILT])
def test_the_next_merge_tells_what_an_unbroken_one_would(
    system: System, unbroken: dict[str, object], writes: int, kind: LinkKind | None
) -> None:
    system.log(of_hour(4))
    break_off(system, writes, kind)
    # Whoever copied the log then reads it without a word.
    assert find_log_files(system.root).damaged == {}
    # Whoever comes next: the schedule, a report, or the same command.
    merge(system, system.store)

    assert len(rows(system.root, "decisions")) == 4
    assert told(system) == unbroken
    assert system.verify().findings == ()


def test_a_merge_that_breaks_off_twice_loses_nothing(system: System) -> None:
    for minute, writes in ((4, 3), (5, 4), (6, 5)):
        system.log(of_hour(minute))
        break_off(system, writes)
    merge(system, system.store)
    assert len(rows(system.root, "decisions")) == 6
    assert system.verify().findings == ()


def test_a_file_that_somebody_wrote_meanwhile_is_no_part_of_the_hour(system: System, tmp_path: Path) -> None:
    other = System(tmp_path / "other")
    other.log(of_hour(9))
    merge(other, other.store)
    system.log(of_hour(4))
    break_off(system, 3)
    shutil.copyfile(other.file(f"{PREFIX}decisions/*/*"), system.file(f"{PREFIX}decisions/*/*"))
    merge(system, system.store)
    assert not [row for row in rows(tmp_path, "decisions") if transaction(9, at=MIDNIGHT).transaction_id in row]
