"""Every command that answers has --json."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer.main

from fraudstream_tools.cli.main import app
from tests.cli_harness import Command, clean_environment, command_paths

WITHOUT = {
    "console": "serves pages",
    "files suggest": "prints a map, with guesses for people to look at",
    "demo": "its last line is for programs",
    "local": "runs until Ctrl-C; what it made is in .local/outputs.json",
    "openapi": "prints JSON",
}


def options(command: Any, *words: str) -> list[str]:
    """Give the options of a command that is called by some words."""
    for word in words:
        command = command.commands[word]
    return [option for parameter in command.params for option in parameter.opts]


def test_every_command_answers_programs_too() -> None:
    group = typer.main.get_command(app)
    lacking = {" ".join(words) for words in command_paths(group) if "--json" not in options(group, *words)}
    assert lacking == WITHOUT.keys()


def test_a_made_world_is_told_as_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clean_environment(monkeypatch)
    file = tmp_path / "world.csv"
    ran = Command(capsys)("simulate", "--customers", "20", "--days", "2", "--output", file, "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["file"] == str(file)
    assert told["transactions"] == len(file.read_text().splitlines()) - 1
