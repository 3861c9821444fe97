"""What the engine knows of this stack from before: asked before anything is declared."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import pulumi

_ATTEMPTS = 10
_PAUSE_SECONDS = 0.5
_HALF_WRITTEN = "failed to load checkpoint"
READ_OUTPUTS = "pulumi:pulumi:readStackOutputs"
"""The engine's own function behind `StackReference`: here it answers at once."""
READ_RESOURCES = "pulumi:pulumi:readStackResourceOutputs"
"""The engine's own function that answers with the outputs of all resources of a stack, by their URNs."""


@dataclass(frozen=True, kw_only=True)
class PreviousStack:
    """What the last `up` of this stack left; nothing on a first deployment and after a `destroy`."""

    values: Mapping[str, Any]
    """What it exported."""
    secrets: frozenset[str] = frozenset()
    """Those of the outputs that are secret."""
    resources: frozenset[str] = frozenset()
    """URNs."""

    def text(self, name: str) -> str | None:
        """Return an output, or None where there is none."""
        value = self.values.get(name)
        return value if isinstance(value, str) else None


def read_previous_stack() -> PreviousStack:
    """Read the present stack's own outputs and resources from the engine."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    exported = _ask(READ_OUTPUTS, {"name": name})
    values = cast("Mapping[str, Any]", exported.get("outputs") or {})
    # The engine fails where it is asked for the resources of a stack that was never deployed.
    resources = _ask(READ_RESOURCES, {"stackName": name}).get("outputs") if values else None
    return PreviousStack(
        values=values,
        secrets=frozenset(cast("list[str]", exported.get("secretOutputNames") or [])),
        resources=frozenset(cast("Mapping[str, Any]", resources or {})),
    )


def _ask(function: str, arguments: Mapping[str, str]) -> Mapping[str, Any]:
    """Ask the engine, again where it met a state file that it was just writing, as it does with a backend of files."""
    for attempt in range(_ATTEMPTS):
        try:
            return cast("Mapping[str, Any]", pulumi.runtime.invoke(function, dict(arguments)).value or {})
        except Exception as error:  # (the engine's errors have no class of their own)
            if _HALF_WRITTEN not in str(error) or attempt + 1 == _ATTEMPTS:
                raise
            time.sleep(_PAUSE_SECONDS)
    raise AssertionError("the last attempt raises")
