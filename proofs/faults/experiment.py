"""Runs the experiment, and again with each fault put back into the code: one that is not found is a failure."""

import dataclasses
import gc
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from typing import Final

from proofs.faults.checks import PromiseVerdict, judge
from proofs.faults.kinds import Fault
from proofs.faults.mutations import MUTATIONS
from proofs.faults.system import System


@dataclasses.dataclass(frozen=True, kw_only=True)
class Size:
    """How long an experiment is."""

    transactions: int
    faults: int
    worlds: int
    """Systems that share them, each with a seed of its own: processors run as many at once as they can."""
    mutation_transactions: int
    """Of each run with a fault put back."""


SHORT: Final = Size(transactions=500, faults=100, worlds=1, mutation_transactions=150)
USUAL: Final = Size(transactions=5_000, faults=1_000, worlds=2, mutation_transactions=200)
FULL: Final = Size(transactions=200_000, faults=10_000, worlds=8, mutation_transactions=600)
ATTEMPTS_A_TRANSACTION: Final = 8
"""Calls to AWS, about: so many faults come of a rate."""
SEEDS_OF_A_WORLD: Final = 10
"""A system draws by its seed and the few that follow it."""
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
        seed: the same seed gives the same run.
        size: how long it is.
        say: told of the progress.
    """
    say(f"{size.transactions:,} transactions under {size.faults:,} faults or more")
    # New processes, as threads of this one may hold what a fork would copy.
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=gc.freeze) as pool:
        verdict, faults = _run_worlds(pool, seed, size, say)
        found = pool.map(partial(is_found, seed=seed, transactions=size.mutation_transactions), MUTATIONS)
        missed: list[str] = []
        for name, was_found in zip(MUTATIONS, found, strict=True):
            say(f"{'found' if was_found else 'MISSED'}: {name}")
            if not was_found:
                missed.append(name)
    return Proof(verdict, {fault.value: number for fault, number in sorted(faults.items())}, len(MUTATIONS), missed)


def _run_worlds(
    pool: Executor, seed: int, size: Size, say: Callable[[str], None]
) -> tuple[PromiseVerdict, Counter[Fault]]:
    rate = 1.2 * size.faults / (size.transactions * ATTEMPTS_A_TRANSACTION)
    seeds = [seed + SEEDS_OF_A_WORLD * world for world in range(size.worlds)]
    verdict, faults = PromiseVerdict(), Counter[Fault]()
    world = partial(run_world, transactions=size.transactions // size.worlds, rate=rate)
    for its_seed, (judged, counted) in zip(seeds, pool.map(world, seeds), strict=True):
        say(f"{judged.transactions:,} transactions under {counted.total():,} faults, with seed {its_seed}")
        verdict.add(judged)
        faults += counted
    return verdict, faults


def run_world(seed: int, *, transactions: int, rate: float) -> tuple[PromiseVerdict, Counter[Fault]]:
    """Run one system, and return what it came to, and its faults.

    Args:
        seed: the same seed gives the same run.
        transactions: that are posted.
        rate: faults for each attempt to call AWS.
    """
    system = System(seed, transactions, rate)
    system.run()
    return judge(system.remains()), system.faults.counted


def is_found(name: str, seed: int, transactions: int) -> bool:
    """Return whether a fault that is put back is found, by a run that finds nothing without it.

    Args:
        name: of the fault.
        seed: of the first run.
        transactions: of each run, or the share of them that suffices for this fault.
    """
    fault = MUTATIONS[name]
    transactions = round(transactions * fault.share)
    for its_seed in range(seed, seed + MUTATION_SEEDS):
        system = System(its_seed, transactions, fault.rate, fault.faults)
        with fault.mutate(system):
            system.run()
        if not judge(system.remains()).faultless:
            return _is_faultless(its_seed, transactions, fault.rate, fault.faults)
    return False


@cache
def _is_faultless(seed: int, transactions: int, rate: float, faults: frozenset[Fault]) -> bool:
    # Many mutations have this run in common.
    system = System(seed, transactions, rate, faults)
    system.run()
    return judge(system.remains()).faultless
