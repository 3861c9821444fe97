"""The log on a full disk, in short: nothing is lost, and each fault that is put back is found."""

import importlib
import sys
from pathlib import Path

import pytest

from proofs.disk.experiment import Log, largest_file, make_log, run
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


def test_what_is_imported_on_a_full_disk_leaves_no_cut_bytecode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "imported_without_room.py").write_text(f"TEXT = {'a' * 500!r}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    with largest_file(100):
        importlib.import_module("imported_without_room")
    assert [*tmp_path.rglob("*.pyc")] == []
    assert not sys.dont_write_bytecode
