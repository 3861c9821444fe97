"""`fraudstream log rebuild` leaves a day alone while the stream may still bring what the log lacks of it."""

from datetime import UTC, datetime

import pytest

from tests.cli_harness import Command, clean_environment


def test_a_day_is_not_rebuilt_while_its_stream_may_bring_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clean_environment(monkeypatch)
    monkeypatch.setenv("FRAUDSTREAM_REPORT_FUNCTION", "lambda-report-generator-dev")
    ran = Command(capsys)("log", "rebuild", "--date", datetime.now(UTC).date())
    assert ran.code == 1
    assert "the stream may still bring" in ran.err
