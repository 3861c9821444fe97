"""Compares the processor time of requests and batches with an earlier commit's: `make bench-path`.

Both source trees handle the same events in processes of their own, in turns, against a table and a bucket that answer
at once (`fixed_table`); of each kind the best of many rounds counts. Profiles are those that 0.1.0 stored of the sample
day, the rules are the earlier commit's, and the shipped model decides with them. The earlier commit is checked out into
a git worktree, and runs with the libraries of this environment.

- `post`, `post_waiting`, `get`, `analyzer`: processor time by the earlier commit's; the analyzer's in batches of ten.
- `post_waiting_by_post_before`: a POST that waits, by the earlier commit's that does not.
- `logic_microseconds`: without the SDK, whose client returns at once what was written, so that each transaction is
  judged by its own past; all events come again and again, as if some days later, and of each one the least counts. The
  analyzer's is of one transaction.
- `flagged_share`: of the analyzer's transactions there, those that it reviews or declines.

The last line printed is JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, cast

from benchmarks.fixed_table import fixed_table, on_the_wire
from benchmarks.function_events import OTHER_VARIABLES, batches, bucket_with_live_model, get
from benchmarks.inline import ROOT, events, variables
from benchmarks.items import Stored, read_stored
from fraudstream.contract import RULESET_FILES, RULESET_PREFIX
from fraudstream_tools.lab.world.sample_day import sample_transactions

BEFORE: Final = "d0af848"
"""The last commit whose functions called AWS by boto3's clients (ADR 0039)."""
BATCH: Final = 10
LAPS: Final = 8
"""Of all events of a kind, without the SDK."""
_WARM_LAPS: Final = 2
"""Before them: profiles come about."""
WORKER: Final = Path(__file__).with_name("path_worker.py")


class _Kind(NamedTuple):
    """One kind of event."""

    function: str
    events: Iterator[dict[str, Any]]
    """Of the first; each round takes new ones."""
    lap: int
    """After so many events the same ones come again, of a later time."""
    transactions: int = 1
    """In one event."""
    waits: bool = False


class _Worker:
    """A process that handles events by one source tree."""

    def __init__(self, tree: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER)],
            env={**environment, "PATH": os.environ["PATH"], "PYTHONPATH": str(tree / "src")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._asks, self._answers = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        self.flagged = 0
        """Decisions with an alert that were written without the SDK."""

    def run(self, name: str, kind: _Kind, some: list[dict[str, Any]], **more: object) -> list[float]:
        """Return the processor time of each event, microseconds."""
        self._asks.write(json.dumps({"function": kind.function, "events": some, **more}) + "\n")
        self._asks.flush()
        found = json.loads(self._answers.readline())
        if found["wrong"] or found["decided"] != (len(some) if kind.waits else 0):
            raise SystemExit(f"{name}: an event was not handled as it should be: {found}")
        self.flagged += found["flagged"]
        return found["microseconds"]

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def main() -> None:
    """Measure, and print what it came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", default=BEFORE, help="the earlier commit")
    parser.add_argument("--rounds", type=int, default=60, help="times that each kind is measured: the best counts")
    parser.add_argument("--posts", type=int, default=20, help="events of each kind in a round")
    asked = parser.parse_args()
    stored = read_stored()
    with (
        _checked_out(asked.before) as before,
        fixed_table(stored.profiles, bucket_with_live_model() | _rules(before), stored.transactions[0]) as table,
    ):
        environment = variables(table) | OTHER_VARIABLES
        trees = {"before": before, "now": ROOT}
        workers = {name: _Worker(tree, environment) for name, tree in trees.items()}
        best = _measure(workers, stored, asked.rounds, asked.posts)
        logic = _measure_logic(workers["now"], stored)
        flagged = workers["now"].flagged / ((_WARM_LAPS + LAPS) * len(stored.transactions))
        for worker in workers.values():
            worker.close()
    result: dict[str, Any] = {name: round(best["now"][name] / best["before"][name], 2) for name in best["now"]}
    result["post_waiting_by_post_before"] = round(best["now"]["post_waiting"] / best["before"]["post"], 2)
    result["logic_microseconds"] = {name: round(each) for name, each in logic.items()}
    result["flagged_share"] = round(flagged, 2)
    result["microseconds"] = {tree: {name: round(each) for name, each in found.items()} for tree, found in best.items()}
    for name, value in result.items():
        print(f"{name:<30} {value}")
    print(json.dumps(result))


def _rules(tree: Path) -> dict[str, bytes]:
    """Return the ruleset of the earlier commit, by its keys in the bucket: both trees can read it."""
    return {RULESET_PREFIX + name: (tree / "rules" / name).read_bytes() for name in RULESET_FILES}


def _kinds(stored: Stored) -> dict[str, _Kind]:
    reads = iter(lambda: get(stored.transactions[0]["transactionId"]["S"]), None)
    lap = len(sample_transactions(0))
    return {
        "post": _Kind("processor", events(None), lap),
        "post_waiting": _Kind("processor", events("wait=5"), lap, waits=True),
        "get": _Kind("processor", reads, 100),
        "analyzer": _Kind("analyzer", batches(stored, BATCH), len(stored.transactions) // BATCH, transactions=BATCH),
    }


def _measure(workers: Mapping[str, _Worker], stored: Stored, rounds: int, posts: int) -> dict[str, dict[str, float]]:
    """Return the least processor time of a transaction, microseconds, by tree and kind."""
    kinds = _kinds(stored)
    best: dict[str, dict[str, float]] = {tree: dict.fromkeys(kinds, float("inf")) for tree in workers}
    for number in range(rounds + 1):
        for name, kind in kinds.items():
            some = list(islice(kind.events, max(posts // kind.transactions, 1)))
            for tree, worker in workers.items():
                taken = statistics.fmean(worker.run(name, kind, some)) / kind.transactions
                # The first round loads the ruleset.
                if number:
                    best[tree][name] = min(best[tree][name], taken)
    return best


def _measure_logic(worker: _Worker, stored: Stored) -> dict[str, float]:
    """Return the processor time of a transaction without the SDK, microseconds: of each event the least of its laps."""
    kinds = _kinds(stored)
    del kinds["post_waiting"]
    answers = {"Query": {"Items": [on_the_wire(stored.transactions[0])]}}
    worker.run("get", kinds["get"], [], withoutSdk=answers)
    found: dict[str, float] = {}
    for name, kind in kinds.items():
        laps = [worker.run(name, kind, list(islice(kind.events, kind.lap))) for _ in range(_WARM_LAPS + LAPS)]
        least = map(min, zip(*laps[_WARM_LAPS:], strict=True))
        found[name] = statistics.fmean(least) / kind.transactions
    return found


@contextmanager
def _checked_out(commit: str) -> Generator[Path]:
    """Check a commit out beside this one."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "before"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(tree), commit], cwd=ROOT, check=True)
        try:
            yield tree
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
