"""A limit to the time that one request may spend on AWS calls, over all calls and their retries."""

import time
from collections.abc import Generator
from contextlib import contextmanager


class DeadlineExceededError(Exception):
    """A request's time is up; what it did before may have taken effect, and the same call may be sent again."""


class Deadline:
    """Stops its clients' calls and retries once the time is up.

    Clients call `check` before each attempt. One that is under way runs into the client's own timeouts.
    """

    def __init__(self) -> None:
        """Set no limit yet."""
        self._ends_at: float | None = None

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

    def check(self, **_event: object) -> None:
        """Check that an attempt may begin; this is a hook of botocore's too.

        Raises:
            DeadlineExceededError: the time is up.
        """
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            raise DeadlineExceededError
