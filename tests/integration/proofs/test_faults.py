"""The experiment with faults, in its short form: what it promises holds, and it finds each fault that is put back."""

import os
import subprocess
import sys

import pytest

from fraudstream.transactions.decisions.decision import Verdict
from proofs.faults import experiment
from proofs.faults.checks import PromiseVerdict, judge
from proofs.faults.experiment import SHORT, Proof
from proofs.faults.expressions import ConditionExpression, ExpressionError, updated
from proofs.faults.kinds import Fault
from proofs.faults.mutations import MUTATIONS
from proofs.faults.report import figures, table
from proofs.faults.system import System

SEED = 7


def run(
    seed: int, transactions: int, rate: float, only: frozenset[Fault] = frozenset(Fault)
) -> tuple[System, PromiseVerdict]:
    system = System(seed, transactions, rate, only)
    system.run()
    return system, judge(system.remains())


def test_under_faults_of_every_kind_nothing_is_lost_or_doubled() -> None:
    system, verdict = run(SEED, SHORT.transactions, 0.04)
    proof = Proof(verdict, {}, 0, [])
    assert sum(system.faults.counted.values()) >= SHORT.faults
    assert (verdict.faultless, proof.holds) == (True, True), table(proof)
    assert verdict.transactions > SHORT.transactions / 2
    decided = {item.get("decision") for item in system.remains().transactions}
    assert set(Verdict) <= decided, "what is promised of a verdict is tried on it"
    assert figures(proof)["lost"] == figures(proof)["doubled"] == figures(proof)["profiles_wrong"] == 0


@pytest.mark.parametrize(
    "faults",
    [
        frozenset[Fault](),
        frozenset({Fault.ANSWER_LOST, Fault.SERVER_ERROR_APPLIED, Fault.APPLIED_TWICE, Fault.TRUNCATED}),
        frozenset({Fault.DUPLICATED}),
        frozenset({Fault.UNPROCESSED}),
        frozenset({Fault.STALE, Fault.DUPLICATED}),
    ],
    ids=["no fault", "lost answers", "duplicates", "reads in part", "stale reads"],
)
def test_where_no_function_dies_every_profile_is_exact(faults: frozenset[Fault]) -> None:
    _, verdict = run(SEED, 250, 0.05, faults)
    assert verdict.faultless
    assert (verdict.residue, verdict.residue_labels) == (0, 0)


def test_a_batch_of_a_divided_customer_that_comes_again_counts_nothing_twice() -> None:
    # By this seed, as by the one above, the shards of a customer are read stale when a decided batch comes again.
    system, verdict = run(38, 250, 0.05, frozenset({Fault.STALE, Fault.DUPLICATED}))
    assert any(key.startswith("customer#") for key in system.divided)
    assert (verdict.faultless, verdict.residue, verdict.residue_labels) == (True, 0, 0), verdict.examples


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_fault_that_is_put_back_is_found(name: str) -> None:
    assert experiment.is_found(name, SEED, SHORT.mutation_transactions)


_CALLS = """
from proofs.faults.system import System

system = System(3, 100, 0.05)
system.network.on_sent = lambda actor, operation, _: print(actor, operation)
system.run()
print(dict(system.faults.counted))
"""


def calls(hash_seed: int) -> str:
    """Return who called what in a run of a new process, a line each, and the faults."""
    environment = os.environ | {"PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", _CALLS], env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_the_same_seed_gives_the_same_calls_in_every_process() -> None:
    first = calls(1)
    assert first.count("\n") > 500
    assert calls(2) == first


def test_an_expression_that_the_tables_do_not_know_is_an_error() -> None:
    for unknown in ("begins_with(a, :b)", "a = :a )", "a ~ :a"):
        with pytest.raises((ExpressionError, KeyError)):
            ConditionExpression(unknown, {}, {":a": {"S": ""}, ":b": {"S": ""}}).holds({})
    with pytest.raises(ExpressionError):
        updated({}, "ADD a :b", {}, {":b": {"N": "1"}})
