"""Objects of the bucket as they were at a moment: the bucket keeps earlier versions for a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef


@dataclass
class RestoredObjects:
    """What came of it, in keys."""

    deleted: list[str]
    """They had been deleted, and are back."""
    changed: list[str]
    """They had another content; replaced only where that was asked for."""
    unchanged: int = 0
    """They are what they were."""
    later: int = 0
    """They are there, and were not at that moment, or what they were is no longer kept."""


@dataclass(frozen=True)
class _Version:
    key: str
    version: str
    etag: str
    """Empty for a mark that says that the object is deleted."""
    at: datetime
    is_latest: bool
    size: int
    """In bytes; 0 for such a mark."""


def restore_objects(
    client: "S3Client",
    bucket: str,
    prefix: str,
    moment: datetime,
    *,
    overwrite: bool = False,
    dry_run: bool = False,
    on_object: Callable[[int], None] = lambda _: None,
) -> RestoredObjects:
    """Restore what was under a prefix at a moment as the newest version; nothing is deleted.

    Args:
        client: of S3; it needs ListBucketVersions, GetObjectVersion and PutObject.
        bucket: its name; it is versioned.
        prefix: which objects.
        moment: with its time zone.
        overwrite: also bring back what has another content since.
        dry_run: only say what would be done.
        on_object: takes the number of objects looked at so far.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    result = RestoredObjects([], [])
    for number, versions in enumerate(_by_key(client, bucket, prefix), start=1):
        on_object(number)
        # S3 tells times in seconds, and versions apart from deletions: of one second, the latest is the newest one.
        before = (each for each in versions if each.at <= moment)
        then = max(before, key=lambda each: (each.at, each.is_latest), default=None)
        now = next((each for each in versions if each.is_latest), None)
        if then is None or now is None or not then.etag:
            result.later += bool(now and now.etag)
            continue
        if now.etag and _is_alike(client, bucket, then, now):
            result.unchanged += 1
            continue
        (result.changed if now.etag else result.deleted).append(then.key)
        if not dry_run and (overwrite or not now.etag):
            source: CopySourceTypeDef = {"Bucket": bucket, "Key": then.key, "VersionId": then.version}
            client.copy_object(Bucket=bucket, Key=then.key, CopySource=source, MetadataDirective="COPY")
    return result


def _is_alike(client: "S3Client", bucket: str, then: _Version, now: _Version) -> bool:
    """Return whether two versions have the same content, as far as S3 tells without that it is read."""
    if then.etag == now.etag:
        return True
    # Encrypted with a key of KMS, equal contents have other tags, as a restored one has. S3 keeps a checksum beside.
    return then.size == now.size and _checksum(client, bucket, then) == _checksum(client, bucket, now) is not None


def _checksum(client: "S3Client", bucket: str, version: _Version) -> str | None:
    head = client.head_object(Bucket=bucket, Key=version.key, VersionId=version.version, ChecksumMode="ENABLED")
    return head.get("ChecksumSHA256")


def _by_key(client: "S3Client", bucket: str, prefix: str) -> Iterator[list[_Version]]:
    """Yield the versions and deletions of one object after the other; S3 lists them by key."""
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    waiting: dict[str, list[_Version]] = {}
    for page in pages:
        versions = [_version(each, each.get("ETag", ""), each.get("Size", 0)) for each in page.get("Versions", ())]
        versions += [_version(each, "", 0) for each in page.get("DeleteMarkers", ())]
        for each in versions:
            waiting.setdefault(each.key, []).append(each)
        # The page's last key may go on in the next one.
        last = max(waiting, default="")
        for key in sorted(waiting.keys() - {last}):
            yield waiting.pop(key)
    yield from waiting.values()


def _version(listed: object, etag: str, size: int) -> _Version:
    match listed:
        case {"Key": str(key), "VersionId": str(version), "LastModified": datetime() as at, "IsLatest": bool(latest)}:
            return _Version(key, version, etag, at, latest, size)
        case _:
            raise ValueError("S3 listed a version without its key, time or number")
