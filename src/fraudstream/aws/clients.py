"""The one place that makes clients of AWS for the functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from fraudstream.aws.dynamodb import DynamoDb
from fraudstream.aws.s3 import Bucket

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from fraudstream.aws.endpoint import Limits


def quick_dynamodb(limits: Limits, before_attempt: Callable[[], None] | None = None) -> DynamoDBClient:
    """Return a client of DynamoDB that has only the methods of `DynamoDb`, typed as boto3's.

    Args:
        limits: of each call.
        before_attempt: is called before each attempt; what it raises ends the call.

    Raises:
        NoCredentialsError: the environment has no credentials.
        NoRegionError: it names no region.
    """
    return cast("Any", DynamoDb(limits, before_attempt))


def quick_s3(bucket: str, limits: Limits, before_attempt: Callable[[], None] | None = None) -> S3Client:
    """Return a client of one bucket that has only the methods of `Bucket`, typed as boto3's; see `quick_dynamodb`."""
    return cast("Any", Bucket(bucket, limits, before_attempt))


def whole_dynamodb(limits: Limits) -> DynamoDBClient:
    """Return botocore's client of DynamoDB: for what is done seldom."""
    return _whole("dynamodb", limits)


def whole_s3(limits: Limits) -> S3Client:
    """Return botocore's client of S3: for what is done seldom."""
    return _whole("s3", limits)


def _whole(service: str, limits: Limits) -> Any:  # noqa: ANN401  (each service's client is a type of its own)
    from botocore.config import Config  # noqa: PLC0415  (it takes longer than all that most functions do with AWS)
    from botocore.session import Session  # noqa: PLC0415  (as above)

    config = Config(
        connect_timeout=limits.connect_seconds,
        read_timeout=limits.read_seconds,
        retries={"mode": "standard", "total_max_attempts": limits.attempts},
        max_pool_connections=limits.connections,
        tcp_keepalive=True,
    )
    # boto3 would add classes for resources and transfers, which no function uses.
    return Session().create_client(service, config=config)
