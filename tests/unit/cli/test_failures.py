"""Every command ends in a sentence, whatever fails around it."""

import errno
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, TokenRetrievalError
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from fraudstream_tools.cli.main import app
from fraudstream_tools.cli.support.deployment import LOCAL_OUTPUTS
from tests.cli_harness import Command, clean_environment

FAILURES: dict[str, tuple[BaseException, int, str]] = {
    "missing file": (FileNotFoundError(errno.ENOENT, "No such file or directory", "in.csv"), 1, "in.csv"),
    "unwritable output": (PermissionError(errno.EACCES, "Permission denied", "out.csv"), 1, "out.csv"),
    "full disk": (OSError(errno.ENOSPC, "No space left on device"), 1, "No space left"),
    "refused connection": (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), 1, "refused"),
    "dead local system": (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), 1, "127.0.0.1:1"),
    "no answer": (httpx.ConnectError("all attempts failed"), 1, "all attempts failed"),
    "no credentials": (NoCredentialsError(), 1, "aws sso login"),
    "expired sign-on": (TokenRetrievalError(provider="sso", error_msg="expired"), 1, "aws sso login"),
    "expired credential": (
        ClientError({"Error": {"Code": "ExpiredToken", "Message": "expired"}}, "Query"),
        1,
        "aws sso login",
    ),
    "Ctrl-C": (KeyboardInterrupt(), 130, "Ctrl-C"),
}


def paths(command: Any, *above: str) -> Iterator[tuple[str, ...]]:
    if isinstance(command, TyperGroup):
        for name, each in command.commands.items():
            yield from paths(each, *above, name)
    else:
        yield above


COMMANDS = list(paths(get_command(app)))


@pytest.fixture
def fraudstream(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    clean_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


def raising(error: BaseException) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    return fail


def nothing(*_: object) -> list[str]:
    return []


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_failure_in_any_command_ends_in_a_sentence(
    fraudstream: Command, monkeypatch: pytest.MonkeyPatch, path: tuple[str, ...], failure: str
) -> None:
    error, code, said = FAILURES[failure]
    monkeypatch.setattr(TyperCommand, "invoke", raising(error))
    # Values of required arguments are not looked at before the command itself runs.
    monkeypatch.setattr(TyperCommand, "parse_args", nothing)
    ran = fraudstream(*path)
    assert ran.code == code
    assert said in ran.err
    assert "Traceback" not in ran.err


ON_DEPLOYMENT = [
    ("get", "order-1"),
    ("submit", "--amount", "1.00"),
    ("alerts", "list"),
    ("alerts", "close", "order-1", "--fraud"),
    ("label", "order-1", "--fraud"),
    ("redrive", "order-1"),
    ("report", "--date", "2026-11-23"),
    ("log", "pull"),
    ("rules", "history"),
    ("rules", "rollback", "--yes"),
    ("lists", "show"),
    ("lists", "add", "blocked", "card", "--transaction", "t-1", "--reason", "why"),
    ("lists", "remove", "blocked", "card", "--transaction", "t-1", "--reason", "why"),
]


@pytest.mark.parametrize("arguments", ON_DEPLOYMENT, ids=" ".join)
@pytest.mark.parametrize("left", ["dead", "broken"])
def test_a_local_system_that_was_killed_is_named(
    fraudstream: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...], left: str
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("PATH", str(tmp_path))
    names = ("apiUrl", "endpointUrl", "lambdaUrl")
    outputs = dict.fromkeys(names, "http://127.0.0.1:1") | {
        "region": "us-east-2",
        "transactionsTable": "t",
        "alertsTable": "a",
        "profilesTable": "p",
        "bucketName": "bucket",
        "reportFunction": "r",
        "accessKeyId": "AKIDLOCAL",
        "secretAccessKey": "local",
    }
    LOCAL_OUTPUTS.parent.mkdir()
    LOCAL_OUTPUTS.write_text(json.dumps(outputs) if left == "dead" else "{")
    ran = fraudstream(*arguments)
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert "fraudstream local" in ran.err or "cannot be read" in ran.err
