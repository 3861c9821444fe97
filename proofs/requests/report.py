"""The experiment with the document's requests as `make prove` runs it, and what it tells."""

import tempfile
from pathlib import Path
from typing import Final

from proofs.report import ExperimentOutcome, Length, Say
from proofs.requests.experiment import RequestsExperiment
from proofs.requests.mutations import MUTATIONS, missed
from proofs.running.deployed import deployed

SHORT: Final = 60
_EXAMPLES: Final = {Length.SHORT: SHORT, Length.USUAL: 1_000, Length.FULL: 20_000}
"""For each route, sound and unsound ones."""


def prove(seed: int, length: Length, say: Say) -> ExperimentOutcome:
    """Run the experiment."""
    with tempfile.TemporaryDirectory(prefix="fraudstream-proof-") as temporary:
        with deployed(Path(temporary) / "clean", "proof") as system:
            proof = RequestsExperiment(system, seed, say).run(_EXAMPLES[length])
        not_found = missed(seed, Path(temporary) / "changed")
    for name in MUTATIONS:
        say(f"{'MISSED' if name in not_found else 'found'}: {name}")
    return ExperimentOutcome(
        holds=not proof.findings and not not_found,
        table=[
            f"{proof.requests:>9,}  requests made of the OpenAPI document",
            *(f"{count:>9,}  answered with {status}" for status, count in sorted(proof.statuses.items())),
            f"{proof.conversations:>9,}  transactions posted and read",
            *(f"           FOUND: {finding}: {count}" for finding, count in proof.findings.items()),
        ],
        figures={
            "requests_tried": proof.requests,
            "let_in": proof.let_in,
            "answers_wrong": proof.findings.total(),
            "mutations": len(MUTATIONS),
            "mutations_missed": len(not_found),
            "missed": not_found,
        },
    )
