"""Runs the experiment, and again with each fault put back into the code: one that is not found is a failure."""

import dataclasses
from collections.abc import Callable
from contextlib import nullcontext
from typing import Final

from proofs.faults.checks import PromiseVerdict, judge
from proofs.faults.mutations import MUTATIONS
from proofs.faults.system import System


@dataclasses.dataclass(frozen=True, kw_only=True)
class Size:
    """How long an experiment is."""

    transactions: int
    faults: int
    mutation_transactions: int
    """Of each run with a fault put back."""


SHORT: Final = Size(transactions=500, faults=100, mutation_transactions=150)
USUAL: Final = Size(transactions=5_000, faults=1_000, mutation_transactions=200)
FULL: Final = Size(transactions=200_000, faults=10_000, mutation_transactions=600)
ATTEMPTS_A_TRANSACTION: Final = 8
"""Calls to AWS, about: so many faults come of a rate."""
MUTATION_SEEDS: Final = 8
"""Runs at most, until the fault that was put back is found."""


@dataclasses.dataclass(frozen=True)
class Proof:
    """What the experiment came to."""

    verdict: PromiseVerdict
    faults: dict[str, int]
    """By kind."""
    mutations: int
    """Faults that were put back."""
    missed: list[str]
    """Those of them that were not found."""

    @property
    def holds(self) -> bool:
        """Return whether the promise is kept, and the experiment would have told if it were not."""
        return self.verdict.faultless and not self.missed


def run(seed: int, size: Size, say: Callable[[str], None]) -> Proof:
    """Run the experiment.

    Args:
        seed: the same gives the same run.
        size: how long it is.
        say: told of the progress.
    """
    say(f"{size.transactions:,} transactions under {size.faults:,} faults or more")
    system = System(seed, size.transactions, 1.2 * size.faults / (size.transactions * ATTEMPTS_A_TRANSACTION))
    system.run()
    verdict = judge(system.remains())
    counted = {fault.value: number for fault, number in sorted(system.faults.counted.items())}
    missed: list[str] = []
    for name in MUTATIONS:
        found = is_found(name, seed, size.mutation_transactions)
        say(f"{'found' if found else 'MISSED'}: {name}")
        if not found:
            missed.append(name)
    return Proof(verdict, counted, len(MUTATIONS), missed)


def is_found(name: str, seed: int, transactions: int) -> bool:
    """Return whether a fault that is put back is found, by a run that finds nothing without it.

    Args:
        name: of the fault.
        seed: of the first run.
        transactions: of each run.
    """
    for attempt in range(MUTATION_SEEDS):
        if not _run(name, seed + attempt, transactions, mutated=True).faultless:
            return _run(name, seed + attempt, transactions, mutated=False).faultless
    return False


def _run(name: str, seed: int, transactions: int, *, mutated: bool) -> PromiseVerdict:
    fault = MUTATIONS[name]
    system = System(seed, transactions, fault.rate, fault.faults)
    with fault.mutate(system) if mutated else nullcontext():
        system.run()
    return judge(system.remains())
