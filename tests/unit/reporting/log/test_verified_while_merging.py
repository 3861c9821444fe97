"""Nobody has changed a log that is compared with its chain while an hour of it is merged."""

import shutil
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fraudstream.reporting.log.verification.against_chain import Finding, LogProblem, verify
from fraudstream.reporting.storage.object_store import FolderStore
from tests.unit.reporting.decision_log_harness import MIDNIGHT, NOW, PREFIX, Stream, reporter, transaction
from tests.unit.reporting.log.chain_harness import START, System

if TYPE_CHECKING:
    from fraudstream.reporting.log.chain.links import Link

_SLEEP = "fraudstream.reporting.log.verification.against_chain.sleep"
_CALLS = 25
"""As many as a look takes."""


class _Observed(FolderStore):
    """A bucket that says of each call that it is made, and of each write what is written."""

    def __init__(self, root: Path, before: Callable[[], None], wrote: Callable[[str], None] = lambda _: None) -> None:
        super().__init__(root)
        object.__setattr__(self, "before", before)
        object.__setattr__(self, "wrote", wrote)

    before: Callable[[], None]
    wrote: Callable[[str], None]

    def find(self, prefix: str, after: str = "") -> Mapping[str, str]:
        self.before()
        return super().find(prefix, after)

    def read(self, key: str) -> bytes | None:
        self.before()
        return super().read(key)

    def digest(self, key: str) -> str | None:
        self.before()
        return super().digest(key)

    def write(self, key: str, content: bytes | Path) -> None:
        super().write(key, content)
        self.wrote(key)


class _Merge:
    """What the merge of one more hour does, a write at a time."""

    def __init__(self, system: System, scratch: Path) -> None:
        """Find it out on a copy of a system."""
        stream = Stream()
        # One hour is new, and something of another came in late.
        for number, hour in ((21, 2), (22, 7)):
            stream.store_and_decide(transaction(number, at=MIDNIGHT + hour * 3_600_000 + number), rules=("late",))
        for number, record in enumerate(stream.records):
            record["eventID"] = f"{0xABC0 + number:032x}"
        system.log(stream)
        self._system = system
        shutil.copytree(system.root, scratch, dirs_exist_ok=True)
        copy = System(scratch)
        copy.head.link = system.head.link
        self._writes: list[tuple[str, bytes, Link | None]] = []

        def wrote(key: str) -> None:
            self._writes.append((key, (scratch / key).read_bytes(), copy.head.link))

        merging = reporter(scratch)
        object.__setattr__(copy.chain, "_store", _Observed(scratch, lambda: None, wrote))
        object.__setattr__(merging, "store", _Observed(scratch, lambda: None, wrote))
        object.__setattr__(merging, "chain", copy.chain)
        assert len(merging.roll_up(open_hours=True)) == 2
        self.length = len(self._writes)

    def go_on(self, until: int | None = None) -> None:
        """Make the next writes, up to a number of all or to the end."""
        for key, content, head in self._writes[:until]:
            self._system.store.write(key, content)
            self._system.head.link = head
        del self._writes[:until]


@pytest.fixture
def merge(system: System, tmp_path_factory: pytest.TempPathFactory) -> _Merge:
    return _Merge(system, tmp_path_factory.mktemp("scratch"))


def _found(system: System, before: Callable[[], None] = lambda: None) -> tuple[Finding, ...]:
    observed = _Observed(system.root, before)
    chain = system.chain_at(START - timedelta(hours=3))
    object.__setattr__(chain, "_store", observed)
    return verify(observed, PREFIX, chain, START - timedelta(hours=2), NOW).findings


@pytest.mark.parametrize("nth", range(1, _CALLS, 2))
def test_a_merge_within_a_look_is_no_change(system: System, merge: _Merge, nth: int) -> None:
    calls = iter(range(1, 1_000_000))
    assert _found(system, lambda: merge.go_on() if next(calls) == nth else None) == ()


def test_a_merge_that_goes_on_after_a_look_is_no_change(
    system: System, merge: _Merge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def goes_on(seconds: float) -> None:
        assert 5 <= seconds <= 60
        merge.go_on()

    monkeypatch.setattr(_SLEEP, goes_on)
    merge.go_on(until=merge.length - 1)
    assert _found(system) == ()


def test_what_somebody_changed_meanwhile_is_found(system: System, merge: _Merge) -> None:
    forged = system.file(f"{PREFIX}tallies/*/*T01.parquet")
    forged.write_bytes(system.file(f"{PREFIX}ids/*/*.parquet").read_bytes())
    calls = iter(range(1, 1_000_000))
    found = _found(system, lambda: merge.go_on() if next(calls) == 5 else None)
    assert [(each.problem, each.what) for each in found] == [
        (LogProblem.FILE_CHANGED, forged.relative_to(system.root).as_posix())
    ]
