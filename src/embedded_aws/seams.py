"""Where others may come between the parts of the embedded AWS: experiments with faults do."""

from collections.abc import Callable
from dataclasses import dataclass

from embedded_aws.runtime.invocations import Invoke


def _unchanged_url(url: str) -> str:
    return url


def _unchanged_invoke(invoke: Invoke) -> Invoke:
    return invoke


@dataclass(frozen=True, kw_only=True)
class Seams:
    """What stands between functions and AWS, and between AWS and functions; without more: nothing."""

    endpoint: Callable[[str], str] = _unchanged_url
    """Returns the URL at which functions find AWS, given the one at which it answers."""
    invoke: Callable[[Invoke], Invoke] = _unchanged_invoke
    """Returns how the streams invoke functions, given how functions are invoked."""
