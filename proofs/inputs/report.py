"""The experiment with hostile inputs as `make prove` runs it, and what it tells."""

from typing import Final

from proofs.inputs import experiment
from proofs.report import ExperimentOutcome, Length, Say

SHORT: Final = 60
_EXAMPLES: Final = {Length.SHORT: SHORT, Length.USUAL: 2_000, Length.FULL: 50_000}
"""For each reader."""


def prove(seed: int, length: Length, say: Say) -> ExperimentOutcome:
    """Run the experiment."""
    proof = experiment.run(seed, _EXAMPLES[length], say)
    return ExperimentOutcome(
        holds=proof.holds,
        table=[
            f"{proof.inputs:>9,}  hostile inputs",
            f"{proof.refused:>9,}  of them refused",
            *(f"           FOUND: {fault}" for fault in proof.found),
        ],
        figures={
            "inputs_tried": proof.inputs,
            "inputs_wrong": len(proof.found),
            "mutations": proof.mutations,
            "mutations_missed": len(proof.missed),
            "missed": proof.missed,
        },
    )
