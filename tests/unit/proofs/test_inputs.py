"""Hostile inputs, in the short form of the experiment: no reader ends otherwise than by its own refusal, in bounds."""

import pytest

from proofs.inputs.experiment import InputsProof, finds, try_reader
from proofs.inputs.mutations import MUTATIONS
from proofs.inputs.readers import READERS
from proofs.inputs.report import SHORT


@pytest.mark.parametrize("name", READERS)
def test_a_reader_refuses_by_its_own_error_tells_no_value_and_works_in_bounds(name: str) -> None:
    proof = InputsProof()
    try_reader(name, 7, SHORT, proof)
    assert proof.inputs >= 10
    assert proof.found == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_fault_of_a_reader_that_is_put_back_is_found(name: str) -> None:
    assert finds(MUTATIONS[name].reader, MUTATIONS[name].put_back, 7)
