"""The experiment with personal values, in its short form: nothing of them is anywhere, and a leak is told."""

from pathlib import Path

from proofs.privacy.experiment import PrivacyExperiment
from proofs.privacy.mutations import missed
from proofs.privacy.report import SHORT
from proofs.running.deployed import deployed


def test_nothing_of_planted_values_is_anywhere_and_who_is_erased_is_gone(tmp_path: Path) -> None:
    # A system of its own: a record that is no transaction is in its table afterwards.
    with deployed(tmp_path / "cloud", "proof") as system:
        (files := tmp_path / "files").mkdir()
        proof = PrivacyExperiment(system, 7, files, lambda _: None).run(SHORT)
    assert proof.planted >= SHORT
    assert (proof.leaks, proof.let_in, proof.left) == ({}, 0, {})
    assert proof.erased


def test_leaks_that_are_put_back_are_found(tmp_path: Path) -> None:
    assert missed(7, tmp_path) == []
