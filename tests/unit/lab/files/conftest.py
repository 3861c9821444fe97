"""The key that tokens of files are made with is made anew for each test, and never a person's own."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
