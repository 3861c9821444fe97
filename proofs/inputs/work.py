"""How much work something is: the calls of functions, Python's and C's, and the memory at its peak."""

import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType


@dataclass(frozen=True)
class WorkNeeded:
    """What was needed."""

    calls: int
    peak: int
    """Bytes."""


def calls_of(do: Callable[[], object]) -> int:
    """Return how many functions are called while something is done."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        do()
    finally:
        sys.setprofile(before)
    return calls


def work_of(do: Callable[[], object]) -> WorkNeeded:
    """Return what is needed to do something: it is done twice."""
    calls = calls_of(do)
    tracemalloc.start()
    try:
        do()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return WorkNeeded(calls, peak)
