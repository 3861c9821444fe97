"""The command beside real tables and a real bucket."""

from pathlib import Path

import pytest

from embedded_aws.ministack.server import MinistackServer
from tests.cli_harness import Command, clean_environment
from tests.integration.cli.review_harness import ALERTS, BUCKET, TRANSACTIONS, System


@pytest.fixture
def system(aws: MinistackServer) -> System:
    return System(aws)


@pytest.fixture
def fraudstream(
    aws: MinistackServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    clean_environment(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("FRAUDSTREAM_TRANSACTIONS_TABLE", TRANSACTIONS)
    monkeypatch.setenv("FRAUDSTREAM_ALERTS_TABLE", ALERTS)
    monkeypatch.setenv("FRAUDSTREAM_BUCKET", BUCKET)
    monkeypatch.setenv("FRAUDSTREAM_REPORT_FUNCTION", "lambda-report-generator-test")
    monkeypatch.chdir(tmp_path)
    return Command(capsys)
