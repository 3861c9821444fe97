"""Old versions of objects, removed for good before their time."""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

_AT_ONCE: Final = 1000
"""S3's limit for DeleteObjects."""


class OldVersionsKeptError(RuntimeError):
    """S3 does not let old versions go; the message says why."""


def remove_old_versions(client: "S3Client", bucket: str, prefix: str) -> int:
    """Remove what the objects under a prefix were before, and whatever is left of deleted ones; return how many.

    Raises:
        OldVersionsKeptError: S3 keeps some of them, such as those under a legal hold of Object Lock.
        ClientError: AWS refused to list them.
        BotoCoreError: AWS cannot be reached.
    """
    # Marks of deletion last: before that, what they hide would be there again.
    versions = _remove(client, bucket, _listed(client, bucket, prefix, "Versions"))
    return versions + _remove(client, bucket, _listed(client, bucket, prefix, "DeleteMarkers"))


def _listed(client: "S3Client", bucket: str, prefix: str, kind: str) -> list[dict[str, str]]:
    pages: Iterator[Any] = iter(client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix))
    return [
        {"Key": each["Key"], "VersionId": each["VersionId"]}
        for page in pages
        for each in page.get(kind, ())
        if kind == "DeleteMarkers" or not each["IsLatest"]
    ]


def _remove(client: "S3Client", bucket: str, versions: list[dict[str, str]]) -> int:
    for start in range(0, len(versions), _AT_ONCE):
        part: Any = versions[start : start + _AT_ONCE]
        answer: Any = client.delete_objects(Bucket=bucket, Delete={"Objects": part, "Quiet": True})
        if errors := answer.get("Errors"):
            reason = errors[0]["Code"]
            raise OldVersionsKeptError(f"S3 keeps {len(errors)} old versions, such as one for the reason {reason}")
    return len(versions)
