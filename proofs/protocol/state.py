"""What the model of the analysis knows in one state: tables, stream, and analyzers at work."""

from typing import NamedTuple

SHARED, PERSON, COUNTERPARTY, FIRST_SHARD = range(4)
"""Places of profiles. The shared profile has a shard for each transaction once it is divided."""


class ModelProfile(NamedTuple):
    """A profile, or a part of a divided one."""

    version: int = 0
    counts: tuple[int, ...] = (0, 0)
    """By transaction: how often it was counted."""
    frauds: tuple[int, ...] = (0, 0)
    ring: tuple[str, ...] = ()
    """What it remembers that it has learnt, the newest last."""
    writes: tuple[tuple[int, str], ...] = ()
    """Version and token of the newest writes."""
    closed: bool = False
    """Whether it is divided: nobody may write it any more."""


class ModelRow(NamedTuple):
    """A transaction in the table."""

    decision: str = ""
    labelled: bool = False
    learnt: bool = False
    """The mark that the profiles have learnt the label."""


class ModelWorker(NamedTuple):
    """An analyzer at work on a record."""

    record: str
    at: str
    attempt: int
    seen: tuple[ModelProfile, ...] = ()
    verdict: str = ""


class AnalysisState(NamedTuple):
    """Tables, stream and analyzers."""

    rows: tuple[ModelRow, ...]
    alerts: tuple[str, ...]
    profiles: tuple[ModelProfile, ...]
    waiting: tuple[str, ...]
    """Records that no analyzer has finished: `t0`, `t1`, and `l0` for the label of the first."""
    workers: tuple[ModelWorker | None, ...]
    late: tuple[tuple[object, ...], ...]
    faults: int
    excuses: int = 0
    """Attempts that ended before they were done, or had a record at the same time as another: so much too large may a
    figure be."""
    attempts: int = 0
    changed: str = ""
    """A decision that changed after it had been made."""
