"""Every command ends in a sentence, whatever fails around it."""

import errno
import zlib
from collections.abc import Callable
from typing import Any, NoReturn

import duckdb
import httpx
import pyarrow as pa
import pytest
import yaml
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, TokenRetrievalError
from typer.core import TyperCommand
from typer.main import get_command

from fraudstream_tools.cli.main import app, main
from fraudstream_tools.cli.support.terminal.failures import sentence
from fraudstream_tools.operations.batch_reads import BusyTableError
from tests.cli_harness import Command, command_paths


def as_duckdb_raises(error: BaseException) -> RuntimeError:
    """Return what DuckDB raises where a signal's handler has raised an error while it worked."""
    raised = RuntimeError("Query interrupted")
    raised.__cause__ = error
    return raised


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
    "wrong region or name": (
        ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "not found"}}, "Query"),
        1,
        "whether AWS_REGION and the credentials are of its region and account",
    ),
    "broken YAML": (yaml.YAMLError("line 3: a tab"), 1, "line 3: a tab"),
    "damaged Parquet, by DuckDB": (duckdb.InvalidInputException("no magic bytes"), 1, "no magic bytes"),
    "full disk, by DuckDB": (duckdb.IOException("could not write"), 1, "could not write"),
    "damaged Parquet, by Arrow": (pa.ArrowInvalid("no footer"), 1, "no footer"),
    "damaged gzip": (zlib.error("invalid block type"), 1, "invalid block type"),
    "Ctrl-C": (KeyboardInterrupt(), 130, "Ctrl-C"),
    "Ctrl-C, while DuckDB worked": (as_duckdb_raises(KeyboardInterrupt()), 130, "Ctrl-C"),
}

COMMANDS = list(command_paths(get_command(app)))


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


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("ProvisionedThroughputExceededException", 400, "None"),
        ("TransactionConflictException", 400, "None"),
        ("TransactionCanceledException", 400, "ThrottlingError"),
        ("ThrottlingException", 400, "None"),
        ("InternalServerError", 500, "None"),
        ("SlowDown", 503, "None"),
        ("TooManyRequestsException", 429, "None"),
    ],
)
def test_who_meets_a_busy_aws_is_told_to_wait(code: str, status: int, reason: str) -> None:
    answer: Any = {
        "Error": {"Code": code, "Message": "busy"},
        "ResponseMetadata": {"HTTPStatusCode": status},
        "CancellationReasons": [{"Code": "None"}, {"Code": reason}],
    }
    said = sentence(ClientError(answer, "UpdateItem"))
    assert said
    assert "wait a little" in said
    assert "--stack" not in said


def test_who_meets_a_busy_table_is_told_to_wait() -> None:
    said = sentence(BusyTableError("the tables are too busy to be read"))
    assert said
    assert said.startswith("the tables are too busy to be read; ")
    assert "wait a little" in said


def test_a_fault_of_the_program_itself_is_a_sentence_without_values(
    fraudstream: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> NoReturn:
        raise KeyError("4111 1111 1111 1111")

    monkeypatch.setattr("fraudstream.transactions.api.openapi.openapi_document", broken)
    with pytest.raises(KeyError):
        main(["openapi"])
    monkeypatch.delenv("FRAUDSTREAM_TRACEBACK")
    ran = fraudstream("openapi")
    assert ran.code == 1
    assert "a fault of fraudstream itself (KeyError at fraudstream_tools/cli/transactions/openapi.py:" in ran.err
    assert "FRAUDSTREAM_TRACEBACK=1" in ran.err
    assert "4111" not in ran.err
    assert "Traceback" not in ran.err
