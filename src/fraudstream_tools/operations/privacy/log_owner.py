"""What only the report generator can do about the log: it alone has the key of the log's seals and chain."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from fraudstream.reporting.log.chain.links import LinkKind

_ATTEMPTS: Final = 20
"""A log of a busy day is merged in several calls."""
_OUT_OF_TIME: Final = "OutOfTimeError"
_HOURS_AT_ONCE: Final = 100


class LogOwnerError(RuntimeError):
    """The report generator did not do what it was asked; its log group says why."""


@dataclass(frozen=True)
class LogOwner:
    """The report generator."""

    client: "LambdaClient"
    function: str

    def merge_open_hours(self) -> None:
        """Merge everything that has come in so far, also of the hour that is not over.

        Raises:
            LogOwnerError: see there.
        """
        for _ in range(_ATTEMPTS):
            if self._ask({"task": "hourly-roll-up", "openHours": True}):
                return
        raise LogOwnerError(f"{self.function} did not come to the end of merging the log in {_ATTEMPTS} calls")

    def note_changes(self, hours: Sequence[str], kind: "LinkKind") -> None:
        """Note in the log's chain that hours were changed on purpose, and why.

        Raises:
            LogOwnerError: see there.
        """
        for start in range(0, len(hours), _HOURS_AT_ONCE):
            self._ask({"task": "chain-hours", "hours": hours[start : start + _HOURS_AT_ONCE], "kind": kind.value})

    def _ask(self, event: Mapping[str, Any]) -> bool:
        """Invoke the function; return whether it had the time for all of it."""
        answer: Any = self.client.invoke(FunctionName=self.function, Payload=json.dumps(event).encode())
        if not answer.get("FunctionError"):
            return True
        content: Any = json.load(answer["Payload"])
        if content.get("errorType") == _OUT_OF_TIME:
            return False
        raise LogOwnerError(f"{self.function} failed at {event['task']}: its log group says why")
