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

    def take(self) -> bool:
        """Use up a token.

        Returns:
            Whether there was one.
        """
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
