"""Objects that people may write with any content: a function must not run out of memory by their size."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from botocore.exceptions import ClientError

from fraudstream.aws.errors import http_status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from mypy_boto3_s3 import S3Client


class BoundedObject(NamedTuple):
    """The beginning of an object."""

    etag: str
    content: bytes
    metadata: Mapping[str, str]
    """What who wrote it has said of it; the functions' own client leaves it out."""


class Which(TypedDict, total=False):
    """Which version of an object, or on which condition."""

    VersionId: str
    IfNoneMatch: str


def read_beginning(s3: S3Client, bucket: str, key: str, most: int, **which: Unpack[Which]) -> BoundedObject:
    """Read an object; of one that is larger, so much that it is known to be larger.

    Args:
        s3: the client to read with.
        bucket: the bucket's name.
        key: the object's.
        most: bytes that it may have; one more is read of a larger one.
        which: as `get_object` takes it.

    Raises:
        ClientError: S3 does not give it.
        BotoCoreError: S3 cannot be reached.
    """
    try:
        answer = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{most}", **which)
    except ClientError as error:
        # An empty object has no first byte.
        if http_status(error) != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        answer = s3.get_object(Bucket=bucket, Key=key, **which)
    content = answer["Body"].read(most + 1)
    if len(content) <= most:
        # Where the connection has ended before the object did, botocore returns what came: the next read raises it.
        content += answer["Body"].read()
    return BoundedObject(answer["ETag"], content, answer.get("Metadata", {}))
