"""Runs the experiments: `python -m proofs`, or `make prove`."""

import argparse
import json
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from proofs.access.report import prove as prove_access
from proofs.destroy.report import prove as prove_destroy
from proofs.disk.report import prove as prove_disk
from proofs.faults.report import prove as prove_faults
from proofs.inputs.report import prove as prove_inputs
from proofs.privacy.report import prove as prove_privacy
from proofs.protocol.report import prove as prove_protocol
from proofs.report import ExperimentOutcome, Length, Say, failed
from proofs.requests.report import prove as prove_requests
from proofs.stack.report import prove as prove_stack

Experiment = Callable[[int, Length, Say], ExperimentOutcome]

EXPERIMENTS: Final[Mapping[str, Experiment]] = {
    "faults": prove_faults,
    "disk": prove_disk,
    "inputs": prove_inputs,
    "privacy": prove_privacy,
    "protocol": prove_protocol,
    "requests": prove_requests,
    "stack": prove_stack,
    "access": prove_access,
    "destroy": prove_destroy,
}
FIGURES: Final = (
    *("faults", "transactions", "lost", "doubled", "profiles_wrong", "residue", "planted", "leaked"),
    *("requests_tried", "let_in", "mutations", "mutations_missed"),
)
"""Those of the last line that every run has, and the table at the end shows by experiment."""
_STOPPED: Final = 130
"""What shells give for a program that SIGINT has ended."""


def main() -> int:
    """Run what the command line asks for; return 0 if every promise is kept, 1 if not, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m proofs", description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--short", action="store_const", const=Length.SHORT, dest="length", help="minutes")
    length.add_argument("--full", action="store_const", const=Length.FULL, dest="length", help="hours")
    parser.add_argument("--seed", type=int, default=1, help="the same gives the same run")
    parser.add_argument("--only", choices=EXPERIMENTS, action="append", help="an experiment; without it, all of them")
    options = parser.parse_args()
    started = time.monotonic()
    try:
        all_ran = run({name: EXPERIMENTS[name] for name in options.only or EXPERIMENTS}, options)
    except KeyboardInterrupt:
        print("stopped: what stands above was tried, and nothing else", file=sys.stderr)
        return _STOPPED
    for line in overview(all_ran):
        print(line)
    print(json.dumps({**last_line(all_ran), "seed": options.seed, "seconds": round(time.monotonic() - started)}))
    return 0 if all(ran.outcome.holds for ran in all_ran.values()) else 1


@dataclass(frozen=True, kw_only=True)
class ExperimentRun:
    """What came of an experiment, and what it took."""

    outcome: ExperimentOutcome
    seconds: float
    processor_seconds: float
    """Those of processes that it has ended included."""


def run(experiments: Mapping[str, Experiment], options: argparse.Namespace) -> dict[str, ExperimentRun]:
    """Run experiments one after the other: one that raises something has failed, and the others go on.

    Args:
        experiments: by name.
        options: the seed, and the length if there is one.
    """
    all_ran: dict[str, ExperimentRun] = {}
    for name, prove in experiments.items():
        say = Progress(name)
        say("begins")
        before = _processor_seconds()
        try:
            outcome = prove(options.seed, options.length or Length.USUAL, say)
        except Exception as error:  # noqa: BLE001  (whatever it is, the others are to be tried)
            traceback.print_exc()
            outcome = failed(error)
        used = _processor_seconds() - before
        all_ran[name] = ExperimentRun(outcome=outcome, seconds=say.seconds, processor_seconds=used)
        say("holds" if outcome.holds else "DOES NOT HOLD")
        for line in outcome.table:
            print(line, flush=True)
    return all_ran


def overview(all_ran: Mapping[str, ExperimentRun]) -> list[str]:
    """Return the lines of the table at the end: a row for each experiment."""
    rows = [["", *FIGURES, "seconds", "processor_seconds", "holds"]]
    for name, ran in all_ran.items():
        figures = [str(ran.outcome.figures.get(each, "")) for each in FIGURES]
        times = [str(round(ran.seconds)), str(round(ran.processor_seconds))]
        rows.append([name, *figures, *times, "yes" if ran.outcome.holds else "NO"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _processor_seconds() -> float:
    times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in times)


class Progress:
    """Prints what an experiment is at, and how long it has run."""

    def __init__(self, name: str) -> None:
        """Store the experiment's name, and begin to count."""
        self._name = name
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._started

    def __call__(self, text: str) -> None:
        """Print a line."""
        minutes, seconds = divmod(round(self.seconds), 60)
        print(f"{self._name} {minutes:d}:{seconds:02d}  {text}", file=sys.stderr, flush=True)


def last_line(all_ran: Mapping[str, ExperimentRun]) -> dict[str, Any]:
    """Return the figures of the line at the end."""
    figures = dict.fromkeys(FIGURES, 0) | together(ran.outcome for ran in all_ran.values())
    return {**figures, "failed": [name for name, ran in all_ran.items() if not ran.outcome.holds]}


def together(outcomes: Iterable[ExperimentOutcome]) -> dict[str, Any]:
    """Return the figures of all experiments: numbers of the same name are added up, lists joined."""
    figures: dict[str, Any] = {}
    for outcome in outcomes:
        for name, figure in outcome.figures.items():
            figures[name] = figures[name] + figure if name in figures else figure
    return figures


if __name__ == "__main__":
    sys.exit(main())
