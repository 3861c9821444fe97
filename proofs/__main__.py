"""Runs the experiments: `python -m proofs`, or `make prove`."""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from proofs.access.report import prove as prove_access
from proofs.disk.report import prove as prove_disk
from proofs.faults.report import prove as prove_faults
from proofs.inputs.report import prove as prove_inputs
from proofs.privacy.report import prove as prove_privacy
from proofs.protocol.report import prove as prove_protocol
from proofs.report import ExperimentOutcome, Length, Say
from proofs.requests.report import prove as prove_requests
from proofs.stack.report import prove as prove_stack

EXPERIMENTS: Final[Mapping[str, Callable[[int, Length, Say], ExperimentOutcome]]] = {
    "faults": prove_faults,
    "disk": prove_disk,
    "inputs": prove_inputs,
    "privacy": prove_privacy,
    "protocol": prove_protocol,
    "requests": prove_requests,
    "stack": prove_stack,
    "access": prove_access,
}
FIGURES: Final = (
    *("faults", "transactions", "lost", "doubled", "profiles_wrong", "residue", "planted", "leaked"),
    *("requests_tried", "let_in", "mutations", "mutations_missed"),
)
"""Those of the last line that every run has, and the table at the end shows by experiment."""


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
    outcomes: dict[str, ExperimentOutcome] = {}
    used: dict[str, float] = {}
    for name in options.only or EXPERIMENTS:
        say(f"{name}:")
        before = _processor_seconds()
        outcomes[name] = EXPERIMENTS[name](options.seed, options.length or Length.USUAL, say)
        used[name] = _processor_seconds() - before
        for line in outcomes[name].table:
            print(line)
    for line in overview(outcomes, used):
        print(line)
    figures = dict.fromkeys(FIGURES, 0) | together(list(outcomes.values()))
    print(json.dumps({**figures, "seed": options.seed, "seconds": round(time.monotonic() - started)}))
    return 0 if all(outcome.holds for outcome in outcomes.values()) else 1


def overview(outcomes: Mapping[str, ExperimentOutcome], used: Mapping[str, float]) -> list[str]:
    """Return the lines of the table at the end: a row for each experiment.

    Args:
        outcomes: by experiment.
        used: seconds of a processor that each took, those of processes that it has ended included.
    """
    rows = [["", *FIGURES, "processor_seconds", "holds"]]
    for name, outcome in outcomes.items():
        figures = [str(outcome.figures.get(each, "")) for each in FIGURES]
        rows.append([name, *figures, str(round(used[name])), "yes" if outcome.holds else "NO"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _processor_seconds() -> float:
    times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in times)


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
