"""The time of now, in the unit of every time in fraudstream."""

import time


def epoch_milliseconds() -> int:
    """Return the time in epoch milliseconds, by this machine's clock."""
    return time.time_ns() // 1_000_000
