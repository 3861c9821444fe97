"""Writers of which only one can write, brought together: a write waits until another comes that has read the same."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from proofs.stack.kinds import StackFault, StackFaults

_LONGEST_SECONDS: Final = 1.0
"""Shorter than a client of a function waits for its answer."""

ContestedBy = Callable[[str, Mapping[str, Any]], tuple[str, int] | None]
"""Returns what a request writes that only one writer can, such as a profile's version; None for any other request."""


class Rivals:
    """Brings writers together; all of it runs in one event loop."""

    def __init__(self) -> None:
        """Begin with nobody who waits."""
        self.contested_by: ContestedBy = _none
        self._waiting: dict[tuple[str, int], asyncio.Event] = {}

    async def meet(self, faults: StackFaults, operation: str, parameters: Mapping[str, Any]) -> None:
        """Send a write on: at once, or with its rival, or after a second without one.

        Args:
            faults: say whether it waits, and count those that met.
            operation: of DynamoDB.
            parameters: of the request.
        """
        if StackFault.RIVALS not in faults.only or (wanted := self.contested_by(operation, parameters)) is None:
            return
        if waiting := self._waiting.pop(wanted, None):
            faults.count(StackFault.RIVALS)
            waiting.set()
            return
        if faults.chance.random() >= faults.rate:
            return
        self._waiting[wanted] = met = asyncio.Event()
        with suppress(TimeoutError):
            await asyncio.wait_for(met.wait(), _LONGEST_SECONDS)
        if self._waiting.get(wanted) is met:
            del self._waiting[wanted]


def _none(_operation: str, _parameters: Mapping[str, Any]) -> None:
    return None
