"""Requests to one service of AWS, signed, and repeated where that helps.

Errors are botocore's own. What requests and answers mean is said in `dynamodb` and `s3`.
"""

from __future__ import annotations

import os
import time
import zlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import (
    ConnectionError as ConnectionFailedError,
)

from fraudstream.aws.dynamodb_errors import CONDITION_FAILED
from fraudstream.aws.endpoint import DamagedResponseError, Endpoint
from fraudstream.aws.signing import Signer, credentials_of, region_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fraudstream.aws.endpoint import Limits, Unanswered
    from fraudstream.aws.retries import Retries

_ERRORS_FROM: Final = 300


class AwsRequest(NamedTuple):
    """What is sent to a service."""

    operation: str
    """AWS's name of it, such as `PutItem`."""
    method: str
    path: str
    """Percent-encoded, without parameters."""
    headers: Mapping[str, str]
    """By name in small letters; `host` and those of the signature are added."""
    body: bytes = b""
    query: str = ""
    """Parameters in order of their names, percent-encoded."""


class AwsResponse(NamedTuple):
    """What a service answered."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    error: dict[str, Any] | None = None
    """As botocore parses it, with `Code` and `Message` under `Error`; None for a success."""


class Connection:
    """A service in the region that the environment names; threads share it."""

    def __init__(
        self,
        service: str,
        limits: Limits,
        read_error: Callable[[AwsResponse], dict[str, Any]],
        *,
        host_prefix: str = "",
        before_attempt: Callable[[], None] | None = None,
    ) -> None:
        """Store what to connect to; nothing is opened before the first call.

        Args:
            service: as AWS's hosts and signatures name it, such as `dynamodb`.
            limits: of each call.
            read_error: reads an error, as `AwsResponse.error` says.
            host_prefix: what the host's name begins with before the service, such as a bucket and a dot.
            before_attempt: is called before each attempt; what it raises ends the call.

        Raises:
            NoCredentialsError: the environment has no credentials.
            NoRegionError: it names no region.
        """
        region = region_of()
        given = os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or os.environ.get("AWS_ENDPOINT_URL")
        self.is_elsewhere = bool(given)
        """Whether the environment names an endpoint, which stays as it is."""
        self.url = given or f"https://{host_prefix}{service}.{region}.{_suffix(region)}"
        self._host = urlsplit(self.url).netloc
        self._service = service
        self._limits = limits
        self._read_error = read_error
        self._before_attempt = before_attempt
        self._signer = Signer(credentials_of(), region, service)
        self.endpoint = Endpoint(self.url, limits)
        self._retries: Retries | None = None

    def send(self, request: AwsRequest) -> AwsResponse:
        """Send a request, again where that may help, and return the answer.

        Raises:
            ClientError: the service refused it.
            HTTPClientError: there was no answer, or none that can be read; the same classes as botocore's.
            ConnectionError: botocore's: there was no connection.
        """
        call: dict[str, Any] = {}
        attempt = 0
        while True:
            attempt += 1
            if self._before_attempt:
                self._before_attempt()
            try:
                outcome = self._attempt(request)
            except (HTTPClientError, ConnectionFailedError) as error:
                outcome = error
            if isinstance(outcome, AwsResponse) and outcome.error is None:
                if self._retries:
                    self._retries.succeeded(call, outcome)
                return outcome
            pause = self._pause(call, attempt, outcome)
            if pause is None:
                raise _failure(request, outcome, attempt)
            time.sleep(pause)

    def _attempt(self, request: AwsRequest) -> AwsResponse:
        method, path, query = request.method, request.path, request.query
        headers = self._signer.signed(method, path, {**request.headers, "host": self._host}, request.body, query=query)
        answer = self.endpoint.exchange(method, f"{path}?{query}" if query else path, headers, request.body)
        response = AwsResponse(*answer)
        checksum = response.headers.get("x-amz-crc32")
        if checksum and int(checksum) != zlib.crc32(response.content):
            raise DamagedResponseError(error="its checksum is another one")
        return response if answer.status < _ERRORS_FROM else response._replace(error=self._read_error(response))

    def _pause(self, call: dict[str, Any], attempt: int, outcome: AwsResponse | Unanswered) -> float | None:
        """Return the seconds until another attempt; None if there is none."""
        if attempt >= self._limits.attempts or _is_answer(outcome):
            return None
        if self._retries is None:
            from fraudstream.aws.retries import Retries  # noqa: PLC0415  (a function that meets no failure needs none)

            self._retries = Retries(self._service)
        return self._retries.pause(call, attempt, outcome)


def _suffix(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def _is_answer(outcome: AwsResponse | Unanswered) -> bool:
    """Return whether a refusal tells what was asked, so that nothing is gained by asking again."""
    return isinstance(outcome, AwsResponse) and (
        outcome.status_code in {304, 404, 412} or (outcome.error or {}).get("Error", {}).get("Code") == CONDITION_FAILED
    )


def _failure(request: AwsRequest, outcome: AwsResponse | Unanswered, attempt: int) -> Exception:
    if not isinstance(outcome, AwsResponse):
        return outcome
    metadata = {
        "HTTPStatusCode": outcome.status_code,
        "HTTPHeaders": dict(outcome.headers),
        "RetryAttempts": attempt - 1,
    }
    parsed: Any = {**(outcome.error or {}), "ResponseMetadata": metadata}
    return ClientError(parsed, request.operation)
