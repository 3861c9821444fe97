"""The time of now, by this machine's clock."""

import time


def epoch_milliseconds() -> int:
    """Return the time in epoch milliseconds, the unit of every time in fraudstream."""
    return time.time_ns() // 1_000_000


def epoch_seconds() -> float:
    """Return the time in epoch seconds: how old is what one invocation remembers for the next.

    Lambda freezes a process between invocations, and a monotonic clock stands still meanwhile.
    """
    return time.time()
