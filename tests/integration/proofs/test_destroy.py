"""A destroyed stack leaves nothing, and what it leaves where a fault is put back is found and named."""

from pathlib import Path

import pytest

from embedded_aws.ministack.server import MinistackServer
from proofs.destroy.experiment import live, make
from proofs.destroy.mutations import MUTATIONS
from proofs.destroy.report import is_found


def test_a_destroyed_stack_leaves_nothing_but_the_key_that_waits_for_its_end(
    aws: MinistackServer, tmp_path: Path
) -> None:
    make(aws, "other-proof", tmp_path / "other")
    life = live(aws, "proof", tmp_path / "proof")
    assert (life.refused, life.left, life.gone) == ([], [], [])
    assert life.made > 20
    assert len(life.told) == len(life.pending) == 1


@pytest.mark.parametrize("name", ["a bucket is kept for what it holds", "Lambda makes a log group anew"])
def test_a_fault_that_is_put_back_is_found(aws: MinistackServer, tmp_path: Path, name: str) -> None:
    assert is_found(aws, name, list(MUTATIONS).index(name), tmp_path, lambda _: None)
