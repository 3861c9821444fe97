"""What all tests share: the embedded AWS, one process for the session and empty for each test; Hypothesis's profile."""

from collections.abc import Iterator

import pytest
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
