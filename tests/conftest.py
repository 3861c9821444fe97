"""The embedded AWS for tests: one process for the whole session, empty for each test."""

from collections.abc import Iterator

import pytest

from embedded_aws.ministack.server import MinistackServer


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
