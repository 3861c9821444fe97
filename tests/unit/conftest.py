"""The command in an empty folder, for tests of all that it does alone."""

from pathlib import Path

import pytest

from tests.cli_harness import Command, clean_environment


@pytest.fixture
def fraudstream(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    clean_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return Command(capsys)
