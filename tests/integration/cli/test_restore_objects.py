"""`fraudstream restore objects` on a real bucket, for a moment of which it has nothing."""

from pathlib import Path

import pytest

from embedded_aws.ministack.server import MinistackServer
from tests.cli_harness import Command, point_at

BUCKET = "bucket-restore-objects"


@pytest.fixture
def fraudstream(
    capsys: pytest.CaptureFixture[str], aws: MinistackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    point_at(aws.endpoint_url, monkeypatch, bucketName=BUCKET)
    monkeypatch.chdir(tmp_path)
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=BUCKET, Key="reports/a", Body=b"a")
    return Command(capsys)


@pytest.mark.parametrize(
    ("prefix", "said"),
    [
        ("reports/", "the bucket knows 1 object that begins with reports/, and nothing of that moment"),
        ("report-of/", "nothing in the bucket begins with report-of/, and nothing did at that moment"),
    ],
)
def test_a_wrong_moment_is_told_from_a_wrong_prefix(fraudstream: Command, prefix: str, said: str) -> None:
    ran = fraudstream("restore", "objects", prefix, "--at", "2026-01-05T00:00:00Z")
    assert ran.code == 1
    assert said in ran.err
