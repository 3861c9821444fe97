"""Runs the experiments: `python -m proofs`, or `make prove`."""

import argparse
import json
import sys
import time

from proofs.faults import experiment
from proofs.faults.experiment import FULL, SHORT, USUAL, Proof


def main() -> int:
    """Run what the command line asks for; return 0 if every promise is kept."""
    parser = argparse.ArgumentParser(prog="python -m proofs", description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--short", action="store_const", const=SHORT, dest="size", help="a minute")
    length.add_argument("--full", action="store_const", const=FULL, dest="size", help="an hour")
    parser.add_argument("--seed", type=int, default=1, help="the same gives the same run")
    options = parser.parse_args()
    started = time.monotonic()
    proof = experiment.run(options.seed, options.size or USUAL, lambda text: print(text, file=sys.stderr, flush=True))
    for line in table(proof):
        print(line)
    print(json.dumps({**figures(proof), "seed": options.seed, "seconds": round(time.monotonic() - started)}))
    return 0 if proof.holds else 1


def table(proof: Proof) -> list[str]:
    """Return the lines of the table that people read."""
    verdict = proof.verdict
    lines = [f"{number:>9,}  {name}" for name, number in proof.faults.items()]
    lines += [f"{number:>9,}  LOST: {name}" for name, number in (+verdict.lost).items()]
    lines += [f"{number:>9,}  DOUBLED: {name}" for name, number in (+verdict.doubled).items()]
    lines += [f"{number:>9,}  WRONG: {name}" for name, number in (+verdict.wrong).items()]
    lines += [f"           a profile that is wrong: {example}" for example in verdict.examples[:10]]
    return lines


def figures(proof: Proof) -> dict[str, int | list[str]]:
    """Return the figures of the last line."""
    verdict = proof.verdict
    return {
        "faults": sum(proof.faults.values()),
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
        "mutations": proof.mutations,
        "mutations_missed": len(proof.missed),
        "missed": proof.missed,
    }


if __name__ == "__main__":
    sys.exit(main())
