"""The `Prefer` header (RFC 7240): whether a client waits for the decision, and for how long."""

from collections.abc import Mapping
from typing import Any, Final, cast

MAX_WAIT_SECONDS: Final = 5
"""Longer waits count as this one."""
_MOST_DIGITS: Final = len(str(MAX_WAIT_SECONDS))


def wait_seconds(event: Mapping[str, Any]) -> int:
    """Return how many seconds a request's client is ready to wait for the decision; 0 if it does not wait.

    As the standard says, a preference that cannot be understood is passed over, and of several the first counts.

    Args:
        event: API Gateway's proxy event.
    """
    for preference in ",".join(_values(event, "prefer")).split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":
            text = value.strip().strip('"')
            return _at_most(text) if text.isascii() and text.isdecimal() else 0
    return 0


def _at_most(digits: str) -> int:
    # Python refuses to read thousands of digits as a number.
    figures = digits.lstrip("0")
    return min(int(figures or "0"), MAX_WAIT_SECONDS) if len(figures) <= _MOST_DIGITS else MAX_WAIT_SECONDS


def _values(event: Mapping[str, Any], wanted: str) -> list[str]:
    """Return every value of a header, which a client may send more than once."""
    several = cast("dict[str, list[str]]", event.get("multiValueHeaders") or {})
    if found := [value for name, values in several.items() if name.lower() == wanted for value in values]:
        return found
    single = cast("dict[str, str]", event.get("headers") or {})
    return [value for name, value in single.items() if name.lower() == wanted]
