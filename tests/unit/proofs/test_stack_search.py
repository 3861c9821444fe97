"""How the deployed experiment tries faults that are put back: one that ends with an error is missed, others go on."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from proofs.stack import report
from proofs.stack.kinds import StackFault
from proofs.stack.mutations import StackMutation
from proofs.stack.report import MutationRuns, search
from proofs.stack.run import StackRun

Runs = list[tuple[str, StackRun]]


class Fault:
    """A fault that is put back into a system that is a list of what is put back now."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, system: list[str]) -> "Fault":
        self.system = system
        return self

    def __enter__(self) -> None:
        self.system.append(self.name)

    def __exit__(self, *_: object) -> None:
        self.system.remove(self.name)


def fault(name: str, **more: Any) -> StackMutation:
    return StackMutation(mutate=Fault(name), **more)  # pyright: ignore[reportArgumentType]  (no system runs)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Runs that tell what was put back, and find it, but for what is called `hidden`, and raise for `endless`."""
    made: Runs = []

    def run(system: list[str], what: StackRun, _: Callable[[str], None]) -> Any:
        name = "".join(system)
        made.append((name, what))
        if name == "endless":
            raise TimeoutError
        return SimpleNamespace(remains=name not in {"", "hidden"})

    monkeypatch.setattr(report, "run", run)
    monkeypatch.setattr(report, "judge", lambda found: SimpleNamespace(faultless=not found))
    return made


def test_one_run_without_a_fault_does_for_all_that_need_the_same(runs: Runs) -> None:
    tried = MutationRuns([], 1, 80)  # pyright: ignore[reportArgumentType]  (as above)
    poison = frozenset({StackFault.POISON})
    assert tried.find(fault("a", faults=poison))
    assert tried.find(fault("b", faults=poison))
    assert tried.find(fault("c", faults=poison, rate=0.5))
    assert [name for name, _ in runs] == ["a", "", "b", "c", ""]


def test_a_fault_that_stops_everything_needs_few_transactions(runs: Runs) -> None:
    assert MutationRuns([], 1, 80).find(fault("a", stops_everything=True))  # pyright: ignore[reportArgumentType]  (as above)
    assert {what.transactions for _, what in runs} == {20}


def test_what_no_seed_shows_is_missed(runs: Runs) -> None:
    assert not MutationRuns([], 1, 80).find(fault("hidden"))  # pyright: ignore[reportArgumentType]  (as above)
    assert len({what.seed for _, what in runs}) == 3


def test_after_a_run_that_ends_with_an_error_the_rest_is_tried_on_a_new_system(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    systems: list[Path] = []

    def deploy(folder: Path) -> Any:
        systems.append(folder)
        return nullcontext(list[str]())

    monkeypatch.setattr(report, "ProofDeployment", deploy)
    names = ("a", "endless", "hidden", "b")
    monkeypatch.setattr(report, "MUTATIONS", {name: fault(name) for name in names})
    said: list[str] = []
    assert search(1, 80, said.append) == ["endless", "hidden"]
    assert said == ["found: a", "MISSED: endless", "MISSED: hidden", "found: b"]
    assert len(systems) == 2
    assert runs
