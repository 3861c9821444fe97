"""Small files in S3 that are looked at again and again: read anew only when they have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from botocore.exceptions import ClientError

from fraudstream.aws.bounded_reads import Which, read_beginning
from fraudstream.aws.errors import http_status

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MOST_BYTES: Final = 8_000_000
"""What the largest file may have, a model; whoever reads a file refuses one with more than its own bound."""
_NOT_MODIFIED: Final = 304
_NOT_FOUND: Final = 404


class CachedObject(NamedTuple):
    """A file as it was when it was last looked at."""

    etag: str
    content: bytes


class S3Cache:
    """Files under one prefix."""

    def __init__(self, s3: S3Client, *, bucket: str, prefix: str) -> None:
        """Begin with no file read.

        Args:
            s3: the client to read with.
            bucket: the bucket's name.
            prefix: what the keys of the files begin with, such as `rulesets/live/`.
        """
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix
        self._known: dict[str, CachedObject] = {}

    def read(self, name: str) -> CachedObject:
        """Read a file, or learn that it has not changed since; of one that is too large, no more than shows that.

        Raises:
            ClientError: S3 does not give it.
            BotoCoreError: S3 cannot be reached.
        """
        known, key = self._known.get(name), self._prefix + name
        try:
            unchanged: Which = {"IfNoneMatch": known.etag} if known else {}
            answer = read_beginning(self._s3, self._bucket, key, MOST_BYTES, **unchanged)
        except ClientError as error:
            if known and http_status(error) == _NOT_MODIFIED:
                return known
            raise
        self._known[name] = CachedObject(answer.etag, answer.content)
        return self._known[name]


def is_absent(error: ClientError) -> bool:
    """Return whether S3 says that there is no such file."""
    return http_status(error) == _NOT_FOUND
