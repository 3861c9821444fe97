"""All objects with a prefix, however many pages S3 makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef


def objects_under(s3: S3Client, bucket: str, prefix: str, after: str = "") -> Iterator[ObjectTypeDef]:
    """Yield the objects whose keys begin with a prefix, and come behind `after`, in the order of their keys.

    Whatever S3 refuses is raised as `ClientError`.
    """
    page = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, StartAfter=after)
    yield from page.get("Contents", [])
    # Not boto3's paginator: the functions' own client has none.
    while following := page.get("NextContinuationToken"):
        page = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, ContinuationToken=following)
        yield from page.get("Contents", [])
