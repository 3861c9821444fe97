"""What a function's invocation takes, gives and fails with: the vocabulary shared by whoever invokes functions."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

MAXIMUM_REQUEST_BYTES = 6 * 1024 * 1024
"""Lambda's quota for the payload of a synchronous invocation."""
MAXIMUM_RESPONSE_BYTES = 6 * 1024 * 1024 + 100
"""Lambda's quota for a response; its error message names 6291556 bytes."""


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """How an invocation that reached the function ended."""

    payload: bytes
    function_error: str | None
    """`Unhandled` if the function failed; then the payload is a JSON object with `errorType` and `errorMessage`."""
    request_id: str


Invoke = Callable[[str, bytes], Invocation]
"""Invokes the function with a name; raises an `InvocationRefusedError` where the function was not reached."""
AwaitedInvoke = Callable[[str, bytes], Awaitable[Invocation]]
"""The same, for whoever waits in an event loop."""


class InvocationRefusedError(Exception):
    """The function was not reached."""


class Throttled(InvocationRefusedError):  # noqa: N818  (the name the callers of Lambda know it by)
    """All of the function's reserved concurrency is in use (429, TooManyRequestsException)."""


class PayloadTooLargeError(InvocationRefusedError):
    """The request is larger than Lambda takes (413, RequestEntityTooLargeException)."""


class UnknownFunctionError(InvocationRefusedError):
    """There is no such function (404, ResourceNotFoundException)."""


class RuntimeClosedError(InvocationRefusedError):
    """The function runtime has been closed."""


def failure(request_id: str, error_type: str, message: str) -> Invocation:
    """Describe an invocation that the platform ended, in the form in which Lambda reports it."""
    payload = json.dumps({"errorType": error_type, "errorMessage": message}).encode()
    return Invocation(payload=payload, function_error="Unhandled", request_id=request_id)
