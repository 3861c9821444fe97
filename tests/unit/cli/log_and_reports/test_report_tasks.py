"""What the commands about the log ask of the report function: of which days, and what is said where it fails."""

import io
import json
import socketserver
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from fraudstream.contract import FUNCTION_TIMEOUT_SECONDS
from fraudstream_tools.cli.support.local.lambda_endpoint import lambda_endpoint
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.running.report_tasks import report_function
from tests.cli_harness import Command, clean_environment


def test_a_day_is_not_rebuilt_while_its_stream_may_bring_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clean_environment(monkeypatch)
    monkeypatch.setenv("FRAUDSTREAM_REPORT_FUNCTION", "lambda-report-generator-dev")
    ran = Command(capsys)("log", "rebuild", "--date", datetime.now(UTC).date())
    assert ran.code == 1
    assert "the stream may still bring" in ran.err


def test_a_day_that_has_not_begun_is_refused_before_anything_is_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clean_environment(monkeypatch)
    fraudstream = Command(capsys)
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    for command in (
        ("report", "--date"),
        ("report", "--log", "log", "--date"),
        ("log", "rebuild", "--date"),
        ("log", "verify", "--until"),
    ):
        ran = fraudstream(*command, tomorrow)
        assert ran.code == 1
        assert f"{command[-1]} {tomorrow}: that day has not begun" in ran.err


def test_a_function_that_fails_here_has_its_own_words_and_its_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clean_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)

    def fail(_: str, event: Mapping[str, object]) -> object:
        raise ValueError(f"no such task: {event['task']}")

    with lambda_endpoint(fail) as url:
        names = ("apiUrl", "endpointUrl", "lambdaUrl")
        outputs = dict.fromkeys(names, url) | {"reportFunction": "reporter", "functionLogs": "/logs"}
        Path(".local").mkdir()
        Path(".local/outputs.json").write_text(json.dumps(outputs | {"accessKeyId": "A", "secretAccessKey": "s"}))
        ran = Command(capsys)("log", "verify")
    assert ran.code == 1
    assert "failed at verify-log: ValueError: no such task: verify-log; more is in /logs/reporter.log" in ran.err


def test_a_task_whose_answer_is_lost_is_not_started_a_second_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[bytes] = []

    class Silent(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            calls.append(self.request.recv(65_536))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        clean_environment(monkeypatch)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("FRAUDSTREAM_REPORT_FUNCTION", "lambda-report-generator-dev")
        ran = Command(capsys)("log", "verify")
        server.shutdown()
    assert ran.code == 1
    assert "the report function cannot be called" in ran.err
    assert len([call for call in calls if b"/invocations" in call]) == 1


def test_a_function_that_lambda_does_not_start_at_once_is_called_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clean_environment(monkeypatch)
    monkeypatch.setenv("FRAUDSTREAM_REPORT_FUNCTION", "lambda-report-generator-dev")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    function = report_function(Deployment(None))
    answered = {"StatusCode": 200, "Payload": io.BytesIO(b'{"reports": 1}')}
    with Stubber(function.client) as stub:
        stub.add_client_error("invoke", "TooManyRequestsException", http_status_code=429)
        stub.add_client_error("invoke", "ResourceConflictException", http_status_code=409)
        stub.add_response("invoke", answered)
        assert function.run("daily-report") == {"reports": 1}
        assert pauses == sorted(pauses)
        # It may have been started, and be at work.
        stub.add_client_error("invoke", "ServiceException", http_status_code=500)
        with pytest.raises(ClientError, match="ServiceException"):
            function.run("daily-report")


def test_commands_wait_as_long_as_the_function_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    clean_environment(monkeypatch)
    monkeypatch.setenv("FRAUDSTREAM_REPORT_FUNCTION", "lambda-report-generator-dev")
    config: Any = report_function(Deployment(None)).client.meta.config
    assert config.read_timeout > FUNCTION_TIMEOUT_SECONDS


def test_a_chain_is_compared_from_a_week_before_the_last_day(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clean_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)
    asked: list[Mapping[str, object]] = []

    def answer(_: str, event: Mapping[str, object]) -> object:
        asked.append(event)
        raise ValueError("enough")

    with lambda_endpoint(answer) as url:
        outputs = dict.fromkeys(("apiUrl", "endpointUrl", "lambdaUrl"), url) | {"reportFunction": "reporter"}
        Path(".local").mkdir()
        Path(".local/outputs.json").write_text(json.dumps(outputs | {"accessKeyId": "A", "secretAccessKey": "s"}))
        Command(capsys)("log", "verify", "--until", "2026-01-10")
    assert (asked[0]["since"], asked[0]["until"]) == ("2026-01-03", "2026-01-10")
