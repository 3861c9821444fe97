"""Requests made of the OpenAPI document, in the short form of the experiment: the gateway does what it says."""

from pathlib import Path

from proofs.requests.experiment import RequestsExperiment
from proofs.requests.mutations import missed
from proofs.requests.report import SHORT
from proofs.running.deployed import deployed


def test_the_gateway_answers_as_the_document_says_and_takes_nothing_else(tmp_path: Path) -> None:
    with deployed(tmp_path, "proof") as system:
        proof = RequestsExperiment(system, 7, lambda _: None).run(SHORT)
    assert proof.findings == {}
    assert proof.conversations
    assert proof.requests > 4 * SHORT


def test_differences_that_are_put_back_are_found(tmp_path: Path) -> None:
    assert missed(7, tmp_path) == []
