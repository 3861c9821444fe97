"""The log is merged, and a report made, on a disk of which a file of some size is all that there is room for.

A limit of the process on the size of its files stands for the disk: it needs no rights, and whoever writes more gets an
error from the operating system, as on a disk that is full.
"""

import resource
import shutil
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec

from fraudstream.contract import DECISION_LOG_PREFIX, REPORT_PREFIX
from fraudstream.reporting.daily.reporter import Reporter
from fraudstream.reporting.log.keys import hours_prefix
from fraudstream.reporting.storage.object_store import FolderStore
from proofs.daily_reports import comparable
from proofs.faults.system import System
from proofs.faults.workload import START

_DAYS: Final = 0.02
"""Half an hour: few hours of the log, which are merged each time."""
SIZES: Final = tuple(1 << power for power in range(8, 21))
"""Bytes: from less than a segment has, to more than any file of the experiment."""
_SECONDS: Final = 900.0
Log = Mapping[str, bytes]
"""Segments by key."""


@dataclass
class DiskVerdict:
    """What came of it."""

    full: int = 0
    """How often the disk was too small."""
    lost: int = 0
    """How often an hour or a report lacked something that it has where there is room."""
    transactions: int = 0
    """In the log."""
    examples: list[str] = field(default_factory=list[str])


class _DistantStore(FolderStore):
    """A folder that stands for a bucket: what is fetched takes room on the disk, and what is kept does not."""

    def fetch(self, key: str, path: Path) -> None:
        """See `Store`."""
        shutil.copyfile(self.root / key, path)

    def write(self, key: str, content: bytes | Path) -> None:
        """See `Store`."""
        with largest_file(resource.RLIM_INFINITY):
            super().write(key, content)


@contextmanager
def largest_file(size: int) -> Generator[None]:
    """Forbid this process to write files beyond a size in bytes, for one block of code."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    without_bytecode = sys.dont_write_bytecode
    # Python does not see that bytecode of what is imported here found no room: nobody could import it again.
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
        sys.dont_write_bytecode = without_bytecode


def make_log(seed: int, transactions: int) -> Log:
    """Return the segments of a log, as the report generator's own code writes them."""
    system = System(seed, transactions, 0, frozenset(), days=_DAYS)
    system.run()
    return system.network.objects


def run(log: Log, sizes: Sequence[int]) -> DiskVerdict:
    """Merge and report on disks of some sizes, in bytes, and where one was too small once more with room; compare."""
    verdict = DiskVerdict()
    sound = _outcome(log, None)[0]
    verdict.transactions = sound["report"]["reconciliation"]["stored"]
    for size in sizes:
        first, then = _outcome(log, size)
        verdict.full += first is None
        for what, found in (("on a small disk", first), ("when there is room again", then)):
            if found is not None and found != sound:
                verdict.lost += 1
                verdict.examples.append(f"{what}, of {size:,} bytes: another outcome")
    return verdict


def _outcome(log: Log, size: int | None) -> tuple[Any, Any]:
    """Return what the hours and the report came to on a disk, and then with room; None where it ended in an error."""
    with tempfile.TemporaryDirectory() as folder:
        store = _DistantStore(Path(folder))
        for key, content in log.items():
            store.write(key, content)
        first = None
        try:
            with largest_file(resource.RLIM_INFINITY if size is None else size):
                first = _made(store)
        except (OSError, duckdb.Error):
            # The function ends with it, and is invoked again.
            pass
        return first, _made(store) if first is None else first


def _made(store: FolderStore) -> Mapping[str, Any]:
    day = datetime.fromtimestamp(START / 1000, UTC).date()
    report = _reporter(store, day).report(day)
    notes = [msgspec.json.decode(store.read(key) or b"") for key in store.find(hours_prefix(DECISION_LOG_PREFIX))]
    hours = {each["hour"]: (each["lines"], each["damaged"], sorted(each["files"])) for each in notes}
    return {"hours": hours, "report": comparable(msgspec.to_builtins(report))}


def _reporter(store: FolderStore, day: date) -> Reporter:
    return Reporter(
        store=store,
        log_prefix=DECISION_LOG_PREFIX,
        report_prefix=REPORT_PREFIX,
        sample=lambda _: set[str](),
        now=datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1, hours=3),
        time_left=lambda: _SECONDS,
    )
