"""A log that is sealed and chained, in a folder."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from fraudstream.durations import HOUR
from fraudstream.reporting.daily.schema.report import DailyReport
from fraudstream.reporting.log.chain.links import Link, LogChain
from fraudstream.reporting.log.chain.segment_seals import sealed
from fraudstream.reporting.log.keys import midnight
from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.log.verification.against_chain import LogProblem, Verification, verify
from fraudstream.reporting.storage.object_store import FolderStore
from tests.unit.reporting.decision_log_harness import DAY, MIDNIGHT, NOW, PREFIX, Stream, put, reporter, transaction

if TYPE_CHECKING:
    from collections.abc import Callable

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
START = midnight(DAY)


class MemoryHead:
    """The newest link, as the table keeps it."""

    def __init__(self) -> None:
        self.link: Link | None = None
        self.in_between: Callable[[], object] = lambda: None

    def read(self) -> Link | None:
        return self.link

    def move(self, before: Link | None, after: Link) -> bool:
        self.in_between()
        if self.link != before:
            return False
        self.link = after
        return True


class System:
    """A bucket whose log is written, sealed, merged and reported on."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = FolderStore(root)
        self.head = MemoryHead()
        self.chain = self.chain_at(START - timedelta(hours=3))

    def chain_at(self, now: datetime) -> LogChain:
        return LogChain(self.store, PREFIX, KEY, self.head, lambda: now)

    def log(self, stream: Stream, key: bytes = KEY) -> None:
        put([sealed(each, key) for each in cut(stream.records, PREFIX).segments], self.root)

    def report(self) -> DailyReport:
        made = reporter(self.root)
        object.__setattr__(made, "chain", self.chain)
        return made.report(DAY)

    def verify(self) -> Verification:
        return verify(self.store, PREFIX, self.chain, START - timedelta(hours=2), NOW)

    def problems(self) -> list[LogProblem]:
        return [each.problem for each in self.verify().findings]

    def file(self, pattern: str) -> Path:
        return min(self.root.glob(pattern))


def of_day(*numbers: int) -> Stream:
    stream = Stream()
    for number in numbers:
        stream.store_and_decide(transaction(number, at=MIDNIGHT + number * HOUR), rules=("card-velocity",))
    return stream
