"""What `make` says to a person."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.waiting_harness import PATIENCE_SECONDS

MAKEFILE = Path(__file__).parents[3] / "Makefile"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A checkout whose dependencies are installed already."""
    shutil.copy(MAKEFILE, tmp_path)
    for name in ("requirements/development.txt", "pyproject.toml", ".venv/.installed"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    command = tmp_path / ".venv/bin/fraudstream"
    command.parent.mkdir()
    command.write_text('#!/bin/sh\necho "fraudstream $*"\n')
    command.chmod(0o755)
    return tmp_path


def make(folder: Path, goal: str, **variables: str) -> str:
    # A make around the tests would have this one say where it works, and take its variables.
    around = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "PYTHON", "VENV"}
    environment = {name: value for name, value in os.environ.items() if name not in around} | variables
    ran = subprocess.run(
        ["make", goal],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    return ran.stdout + ran.stderr


def test_setup_where_all_is_installed_says_what_to_do_next(installed: Path) -> None:
    said = make(installed, "setup")
    assert said == "everything is installed in .venv: try .venv/bin/fraudstream --help\n"


def test_setup_keeps_quiet_when_it_comes_first(installed: Path) -> None:
    assert make(installed, "local") == "fraudstream local\n"


def test_what_make_starts_keeps_the_bytecode_of_what_it_imports(installed: Path) -> None:
    (installed / ".venv/bin/fraudstream").write_text('#!/bin/sh\necho "kept: ${PYTHONDONTWRITEBYTECODE-yes}"\n')
    assert make(installed, "local", PYTHONDONTWRITEBYTECODE="1") == "kept: yes\n"
