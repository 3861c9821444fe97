"""The experiment with the deployed system as `make prove` runs it, and what it tells."""

import tempfile
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
    missed: list[str] = []
    # A stream that holds less is read sooner.
    with tempfile.TemporaryDirectory() as folder, ProofDeployment(Path(folder)) as system:
        for name, mutation in MUTATIONS.items():
            found = is_found(system, mutation, seed, size.mutation_transactions)
            say(f"{'found' if found else 'MISSED'}: {name}")
            if not found:
                missed.append(name)
    return ExperimentOutcome(
        holds=verdict.faultless and not missed,
        table=table(outcome, verdict),
        figures=figures(outcome, verdict)
        | {"mutations": len(MUTATIONS), "mutations_missed": len(missed)}
        | {"missed": missed},
    )


def is_found(system: ProofDeployment, mutation: StackMutation, seed: int, transactions: int) -> bool:
    """Return whether a fault that is put back is found, by a run that finds nothing without it.

    Args:
        system: deployed.
        mutation: the fault.
        seed: of the first run.
        transactions: of each run.
    """
    for attempt in range(_SEEDS):
        what = StackRun(
            seed=1_000 + seed + attempt,
            transactions=transactions,
            rate=mutation.rate,
            batch_rate=mutation.batch_rate,
            only=mutation.faults,
        )
        if not _verdict(system, what, mutation).faultless:
            return _verdict(system, what, None).faultless
    return False


def _verdict(system: ProofDeployment, what: StackRun, mutation: StackMutation | None) -> PromiseVerdict:
    with mutation.mutate(system) if mutation else nullcontext():
        outcome = run(system, what, lambda _: None)
    return judge(outcome.remains)


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
