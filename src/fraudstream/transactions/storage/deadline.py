"""A limit to the time that one request may spend on AWS calls, over all calls and their retries."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


class DeadlineExceededError(Exception):
    """A request's time is up; what it did before may have taken effect, and the same call may be sent again."""


class Deadline:
    """Stops a client's calls and retries once the time is up.

    An attempt that is under way runs into the client's own timeouts; none begins after the deadline.
    """

    def __init__(self, client: Any) -> None:  # noqa: ANN401  (each service's client is a type of its own)
        """Watch over a boto3 client."""
        self._ends_at: float | None = None
        client.meta.events.register("request-created", self._check)

    @contextmanager
    def within(self, seconds: float) -> Generator[None]:
        """Allow calls to begin for so many seconds.

        Raises:
            DeadlineExceededError: a call or a retry would have begun later.
        """
        self._ends_at = time.monotonic() + seconds
        try:
            yield
        finally:
            self._ends_at = None

    def _check(self, **_event: object) -> None:
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            raise DeadlineExceededError
