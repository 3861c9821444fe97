"""The commands of labels, on a real table and a real bucket."""

from pathlib import Path

import pytest

from embedded_aws.ministack.server import MinistackServer
from tests.cli_harness import Command, point_at
from tests.integration.cli.labels.label_harness import BUCKET, TABLE, Table


@pytest.fixture
def table(aws: MinistackServer) -> Table:
    return Table(aws)


@pytest.fixture
def fraudstream(
    aws: MinistackServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    point_at(aws.endpoint_url, monkeypatch, bucketName=BUCKET, transactionsTable=TABLE)
    monkeypatch.chdir(tmp_path)
    return Command(capsys)
