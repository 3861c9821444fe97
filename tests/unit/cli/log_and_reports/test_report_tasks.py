"""What the commands about the log ask of the report function: of which days, and what is said where it fails."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fraudstream_tools.cli.support.local.lambda_endpoint import lambda_endpoint
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
