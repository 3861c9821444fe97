"""Functions live longer than their invocations, and stand still between them."""

from pathlib import Path

import fraudstream

PACKAGE = Path(fraudstream.__file__).parent
WITHIN_AN_INVOCATION = {"detection/inline.py", "transactions/storage/deadline.py"}
"""Modules whose limits begin and end within one invocation."""


def test_what_outlives_an_invocation_goes_by_no_monotonic_clock() -> None:
    """Lambda freezes a function between invocations, and Linux's monotonic clock stands still meanwhile."""
    found = {
        file.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("*.py") if "time.monotonic" in file.read_text()
    }
    assert found == WITHIN_AN_INVOCATION
