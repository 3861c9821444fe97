"""The experiment with faults as `make prove` runs it, and what it tells."""

from typing import Final

from proofs.faults import experiment
from proofs.faults.checks import PromiseVerdict
from proofs.faults.experiment import FULL, SHORT, USUAL, Proof
from proofs.report import ExperimentOutcome, Length, Say

_SIZES: Final = {Length.SHORT: SHORT, Length.USUAL: USUAL, Length.FULL: FULL}


def prove(seed: int, length: Length, say: Say) -> ExperimentOutcome:
    """Run the experiment."""
    proof = experiment.run(seed, _SIZES[length], say)
    return ExperimentOutcome(holds=proof.holds, table=table(proof), figures=figures(proof))


def table(proof: Proof) -> list[str]:
    """Return the lines of the table that people read."""
    return [f"{number:>9,}  {name}" for name, number in proof.faults.items()] + findings(proof.verdict)


def findings(verdict: PromiseVerdict) -> list[str]:
    """Return the lines of what a verdict found: none of a faultless one."""
    lines = [f"{number:>9,}  LOST: {name}" for name, number in (+verdict.lost).items()]
    lines += [f"{number:>9,}  DOUBLED: {name}" for name, number in (+verdict.doubled).items()]
    lines += [f"{number:>9,}  WRONG: {name}" for name, number in (+verdict.wrong).items()]
    lines += [f"           a profile that is wrong: {example}" for example in verdict.examples[:10]]
    return lines


def figures(proof: Proof) -> dict[str, int | list[str]]:
    """Return the figures of the last line."""
    return {
        "faults": sum(proof.faults.values()),
        **verdict_figures(proof.verdict),
        "mutations": proof.mutations,
        "mutations_missed": len(proof.missed),
        "missed": proof.missed,
    }


def verdict_figures(verdict: PromiseVerdict) -> dict[str, int]:
    """Return a verdict's part of the last line."""
    return {
        "transactions": verdict.transactions,
        "lost": verdict.lost.total(),
        "doubled": verdict.doubled.total(),
        "wrong": verdict.wrong.total(),
        "profiles": verdict.profiles,
        "profiles_wrong": verdict.profiles_wrong,
        "profiles_set_aside": verdict.set_aside,
        "residue": verdict.residue,
        "residue_labels": verdict.residue_labels,
        "orphaned_claims": verdict.orphaned_claims,
    }
