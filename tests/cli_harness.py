"""Runs the `fraudstream` command in this process, as a shell would."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import pytest
import typer.main
from typer.core import TyperGroup

from fraudstream_tools.cli.main import main
from fraudstream_tools.cli.support.running.deployment import VARIABLES

CHECKOUT: Final = Path(__file__).parents[1]
_ELSEWHERE: Final = tempfile.TemporaryDirectory(prefix="fraudstream-tests-")
"""Gone with the process."""
_DECLARED: Final = cache(typer.main.get_command)
"""What Typer makes of the declared commands: the same each time, and it takes longer than most commands do."""


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


class Command:
    """The command, in an environment that says nothing of any fraudstream."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: object) -> Ran:
        assert not Path.cwd().is_relative_to(CHECKOUT), "here commands find what people run in the checkout"
        self._capture.readouterr()
        with patch.object(typer.main, "get_command", _DECLARED), pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = self._capture.readouterr()
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, captured.out, captured.err)


def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what this machine may know of AWS and fraudstream, and give keys that open nothing.

    Commands look for a fraudstream in the folder that they are called in, and above it: the test goes to an empty one.
    """
    monkeypatch.chdir(tempfile.mkdtemp(dir=_ELSEWHERE.name))
    for name in (*VARIABLES.values(), "FRAUDSTREAM_STACK"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    # A fault of the program itself reaches the test as it is.
    monkeypatch.setenv("FRAUDSTREAM_TRACEBACK", "1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def point_at(
    endpoint_url: str, monkeypatch: pytest.MonkeyPatch, keys: tuple[str, str] = ("test", "test"), **outputs: str
) -> None:
    """Let commands find a deployment by the environment.

    Args:
        endpoint_url: of its AWS.
        monkeypatch: takes it back after the test.
        keys: access key and secret key.
        **outputs: of its stack.
    """
    clean_environment(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys[1])
    for output, value in outputs.items():
        monkeypatch.setenv(VARIABLES[output], value)


def command_paths(command: Any, *above: str) -> Iterator[tuple[str, ...]]:
    """Yield the words by which each command is called."""
    if isinstance(command, TyperGroup):
        for name, each in command.commands.items():
            yield from command_paths(each, *above, name)
    else:
        yield above
