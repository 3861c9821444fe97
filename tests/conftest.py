"""What all tests share: the embedded AWS, empty for each test; Hypothesis's profile."""

import gc
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader
from hypothesis import HealthCheck, settings

from embedded_aws.ministack.server import MinistackServer

# How long an example takes says something of the machine and nothing of the code: no test may fail for it. Examples
# are the same in each run, so that a failure is met by whoever causes it.
settings.register_profile(
    "any-machine",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large],
)
settings.load_profile("any-machine")

_read = cache(JSONFileLoader().load_file)


def _read_once(self: JSONFileLoader, file_path: str) -> Any:
    del self
    return _read(file_path)


# Each of boto3's sessions reads anew what AWS's services are, megabytes of it, and tests make thousands of sessions.
JSONFileLoader.load_file = _read_once

# All modules and tests stay until the end. Whenever the collector runs it would look through them, and find nothing.
gc.disable()


def pytest_collection_finish() -> None:
    """Have the collector look at what tests make, and no more at what was there before them."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def running_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinistackServer]:
    """The process; tests take `aws`, which is empty."""
    with MinistackServer(tmp_path_factory.mktemp("aws")) as server:
        yield server


@pytest.fixture
def aws(running_aws: MinistackServer) -> MinistackServer:
    """DynamoDB, S3, SQS, SNS, KMS, IAM and STS with nothing in them: `aws.client("s3")`, `aws.endpoint_url`."""
    running_aws.reset()
    return running_aws


@pytest.fixture(scope="session")
def world_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the merged log of `tests/unit/analytics/log_harness.py`; nobody writes to it."""
    # It takes the lab and DuckDB, which most tests do without.
    from tests.unit.analytics.log_harness import write_log  # noqa: PLC0415

    return write_log(tmp_path_factory.mktemp("world"))
