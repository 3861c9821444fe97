"""The deployed system under faults, in a short form: nothing is lost or doubled, and faults put back are found."""

from collections.abc import Iterator

import pytest

from proofs.access.requests import judge_requests
from proofs.faults.checks import judge
from proofs.stack.deployment import ProofDeployment
from proofs.stack.kinds import StackFault
from proofs.stack.mutations import MUTATIONS
from proofs.stack.report import MutationRuns, table
from proofs.stack.run import StackRun, run

SEED = 3
SLOW = frozenset({StackFault.S3_AWAY, StackFault.AWAY, StackFault.STOPPED, StackFault.HANGS, StackFault.ANSWER_LOST})
"""What lasts for seconds each time: `make prove` has it."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProofDeployment]:
    with ProofDeployment(tmp_path_factory.mktemp("proof")) as running:
        yield running


def test_under_faults_everything_received_is_stored_decided_and_logged_once(system: ProofDeployment) -> None:
    what = StackRun(seed=SEED, transactions=60, rate=0.05, only=frozenset(StackFault) - SLOW, reports=True)
    outcome = run(system, what, lambda _: None)
    verdict = judge(outcome.remains)
    assert outcome.faults.total() >= 20
    assert verdict.faultless, "\n".join(table(outcome, verdict))
    assert verdict.transactions >= 50


def test_requests_that_are_applied_twice_change_nothing_more(system: ProofDeployment) -> None:
    only = frozenset({StackFault.APPLIED_TWICE})
    outcome = run(system, StackRun(seed=SEED, transactions=40, rate=1, batch_rate=0, only=only), lambda _: None)
    verdict = judge(outcome.remains)
    assert outcome.remains.alerts, "no transaction was flagged"
    assert verdict.faultless, "\n".join(table(outcome, verdict))


@pytest.mark.parametrize(
    "name",
    [
        "a segment of the log is answered and not stored",
        "a decision and its alert are answered and not stored",
        "a profile is written whoever wrote since",
    ],
)
def test_a_fault_that_is_put_back_is_found(system: ProofDeployment, name: str) -> None:
    assert MutationRuns(system, SEED, 40).find(MUTATIONS[name])


def test_requests_that_lie_are_refused_and_one_that_comes_again_has_no_effect(system: ProofDeployment) -> None:
    verdict = judge_requests(system.cloud)
    assert verdict.tried > 20
    assert verdict.let_in == []
