"""What `erase` refuses to look for, and what it says where it is broken off."""

import pytest

from fraudstream_tools.operations.privacy.erasure.erasing import Erasure
from tests.cli_harness import Command
from tests.console_harness import PROFILES
from tests.integration.cli.review_harness import System

ANN = "tok_" + "a" * 22


@pytest.fixture
def erase(fraudstream: Command, system: System, monkeypatch: pytest.MonkeyPatch) -> Command:
    del system  # it has made the bucket
    monkeypatch.setenv("FRAUDSTREAM_PROFILES_TABLE", PROFILES)
    return fraudstream


@pytest.mark.parametrize(
    ("customer", "said"),
    [("", "The identifier is empty"), (" ", "The identifier is empty"), ("4111111111111111", "holds a card number")],
)
@pytest.mark.parametrize("command", [("erase", "--yes"), ("hold", "--reason", "case 4711"), ("search",)])
def test_nobody_is_looked_for_by_what_nobody_is_stored_by(
    erase: Command, command: tuple[str, ...], customer: str, said: str
) -> None:
    ran = erase(*command, customer) if command == ("search",) else erase(*command, "--customer", customer)
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err
    assert "4111" not in ran.err


@pytest.mark.parametrize("is_in_duckdb", [False, True])
def test_an_erasure_that_is_broken_off_says_how_it_goes_on(
    erase: Command, monkeypatch: pytest.MonkeyPatch, *, is_in_duckdb: bool
) -> None:
    def interrupt(_: Erasure) -> None:
        if is_in_duckdb:
            raise RuntimeError("Query interrupted") from KeyboardInterrupt()
        raise KeyboardInterrupt

    monkeypatch.setattr(Erasure, "run", interrupt)
    ran = erase("erase", "--customer", ANN, "--yes")
    assert (ran.code, "the same again goes on" in ran.err) == (130, True)
    assert "goes on" not in erase("erase", "--customer", ANN, "--dry-run").err
