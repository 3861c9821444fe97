"""What the report function does about the log, whenever something else has changed it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fraudstream_tools.operations.report_function import ReportFunctionError, UnfinishedTaskError

if TYPE_CHECKING:
    from fraudstream.reporting.log.chain.links import LinkKind
    from fraudstream_tools.operations.report_function import ReportFunction

_ATTEMPTS: Final = 20
"""A log of a busy day is merged in several calls."""
_HOURS_AT_ONCE: Final = 100


@dataclass(frozen=True)
class LogOwner:
    """The report function, which alone can add to the log's chain."""

    function: "ReportFunction"

    def merge_open_hours(self, changed: Sequence[str] = ()) -> None:
        """Merge everything that has come in so far, also of the hour that is not over.

        Args:
            changed: older hours, such as `2026-11-22T14`, that may have other segments than they were merged from.

        Raises:
            ReportFunctionError: it failed, or did not come to the end.
        """
        for _ in range(_ATTEMPTS):
            try:
                self.function.run("hourly-roll-up", openHours=True, hours=list(changed))
            except UnfinishedTaskError:
                continue
            return
        raise ReportFunctionError(f"the report function did not come to the end of the log in {_ATTEMPTS} calls")

    def note_changes(self, hours: Sequence[str], kind: "LinkKind") -> None:
        """Note in the log's chain that hours were changed on purpose, and why.

        Raises:
            ReportFunctionError: it failed.
        """
        for start in range(0, len(hours), _HOURS_AT_ONCE):
            self.function.run("chain-hours", hours=hours[start : start + _HOURS_AT_ONCE], kind=kind.value)
