"""What an experiment tells at its end, and how long it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

Say: TypeAlias = Callable[[str], None]
"""Told of the progress."""


class Length(Enum):
    """How long an experiment is."""

    SHORT = "short"
    """In `make test`, or less than a few minutes."""
    USUAL = "usual"
    FULL = "full"


@dataclass(frozen=True, kw_only=True)
class ExperimentOutcome:
    """What an experiment came to."""

    holds: bool
    """Whether the promises are kept, and the experiment would have told if they were not."""
    table: Sequence[str]
    """Lines that people read."""
    figures: Mapping[str, int | Sequence[str]]
    """Of the last line."""


def failed(error: Exception) -> ExperimentOutcome:
    """Return the outcome of an experiment that raised something: nothing is known of its promises, so it fails."""
    told = " ".join(str(error).split())
    return ExperimentOutcome(holds=False, table=[f"           RAISED {type(error).__name__}: {told}"], figures={})
