"""Daily reports that are compared with each other."""

from collections.abc import Mapping
from typing import Any, Final

_OF_FILES: Final = frozenset({"revision", "logHours"})
"""Parts of a report that tell of what files it was made, and how often."""


def comparable(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a report says of its day."""
    return {name: value for name, value in report.items() if name not in _OF_FILES}
