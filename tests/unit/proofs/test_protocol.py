"""The write protocol's model: no state is wrong, and each fault of the protocol that is put back is found."""

import pytest

from proofs.protocol.report import MUTATIONS, SMALL


@pytest.mark.parametrize("name", SMALL)
def test_no_state_of_the_protocol_is_wrong(name: str) -> None:
    found = SMALL[name]()
    assert found.wrong is None, (found.wrong, found.path)
    assert found.at_rest


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_fault_of_the_protocol_that_is_put_back_is_found(name: str) -> None:
    found = MUTATIONS[name]()
    assert found.wrong
    assert found.path
