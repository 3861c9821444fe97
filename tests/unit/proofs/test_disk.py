"""The log on a full disk, in short: nothing is lost, and each fault that is put back is found."""

import pytest

from proofs.disk.experiment import Log, make_log, run
from proofs.disk.mutations import MUTATIONS
from proofs.disk.report import SIZES_OF_MUTATIONS, is_found


@pytest.fixture(scope="module")
def log() -> Log:
    return make_log(5, 20)


def test_what_there_was_no_room_for_is_merged_and_reported_when_there_is(log: Log) -> None:
    verdict = run(log, (1 << 9, SIZES_OF_MUTATIONS[1], 1 << 20))
    assert (verdict.full, verdict.lost, verdict.examples) == (2, 0, [])
    assert verdict.transactions


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_fault_that_is_put_back_is_found(log: Log, name: str) -> None:
    assert is_found(name, log, SIZES_OF_MUTATIONS[1:2])
