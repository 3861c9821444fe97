"""The command beside real tables and a real bucket."""

from pathlib import Path

import pytest

from embedded_aws.ministack.server import MinistackServer
from tests.cli_harness import Command, point_at
from tests.integration.cli.review_harness import ALERTS, BUCKET, TRANSACTIONS, System


@pytest.fixture
def system(aws: MinistackServer) -> System:
    return System(aws)


@pytest.fixture
def fraudstream(
    aws: MinistackServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    point_at(
        aws.endpoint_url,
        monkeypatch,
        transactionsTable=TRANSACTIONS,
        alertsTable=ALERTS,
        bucketName=BUCKET,
        reportFunction="lambda-report-generator-test",
    )
    monkeypatch.chdir(tmp_path)
    return Command(capsys)
