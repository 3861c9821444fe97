"""The experiment with personal values as `make prove` runs it, and what it tells."""

import tempfile
from pathlib import Path
from typing import Final

from proofs.privacy.experiment import PrivacyExperiment
from proofs.privacy.mutations import MUTATIONS, missed
from proofs.report import ExperimentOutcome, Length, Say
from proofs.running.deployed import deployed

SHORT: Final = 600
_VALUES: Final = {Length.SHORT: SHORT, Length.USUAL: 10_000, Length.FULL: 50_000}


def prove(seed: int, length: Length, say: Say) -> ExperimentOutcome:
    """Run the experiment."""
    with tempfile.TemporaryDirectory(prefix="fraudstream-proof-") as temporary:
        folder = Path(temporary)
        (folder / "files").mkdir()
        with deployed(folder / "cloud", "proof") as system:
            proof = PrivacyExperiment(system, seed, folder / "files", say).run(_VALUES[length])
        (folder / "faults").mkdir()
        not_found = missed(seed, folder / "faults")
        for name in MUTATIONS:
            say(f"{'MISSED' if name in not_found else 'found'}: {name}")
    return ExperimentOutcome(
        holds=proof.holds and not not_found,
        table=[
            f"{proof.planted:>9,}  personal values and card numbers planted, by {proof.requests:,} requests",
            *(f"{count:>9,}  looked through: {kind}" for kind, count in sorted(proof.places.items())),
            f"{proof.leaked:>9,}  values where they must not be",
            *(f"           LEAKED: {place}: {count}" for place, count in proof.leaks.items()),
            f"{proof.let_in:>9,}  card numbers let in",
            f"{proof.erased:>9,}  persons erased",
            *(f"           LEFT: {place}: {count}" for place, count in proof.left.items()),
        ],
        figures={
            "planted": proof.planted,
            "leaked": proof.leaked,
            "requests_tried": proof.requests,
            "let_in": proof.let_in,
            "erased": proof.erased,
            "left": proof.left.total(),
            "mutations": len(MUTATIONS),
            "mutations_missed": len(not_found),
            "missed": not_found,
        },
    )
