"""The report generator, deployed on the embedded AWS."""

import importlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.settings import ReporterSettings, environment
from tests.aws_harness import create_profiles_table, create_table, function_variables
from tests.integration.functions.report_generator_harness import BUCKET, HANDLER, TABLE, Shop


@pytest.fixture
def variables(aws: MinistackServer) -> dict[str, str]:
    settings = environment(
        ReporterSettings,
        environment_suffix="test",
        transactions_table=TABLE,
        profiles_table="profiles",
        log_key="bG9n" * 11,
        bucket=BUCKET,
    )
    return function_variables(aws, settings)


@pytest.fixture
def shop(aws: MinistackServer, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    s3, dynamodb = aws.client("s3"), aws.client("dynamodb")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})
    create_table(dynamodb, TABLE, stream=True)
    create_profiles_table(dynamodb, "profiles")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    sys.modules.pop(HANDLER, None)
    now = int(datetime.now(UTC).timestamp() * 1000)
    yield Shop(importlib.import_module(HANDLER), s3, dynamodb, aws.streams(), received_at=now)
    sys.modules.pop(HANDLER, None)
