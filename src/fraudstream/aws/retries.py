"""When a call is repeated: as botocore's standard mode says, by its own classes.

They are loaded with the first failure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from botocore.retries.quota import RetryQuota
from botocore.retries.standard import (
    ExponentialBackoff,
    RetryContext,
    RetryQuotaChecker,
    ThrottledRetryableChecker,
    TransientRetryableChecker,
)

if TYPE_CHECKING:
    from fraudstream.aws.connection import AwsResponse
    from fraudstream.aws.endpoint import Unanswered


class Retries:
    """Decides about the failures of one client; threads share it."""

    def __init__(self, service: str) -> None:
        """Begin with the whole quota of retries."""
        self._checkers = TransientRetryableChecker(), ThrottledRetryableChecker()
        self._backoff = ExponentialBackoff(service_name=service)
        self._quota = RetryQuotaChecker(RetryQuota())

    def pause(self, call: dict[str, Any], attempt: int, outcome: AwsResponse | Unanswered) -> float | None:
        """Return the seconds until another attempt; None if that would not help, or too many others have failed.

        Args:
            call: what is kept of the call from one attempt to the next.
            attempt: how many there were.
            outcome: of the last one.
        """
        response, error = (None, outcome) if isinstance(outcome, Exception) else (outcome, None)
        context = RetryContext(
            attempt_number=attempt,
            parsed_response=response.error if response else None,
            http_response=response,
            caught_exception=error,
            request_context=call,
        )
        if not any(checker.is_retryable(context) for checker in self._checkers):
            return None
        return self._backoff.delay_amount(context) if self._quota.acquire_retry_quota(context) else None

    def succeeded(self, call: dict[str, Any], response: AwsResponse) -> None:
        """Return to the quota what a call that came to its end has taken."""
        self._quota.release_retry_quota(cast("Any", call), response)
