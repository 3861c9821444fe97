"""The experiment with a full disk as `make prove` runs it, and what it tells."""

from collections.abc import Sequence
from typing import Final

from proofs.disk import experiment
from proofs.disk.experiment import SIZES, Log
from proofs.disk.mutations import MUTATIONS
from proofs.report import ExperimentOutcome, Length, Say

SIZES_OF_MUTATIONS: Final = (1 << 11, 1 << 13, 1 << 14)
"""Bytes: there is room for the segments, and not for what is made of them."""
TRANSACTIONS: Final = {Length.SHORT: 60, Length.USUAL: 300, Length.FULL: 2_000}


def prove(seed: int, length: Length, say: Say) -> ExperimentOutcome:
    """Run the experiment."""
    log = experiment.make_log(seed, TRANSACTIONS[length])
    say(f"{len(log):,} segments merged on disks of {len(SIZES)} sizes")
    verdict = experiment.run(log, SIZES)
    missed = [name for name in MUTATIONS if not is_found(name, log, SIZES_OF_MUTATIONS)]
    return ExperimentOutcome(
        holds=bool(verdict.full) and not verdict.lost and not missed,
        table=[
            f"{verdict.full:>9,}  disk full while the log of {verdict.transactions:,} transactions was merged",
            *(f"           LOST: {each}" for each in verdict.examples[:10]),
            *(f"           MISSED: {each}" for each in missed),
        ],
        figures={
            "faults": verdict.full,
            "lost": verdict.lost,
            "mutations": len(MUTATIONS),
            "mutations_missed": len(missed),
            "missed": missed,
        },
    )


def is_found(name: str, log: Log, sizes: Sequence[int]) -> bool:
    """Return whether the experiment finds a fault that is put back, on disks of some sizes."""
    with MUTATIONS[name]():
        return experiment.run(log, sizes).lost > 0
