"""Old versions of objects, removed for good before their time."""

import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_s3 import S3Client

_AT_ONCE: Final = 1000
"""S3's limit for DeleteObjects."""
_PASSING: Final = frozenset({"InternalError", "ServiceUnavailable", "SlowDown"})
"""What S3 says of single objects in an answer that is none of an error, and that botocore therefore does not repeat."""
_PAUSES: Final = (0.5, 1.0, 2.0, 4.0)


class OldVersionsKeptError(RuntimeError):
    """S3 does not let old versions go; the message says why."""


def remove_old_versions(client: "S3Client", bucket: str, prefix: str, *, only_of_gone: bool = False) -> int:
    """Remove what the objects under a prefix were before, and whatever is left of deleted ones; return how many.

    Args:
        client: of S3.
        bucket: of the objects.
        prefix: of their keys.
        only_of_gone: leave alone what has a current version.

    Raises:
        OldVersionsKeptError: S3 keeps some of them, such as those under a legal hold of Object Lock.
        ClientError: AWS refused to list them.
        BotoCoreError: AWS cannot be reached.
    """
    versions: list[dict[str, str]] = []
    marks: list[dict[str, str]] = []
    current: set[str] = set()
    pages: Iterator[Any] = iter(client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix))
    for page in pages:
        listed = page.get("Versions", ())
        current |= {each["Key"] for each in listed if each["IsLatest"]}
        versions += [_named(each) for each in listed if not each["IsLatest"]]
        marks += [_named(each) for each in page.get("DeleteMarkers", ())]
    kept = current if only_of_gone else frozenset[str]()
    # Marks of deletion last: before that, what they hide would be there again.
    removed = _remove(client, bucket, [each for each in versions if each["Key"] not in kept])
    return removed + _remove(client, bucket, [each for each in marks if each["Key"] not in kept])


def _named(listed: "Mapping[str, str]") -> dict[str, str]:
    return {"Key": listed["Key"], "VersionId": listed["VersionId"]}


def _remove(client: "S3Client", bucket: str, versions: list[dict[str, str]]) -> int:
    for start in range(0, len(versions), _AT_ONCE):
        kept = _delete(client, bucket, versions[start : start + _AT_ONCE])
        for pause in _PAUSES:
            if not kept or any(each["Code"] not in _PASSING for each in kept):
                break
            time.sleep(pause)
            kept = _delete(client, bucket, [_named(each) for each in kept])
        if kept:
            raise OldVersionsKeptError(
                f"S3 keeps {len(kept)} old versions, such as one for the reason {kept[0]['Code']}"
            )
    return len(versions)


def _delete(client: "S3Client", bucket: str, versions: "Sequence[Any]") -> "Sequence[Any]":
    """Delete versions, at most `_AT_ONCE`, and return those that S3 keeps, with the reason of each."""
    return client.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True}).get("Errors", ())
