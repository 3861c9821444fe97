"""The experiment with the deployed system as `make prove` runs it, and what it tells."""

import tempfile
import traceback
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proofs.faults.checks import PromiseVerdict, judge
from proofs.faults.report import findings, verdict_figures
from proofs.report import ExperimentOutcome, Length, Say
from proofs.stack.deployment import ProofDeployment
from proofs.stack.mutations import MUTATIONS, StackMutation
from proofs.stack.run import StackOutcome, StackRun, run


@dataclass(frozen=True, kw_only=True)
class StackSize:
    """How long the experiment is."""

    transactions: int
    rate: float
    """Faults for each call."""
    mutation_transactions: int
    """Of each run with a fault put back."""


SIZES: Final[Mapping[Length, StackSize]] = {
    Length.SHORT: StackSize(transactions=150, rate=0.03, mutation_transactions=60),
    Length.USUAL: StackSize(transactions=5_000, rate=0.02, mutation_transactions=80),
    Length.FULL: StackSize(transactions=20_000, rate=0.02, mutation_transactions=200),
}
_FEW: Final = 20
"""Transactions where a fault stops everything."""
_SEEDS: Final = 3
"""Runs at most, until a fault that was put back is found."""


def prove(seed: int, length: Length, say: Say) -> ExperimentOutcome:
    """Run the experiment."""
    size = SIZES[length]
    with tempfile.TemporaryDirectory() as folder, ProofDeployment(Path(folder)) as system:
        say(f"{size.transactions:,} transactions through the deployed system under faults")
        what = StackRun(seed=seed, transactions=size.transactions, rate=size.rate, reports=True)
        outcome = run(system, what, say)
        verdict = judge(outcome.remains)
    missed = search(seed, size.mutation_transactions, say)
    return ExperimentOutcome(
        holds=verdict.faultless and not missed,
        table=table(outcome, verdict),
        figures=figures(outcome, verdict)
        | {"mutations": len(MUTATIONS), "mutations_missed": len(missed)}
        | {"missed": missed},
    )


def search(seed: int, transactions: int, say: Say) -> list[str]:
    """Try all faults that are put back, one at a time, and return those that were not found.

    Args:
        seed: of the first runs.
        transactions: of each run.
        say: told what came of each.
    """
    left = list(MUTATIONS)
    missed: list[str] = []
    while left:
        # A stream that holds less is read sooner.
        with tempfile.TemporaryDirectory() as folder, ProofDeployment(Path(folder)) as system:
            runs = MutationRuns(system, seed, transactions)
            while left:
                name = left.pop(0)
                try:
                    found = runs.find(MUTATIONS[name])
                except Exception:  # noqa: BLE001  (whatever it is, the others are to be tried)
                    traceback.print_exc()
                    found = None
                say(f"{'found' if found else 'MISSED'}: {name}")
                if not found:
                    missed.append(name)
                if found is None:
                    # Nobody knows what state this one is in.
                    break
    return missed


class MutationRuns:
    """Runs of one deployed system with faults that are put back, and without."""

    def __init__(self, system: ProofDeployment, seed: int, transactions: int) -> None:
        """Store what runs.

        Args:
            system: deployed.
            seed: of the first run.
            transactions: of each run.
        """
        self._system = system
        self._seed = seed
        self._transactions = transactions
        self._faultless: dict[StackRun, bool] = {}
        """What came of runs without a fault that is put back: several of these need the same."""

    def find(self, mutation: StackMutation) -> bool:
        """Return whether a fault that is put back is found, by a run that finds nothing without it."""
        for attempt in range(_SEEDS):
            what = StackRun(
                seed=1_000 + self._seed + attempt,
                transactions=min(self._transactions, _FEW) if mutation.stops_everything else self._transactions,
                rate=mutation.rate,
                batch_rate=mutation.batch_rate,
                only=mutation.faults,
                ends_early=True,
            )
            if not self._is_faultless(what, mutation):
                if what not in self._faultless:
                    self._faultless[what] = self._is_faultless(what, None)
                return self._faultless[what]
        return False

    def _is_faultless(self, what: StackRun, mutation: StackMutation | None) -> bool:
        with mutation.mutate(self._system) if mutation else nullcontext():
            outcome = run(self._system, what, lambda _: None)
        return judge(outcome.remains).faultless


def table(outcome: StackOutcome, verdict: PromiseVerdict) -> list[str]:
    """Return the lines of the table that people read."""
    lines = [f"{number:>9,}  {fault.value}" for fault, number in sorted(outcome.faults.items())]
    lines += [
        f"{outcome.requests:>9,}  requests of clients",
        f"{outcome.labels:>9,}  labels given",
        f"{outcome.redriven:>9,}  given up and redriven",
        f"{outcome.reports:>9,}  reports that stay the same when the log has every record twice",
    ]
    return lines + findings(verdict)


def figures(outcome: StackOutcome, verdict: PromiseVerdict) -> dict[str, int | list[str]]:
    """Return the figures of the last line."""
    return {
        "faults": outcome.faults.total(),
        "stack_faults": outcome.faults.total(),
        "stack_transactions": verdict.transactions,
        "redriven": outcome.redriven,
        **verdict_figures(verdict),
    }
