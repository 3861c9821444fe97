"""Runs the experiments: `python -m proofs`, or `make prove`."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from proofs.access.report import prove as prove_access
from proofs.faults.report import prove as prove_faults
from proofs.inputs.report import prove as prove_inputs
from proofs.privacy.report import prove as prove_privacy
from proofs.protocol.report import prove as prove_protocol
from proofs.report import ExperimentOutcome, Length, Say
from proofs.requests.report import prove as prove_requests
from proofs.stack.report import prove as prove_stack

EXPERIMENTS: Final[Mapping[str, Callable[[int, Length, Say], ExperimentOutcome]]] = {
    "faults": prove_faults,
    "inputs": prove_inputs,
    "privacy": prove_privacy,
    "protocol": prove_protocol,
    "requests": prove_requests,
    "stack": prove_stack,
    "access": prove_access,
}


def main() -> int:
    """Run what the command line asks for; return 0 if every promise is kept."""
    parser = argparse.ArgumentParser(prog="python -m proofs", description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--short", action="store_const", const=Length.SHORT, dest="length", help="minutes")
    length.add_argument("--full", action="store_const", const=Length.FULL, dest="length", help="hours")
    parser.add_argument("--seed", type=int, default=1, help="the same gives the same run")
    parser.add_argument("--only", choices=EXPERIMENTS, action="append", help="an experiment; without it, all of them")
    options = parser.parse_args()
    started = time.monotonic()
    outcomes: list[ExperimentOutcome] = []
    for name in options.only or EXPERIMENTS:
        say(f"{name}:")
        outcomes.append(EXPERIMENTS[name](options.seed, options.length or Length.USUAL, say))
        for line in outcomes[-1].table:
            print(line)
    print(json.dumps({**together(outcomes), "seed": options.seed, "seconds": round(time.monotonic() - started)}))
    return 0 if all(outcome.holds for outcome in outcomes) else 1


def say(text: str) -> None:
    """Print the progress."""
    print(text, file=sys.stderr, flush=True)


def together(outcomes: list[ExperimentOutcome]) -> dict[str, Any]:
    """Return the figures of all experiments: numbers of the same name are added up, lists joined."""
    figures: dict[str, Any] = {}
    for outcome in outcomes:
        for name, figure in outcome.figures.items():
            figures[name] = figures[name] + figure if name in figures else figure
    return figures


if __name__ == "__main__":
    sys.exit(main())
