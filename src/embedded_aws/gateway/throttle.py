"""Throttling by token buckets, as API Gateway does it: a rate of refill and a burst that the bucket holds."""

import time


class TokenBucket:
    """A bucket of tokens, full at first.

    Args:
        rate: Tokens a second that come in.
        burst: Tokens that it holds.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._filled_at = time.monotonic()

    def take(self) -> bool:
        """Use up a token.

        Returns:
            Whether there was one.
        """
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
