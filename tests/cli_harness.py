"""Runs the `fraudstream` command in this process, as a shell would."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from typer.core import TyperGroup

from fraudstream_tools.cli.main import main


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
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = self._capture.readouterr()
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, captured.out, captured.err)


def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what this machine may know of AWS and fraudstream, and give keys that open nothing."""
    for name in (
        "API",
        "API_KEY",
        "BUCKET",
        "TRANSACTIONS_TABLE",
        "PROFILES_TABLE",
        "ALERTS_TABLE",
        "REPORT_FUNCTION",
        "STACK",
    ):
        monkeypatch.delenv(f"FRAUDSTREAM_{name}", raising=False)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    # A fault of the program itself reaches the test as it is.
    monkeypatch.setenv("FRAUDSTREAM_TRACEBACK", "1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def command_paths(command: Any, *above: str) -> Iterator[tuple[str, ...]]:
    """Yield the words by which each command is called."""
    if isinstance(command, TyperGroup):
        for name, each in command.commands.items():
            yield from command_paths(each, *above, name)
    else:
        yield above
