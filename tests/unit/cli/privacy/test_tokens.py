"""`fraudstream tokens rotate`, where nothing is to be looked for."""

import pytest

from tests.cli_harness import Command, clean_environment


def test_the_next_step_can_be_copied_from_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clean_environment(monkeypatch)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("FRAUDSTREAM_TOKEN_KEYS", "1")
    monkeypatch.setenv("FRAUDSTREAM_TOKEN_NUMBER", "1")
    ran = Command(capsys)("tokens", "rotate")
    assert ran.code == 0
    assert ran.out.endswith("to begin one:  pulumi config set fraudstream:tokenKeys 2 && pulumi up\n")
