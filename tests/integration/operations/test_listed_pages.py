"""What AWS lists in its own way is read as it is meant: in pages, and to the second."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from botocore.stub import Stubber

from embedded_aws.ministack.server import MinistackServer
from fraudstream_tools.operations.privacy.erasure.old_versions import OldVersionsKeptError, remove_old_versions
from fraudstream_tools.operations.privacy.erasure.receipt import remainders
from fraudstream_tools.operations.privacy.system import PrivacySystem
from fraudstream_tools.operations.recovery.object_versions import restore_objects

MOMENT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
KEY = "decision-log/x"


def listed(version: str, *, is_latest: bool) -> dict[str, Any]:
    return {"Key": KEY, "VersionId": version, "LastModified": MOMENT, "IsLatest": is_latest}


@pytest.mark.parametrize("is_deleted", [True, False])
def test_an_object_put_and_deleted_in_one_second_stays_as_it_was(aws: MinistackServer, *, is_deleted: bool) -> None:
    s3 = aws.client("s3")
    with Stubber(s3) as stub:
        versions = [listed("1", is_latest=not is_deleted) | {"ETag": "e"}]
        answer = {"Versions": versions, "DeleteMarkers": [listed("2", is_latest=is_deleted)]}
        stub.add_response("list_object_versions", answer)
        found = restore_objects(s3, "bucket", "decision-log/", MOMENT + timedelta(minutes=5))
    assert (found.deleted, found.changed, found.unchanged) == ([], [], 0 if is_deleted else 1)


@pytest.mark.parametrize(("content", "changed"), [(b"as it was", []), (b"is not so", [KEY])])
def test_equal_contents_are_told_under_a_key_of_kms(aws: MinistackServer, content: bytes, changed: list[str]) -> None:
    s3, bucket = aws.client("s3"), f"versions-{len(changed)}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": aws.region})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"as it was", content):
        s3.put_object(Bucket=bucket, Key=KEY, Body=body, ChecksumAlgorithm="SHA256")

    def as_under_kms(parsed: dict[str, Any], **_: object) -> None:
        for each in parsed["Versions"]:
            each["ETag"] = each["VersionId"]
            each["LastModified"] = MOMENT + timedelta(hours=each["IsLatest"])

    s3.meta.events.register("after-call.s3.ListObjectVersions", as_under_kms)
    try:
        found = restore_objects(s3, bucket, "decision-log/", MOMENT)
    finally:
        s3.meta.events.unregister("after-call.s3.ListObjectVersions", as_under_kms)
    assert (found.changed, found.unchanged) == (changed, 0 if changed else 1)


def test_what_s3_could_not_delete_at_once_is_deleted_by_another_request(
    aws: MinistackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 says of single versions that it was too busy, in an answer that botocore takes for a success."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    s3 = aws.client("s3")
    old = [{"Key": KEY, "VersionId": str(number)} for number in range(3)]
    busy = [{**each, "Code": "SlowDown", "Message": "Please reduce your request rate."} for each in old[1:]]
    kept = [{**old[2], "Code": "AccessDenied", "Message": "Access Denied"}]
    with Stubber(s3) as stub:
        for last in ([], kept):
            stub.add_response(
                "list_object_versions", {"Versions": [listed(each["VersionId"], is_latest=False) for each in old]}
            )
            for asked, errors in ((old, busy), (old[1:], last)):
                wanted = {"Bucket": "bucket", "Delete": {"Objects": asked, "Quiet": True}}
                stub.add_response("delete_objects", {"Errors": errors}, wanted)
        assert remove_old_versions(s3, "bucket", "decision-log/") == 3
        with pytest.raises(OldVersionsKeptError, match="1 old versions, such as one for the reason AccessDenied"):
            remove_old_versions(s3, "bucket", "decision-log/")


def test_every_backup_is_named_however_many_there_are(aws: MinistackServer) -> None:
    dynamodb = aws.client("dynamodb")
    arn = "arn:aws:dynamodb:us-east-2:123456789012:table/t/backup/01489602797149-73d8d5bc"
    system = PrivacySystem(
        dynamodb=dynamodb,
        s3=aws.client("s3"),
        log_owner=cast("Any", None),
        transactions="t",
        profiles="t",
        alerts="t",
        bucket="b",
    )
    with Stubber(dynamodb) as stub:
        for table in range(3):
            stub.add_client_error("describe_continuous_backups")
            names = [f"daily-{table}-{number}" for number in range(150)]
            backups = [{"BackupName": name} for name in names]
            stub.add_response("list_backups", {"BackupSummaries": backups[:100], "LastEvaluatedBackupArn": arn})
            stub.add_response("list_backups", {"BackupSummaries": backups[100:]})
        named = [each for each in remainders(system, MOMENT) if each.what.startswith("backup ")]
    assert len(named) == 450
