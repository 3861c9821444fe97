"""docs/guarantees.md names the experiments that there are, and how many faults each must find."""

import re
from collections.abc import Sized
from pathlib import Path

from proofs.__main__ import EXPERIMENTS, FIGURES, ExperimentRun, overview
from proofs.access.mutations import MUTATIONS as OF_ACCESS
from proofs.destroy.mutations import MUTATIONS as OF_DESTROY
from proofs.disk.mutations import MUTATIONS as OF_DISK
from proofs.faults.mutations import MUTATIONS as OF_FAULTS
from proofs.inputs.mutations import MUTATIONS as OF_INPUTS
from proofs.privacy.mutations import MUTATIONS as OF_PRIVACY
from proofs.protocol.report import MUTATIONS as OF_PROTOCOL
from proofs.report import ExperimentOutcome
from proofs.requests.mutations import MUTATIONS as OF_REQUESTS
from proofs.stack.mutations import MUTATIONS as OF_STACK

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/guarantees.md").read_text(encoding="utf-8")
MUTATIONS: dict[str, Sized] = {
    "access": OF_ACCESS,
    "destroy": OF_DESTROY,
    "disk": OF_DISK,
    "faults": OF_FAULTS,
    "inputs": OF_INPUTS,
    "privacy": OF_PRIVACY,
    "protocol": OF_PROTOCOL,
    "requests": OF_REQUESTS,
    "stack": OF_STACK,
}


def test_the_table_lists_every_experiment_with_the_faults_that_it_must_find() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (\d+) \|$", PAGE, re.MULTILINE)
    assert {name: int(number) for name, number in rows} == {name: len(MUTATIONS[name]) for name in EXPERIMENTS}


def test_every_promise_is_in_a_section_that_names_the_experiment_that_tries_it() -> None:
    sections = [each for each in PAGE.split("\n## ")[1:] if "| promise | limit |" in each]
    said = [re.findall(r"\*\*How it is tested\*\* \((.+?)\)", each) for each in sections]
    places = [re.findall(r"`(.+?)`", " ".join(each)) for each in said]
    assert all(places)
    assert [each for found in places for each in found if not (ROOT / each).exists()] == []
    tried = [{each.removeprefix("proofs/") for each in found if each.startswith("proofs/")} for found in places]
    # The protocol has a page of its own.
    assert set.union(*tried) | {"stack", "protocol"} == EXPERIMENTS.keys()


def test_the_overview_has_a_row_for_each_experiment() -> None:
    outcome = ExperimentOutcome(holds=False, table=(), figures={"faults": 12, "lost": 1, "missed": ["a fault"]})
    head, row = overview({"disk": ExperimentRun(outcome=outcome, seconds=7.6, processor_seconds=3.2)})
    assert head.split() == [*FIGURES, "seconds", "processor_seconds", "holds"]
    assert row.split() == ["disk", "12", "1", "8", "3", "NO"]
