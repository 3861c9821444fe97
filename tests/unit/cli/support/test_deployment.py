"""Which fraudstream a command talks to."""

import json
import math
import socket
import stat
from pathlib import Path

import pytest
from botocore.exceptions import ReadTimeoutError

from fraudstream_tools.cli.support.running.deployment import LOCAL_OUTPUTS, Deployment
from fraudstream_tools.cli.support.terminal.output import CommandError
from fraudstream_tools.lab.replay.signing import ApiKey
from tests.cli_harness import Command, clean_environment

RUNNING = {
    "apiUrl": "http://127.0.0.1:1/v1",
    "transactionsTable": "table-transactions-local",
    "region": "us-east-2",
    "endpointUrl": "http://127.0.0.1:2",
    "lambdaUrl": "http://127.0.0.1:3",
    "accessKeyId": "AKIDLOCAL",
    "secretAccessKey": "local",
}


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    clean_environment(monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "deeper").mkdir()
    monkeypatch.chdir(tmp_path / "deeper")
    return tmp_path


def run_locally(folder: Path) -> None:
    (folder / LOCAL_OUTPUTS).parent.mkdir()
    (folder / LOCAL_OUTPUTS).write_text(json.dumps(RUNNING))


def pulumi_that(folder: Path, script: str) -> None:
    """A `pulumi` on the path that does as the script says; the Pulumi CLI itself is not needed to test who asks it."""
    (folder / "Pulumi.yaml").touch()
    command = folder / "bin" / "pulumi"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)


def test_what_runs_here_is_found_from_any_folder_of_the_checkout(folder: Path) -> None:
    run_locally(folder)
    deployment = Deployment()
    assert deployment["apiUrl"] == RUNNING["apiUrl"]
    assert deployment.is_local
    assert deployment.client("dynamodb").meta.endpoint_url == RUNNING["endpointUrl"]
    assert deployment.client("lambda").meta.endpoint_url == RUNNING["lambdaUrl"]


def test_a_table_that_does_not_answer_is_not_waited_for_by_the_minute(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_locally(folder)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        outputs = RUNNING | {"endpointUrl": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        (folder / LOCAL_OUTPUTS).write_text(json.dumps(outputs))
        waited: list[float] = []

        def give_up(opened: socket.socket, *_: object) -> int:
            waited.append(opened.gettimeout() or math.inf)
            raise TimeoutError

        monkeypatch.setattr("time.sleep", lambda _: None)
        monkeypatch.setattr(socket.socket, "recv_into", give_up)
        with pytest.raises(ReadTimeoutError):
            Deployment().client("dynamodb").describe_table(TableName="t")
    assert sum(waited) <= 100


def test_the_environment_goes_before_what_runs_here_and_never_gets_its_keys(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_locally(folder)
    monkeypatch.setenv("FRAUDSTREAM_API", "https://abc.execute-api.eu-central-1.amazonaws.com/v1")
    deployment = Deployment()
    assert not deployment.is_local
    assert deployment.region == "eu-central-1"
    assert deployment.client("dynamodb").meta.endpoint_url == "https://dynamodb.eu-central-1.amazonaws.com"


def test_an_option_goes_before_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder.exists()
    monkeypatch.setenv("FRAUDSTREAM_API", "https://one.example/v1")
    assert Deployment(given={"apiUrl": "https://two.example/v1"})["apiUrl"] == "https://two.example/v1"


def test_a_stack_that_is_asked_for_goes_before_what_runs_here(folder: Path) -> None:
    run_locally(folder)
    pulumi_that(folder, """[ "$6" = dev ] && echo '{"apiUrl": "https://dev.example/v1", "apiKey": "k-1"}' """)
    deployment = Deployment("dev")
    assert deployment["apiUrl"] == "https://dev.example/v1"
    assert isinstance(deployment.auth(), ApiKey)


def test_without_anything_else_the_selected_stack_is_used(folder: Path) -> None:
    pulumi_that(folder, """echo '{"transactionsTable": "table-transactions-dev", "region": "us-west-2"}'""")
    assert Deployment()["transactionsTable"] == "table-transactions-dev"
    assert Deployment().region == "us-west-2"


def test_a_stack_that_does_not_exist_is_an_error_in_pulumis_words(folder: Path) -> None:
    pulumi_that(folder, "echo 'error: no stack named prod found' >&2; exit 255")
    with pytest.raises(CommandError, match="no stack named prod found"):
        Deployment("prod")["apiUrl"]


def test_where_pulumi_refuses_the_selected_stack_its_words_are_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi_that(folder, "echo 'error: passphrase must be set' >&2; exit 255")
    deployment = Deployment()
    with pytest.raises(CommandError, match="of the selected stack: error: passphrase must be set") as raised:
        deployment["bucketName"]
    assert "export FRAUDSTREAM_BUCKET=" in str(raised.value)
    monkeypatch.setenv("FRAUDSTREAM_API", "https://one.example/v1")
    assert deployment["apiUrl"] == "https://one.example/v1"


def test_pulumi_is_never_asked_to_ask_a_person(folder: Path) -> None:
    pulumi_that(folder, """[ "$5" = --non-interactive ] && ! read -r line && echo '{"bucketName": "bucket-1"}'""")
    assert Deployment()["bucketName"] == "bucket-1"


def test_a_stack_without_the_pulumi_cli_is_an_error(folder: Path) -> None:
    assert folder.exists()
    with pytest.raises(CommandError, match="needs the Pulumi CLI"):
        Deployment("prod")["apiUrl"]


def test_where_nothing_says_which_the_error_says_what_to_do(folder: Path) -> None:
    assert folder.exists()
    with pytest.raises(CommandError) as raised:
        Deployment()["apiUrl"]
    assert all(way in str(raised.value) for way in ("fraudstream local", "--stack dev", "export FRAUDSTREAM_API="))


def test_an_error_says_where_credentials_come_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder.exists()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CommandError, match="aws configure"):
        Deployment(given={"apiUrl": "https://one.example/v1"}).auth()


@pytest.mark.parametrize(
    "url",
    [
        "abc.execute-api.us-east-2.amazonaws.com/v1",
        "ftp://one.example/v1",
        "file:///etc/hosts",
        "http://",
        "http://127.0.0.1:99999/v1",
        "http://127.0.0.1:0/v1",
        "http://127.0.0.1:port/v1",
        "http://[::1/v1",
        "http://one .example/v1",
        "http://one\n.example/v1",
        "http://one..example/v1",
        f"http://{'a' * 64}.example/v1",
    ],
)
def test_an_address_that_is_none_is_refused_before_anything_is_sent(folder: Path, url: str) -> None:
    assert folder.exists()
    with pytest.raises(CommandError, match=r"the API's URL \(--api or FRAUDSTREAM_API\) is not one"):
        _ = Deployment(given={"apiUrl": url}).api_url


def test_a_slash_at_the_end_of_an_address_does_not_matter(folder: Path) -> None:
    assert folder.exists()
    assert Deployment(given={"apiUrl": "https://one.example/v1/"}).api_url == "https://one.example/v1"


def test_what_runs_in_the_checkout_is_not_found_by_tests(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_locally(folder)
    clean_environment(monkeypatch)
    assert not Deployment().is_local
    assert Deployment().get("transactionsTable") is None


def test_a_console_without_a_system_asks_for_one_and_not_for_credentials(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = Command(capsys)("console", "--no-open")
    assert ran.code == 1
    assert "no fraudstream was found that names its alertsTable" in ran.err
    assert f"{LOCAL_OUTPUTS} is looked for in {folder / 'deeper'} and the folders above it" in ran.err
