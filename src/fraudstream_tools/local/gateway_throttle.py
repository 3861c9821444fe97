"""Throttling by token buckets, as API Gateway does it: a rate of refill and a burst that the bucket holds."""

import time
from collections.abc import Callable


class TokenBucket:
    """A bucket of tokens, full at first.

    Args:
        rate: Tokens a second that come in.
        burst: Tokens that it holds.
        clock: Seconds, from any beginning.
    """

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._filled_at = clock()

    def has_token(self) -> bool:
        """Whether there is a token to take."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        return self._tokens >= 1.0

    def take(self) -> None:
        """Take a token."""
        self._tokens -= 1.0


def take_from_all(*buckets: TokenBucket | None) -> bool:
    """Take a token from every bucket, or from none if one of them is empty.

    Returns:
        Whether they were taken.
    """
    present = [bucket for bucket in buckets if bucket is not None]
    if not all(bucket.has_token() for bucket in present):
        return False
    for bucket in present:
        bucket.take()
    return True
