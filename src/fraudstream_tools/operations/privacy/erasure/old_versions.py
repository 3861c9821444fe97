"""Old versions of objects, removed for good before their time."""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_s3 import S3Client

_AT_ONCE: Final = 1000
"""S3's limit for DeleteObjects."""


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
        part: Any = versions[start : start + _AT_ONCE]
        answer: Any = client.delete_objects(Bucket=bucket, Delete={"Objects": part, "Quiet": True})
        if errors := answer.get("Errors"):
            reason = errors[0]["Code"]
            raise OldVersionsKeptError(f"S3 keeps {len(errors)} old versions, such as one for the reason {reason}")
    return len(versions)
