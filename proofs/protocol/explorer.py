"""Looks at every state that a model can come into."""

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

State = TypeVar("State", bound=Hashable)


class Step(NamedTuple, Generic[State]):
    """Something that can happen."""

    name: str
    state: State
    """What comes of it."""


@dataclass(frozen=True)
class ProtocolModel(Generic[State]):
    """A model: where it begins, what can happen, and what must not be."""

    initial: State
    steps: Callable[[State], Iterator[Step[State]]]
    wrong: Callable[[State], str | None]
    """What is wrong in a state, whatever comes next."""
    wrong_at_rest: Callable[[State], str | None]
    """What is wrong in a state in which nothing is left to do."""
    is_at_rest: Callable[[State], bool]


@dataclass(frozen=True)
class ExploredStates:
    """What was looked at."""

    states: int
    at_rest: int
    wrong: str | None = None
    path: tuple[str, ...] = ()
    """The shortest way to what is wrong."""


def explore(model: ProtocolModel[State]) -> ExploredStates:
    """Look at every state, the nearest first, until one is wrong."""
    before: dict[State, tuple[State, str] | None] = {model.initial: None}
    waiting = deque([model.initial])
    at_rest = 0
    while waiting:
        state = waiting.popleft()
        rests = model.is_at_rest(state)
        at_rest += rests
        problem = model.wrong(state) or (model.wrong_at_rest(state) if rests else None)
        if problem is not None:
            return ExploredStates(len(before), at_rest, problem, _path(before, state))
        is_stuck = not rests
        for step in model.steps(state):
            is_stuck = False
            if step.state not in before:
                before[step.state] = (state, step.name)
                waiting.append(step.state)
        if is_stuck:
            return ExploredStates(
                len(before), at_rest, "nothing can happen any more, and not all is done", _path(before, state)
            )
    return ExploredStates(len(before), at_rest)


def _path(before: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    names: list[str] = []
    while (link := before[state]) is not None:
        state, name = link
        names.append(name)
    return tuple(reversed(names))
