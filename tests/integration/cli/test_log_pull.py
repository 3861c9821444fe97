"""`fraudstream log pull` on a real bucket: whole copies, brought up to date, and broken off."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.reporting.log.changes.edits import LogEdit
from fraudstream.reporting.log.changes.rewriting import LogRewriter
from fraudstream.reporting.log.reader.decision_log import open_log
from fraudstream.reporting.log.reader.files import find_log_files
from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.storage.object_store import FolderStore
from fraudstream_tools.analytics import log_copy
from tests.cli_harness import Command, point_at
from tests.unit.reporting.decision_log_harness import HOUR, PREFIX, Stream, put, reporter, transaction

BUCKET = "bucket-log-pull"


class Bucket:
    """A bucket with a log, some of it merged."""

    def __init__(self, s3: Any, folder: Path) -> None:
        self.s3, self.store = s3, FolderStore(folder)
        self.stream = Stream()

    def log(self, *numbers: int) -> None:
        first = len(self.stream.records)
        for number in numbers:
            self.stream.store_and_decide(transaction(number, at=1_795_338_000_000 + number * HOUR))
        put(cut(self.stream.records[first:], PREFIX).segments, self.store.root)
        self.upload()

    def merge(self) -> None:
        reporter(self.store.root).roll_up()
        self.upload()

    def take_out(self, *ids: str) -> None:
        """Change the log as an erasure does."""
        rewriter = LogRewriter(store=self.store, log_prefix=PREFIX, now=datetime(2026, 11, 24, 12, tzinfo=UTC))
        days, before = rewriter.days(), set(self.store.find(PREFIX))
        for hour in rewriter.hours(days):
            rewriter.rewrite(hour, set(days), lambda _: LogEdit(gone=set(ids)))
        for key in before - self.store.find(PREFIX).keys():
            self.s3.delete_object(Bucket=BUCKET, Key=key)
        self.upload()

    def upload(self) -> None:
        for key in self.store.find(PREFIX):
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=self.store.read(key))


@pytest.fixture
def bucket(aws: MinistackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    point_at(aws.endpoint_url, monkeypatch, bucketName=BUCKET)
    monkeypatch.chdir(tmp_path)
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})
    return Bucket(s3, tmp_path / "source")


@pytest.fixture
def fraudstream(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def copied(fraudstream: Command, *options: object) -> int:
    ran = fraudstream("log", "pull", *options, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)["copied"]


def test_a_copy_is_the_log_and_only_what_is_new_is_copied_again(
    fraudstream: Command, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.log(1, 2)
    assert copied(fraudstream) == 2
    assert copied(fraudstream) == 0
    bucket.merge()
    merged = copied(fraudstream)
    assert merged > 2
    bucket.log(3)
    assert copied(fraudstream) == 1
    bucket.merge()
    assert 0 < copied(fraudstream) < merged
    with open_log(tmp_path / "decision-log") as log:
        assert [each.transaction.transaction_id for each in log.decisions()] == ["t-1", "t-2", "t-3"]
        assert not log.damaged
    for key in bucket.store.find(PREFIX):
        assert (tmp_path / key).read_bytes() == bucket.store.read(key)


def test_a_copy_that_was_broken_off_goes_on(
    fraudstream: Command, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.log(*range(20))
    bucket.merge()
    fetch = log_copy.LogCopy._fetch

    def until_the_disk_is_full(self: log_copy.LogCopy, wanted: log_copy.RemoteObject) -> log_copy.RemoteObject:
        if "T12" in wanted.key:
            raise OSError(28, "No space left on device", wanted.key)
        return fetch(self, wanted)

    monkeypatch.setattr(log_copy.LogCopy, "_fetch", until_the_disk_is_full)
    broken = fraudstream("log", "pull", "log")
    assert broken.code == 1
    assert "No space left on device. What was copied stays" in broken.err
    said = "a copy of the log was broken off here, and something may be missing: `fraudstream log pull log` goes on"
    question = "SELECT count(*) FROM decisions"
    for command in (("ask", question), ("report", "--date", "2026-11-23")):
        assert said in fraudstream(*command, "--log", "log").err.replace("\n", " ")
    assert find_log_files(Path("log/decisions")).damaged[Path("log")] == said
    monkeypatch.setattr(log_copy.LogCopy, "_fetch", fetch)
    there = sum(path.is_file() for path in (tmp_path / "log").rglob("[!.]*"))
    assert there > 0
    assert copied(fraudstream, "log") == len(bucket.store.find(PREFIX)) - there
    with open_log(tmp_path / "log") as log:
        assert log.decisions_count == 20
        assert not log.damaged
    assert not fraudstream("ask", question, "--log", "log").err


def test_who_was_erased_since_is_taken_out_of_the_copy(fraudstream: Command, bucket: Bucket, tmp_path: Path) -> None:
    bucket.log(1, 2)
    bucket.log(15)
    bucket.merge()
    assert copied(fraudstream) > 0
    bucket.take_out("t-1", "t-15")
    ran = fraudstream("log", "pull")
    assert "what was in them was erased" in ran.out
    with open_log(tmp_path / "decision-log") as log:
        assert [each.transaction.transaction_id for each in log.decisions()] == ["t-2"]
    there = {path.relative_to(tmp_path).as_posix() for path in (tmp_path / "decision-log").rglob("[!.]*.*")}
    assert there == bucket.store.find(PREFIX).keys()
    assert "removed" not in fraudstream("log", "pull").out


def test_what_the_bucket_lacks_for_another_reason_stays_in_the_copy(
    fraudstream: Command, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.log(1, 15)
    bucket.merge()
    assert copied(fraudstream) > 0
    there = {path: path.read_bytes() for path in (tmp_path / "decision-log").rglob("[!.]*.*")}
    for key in bucket.store.find(PREFIX):
        if "/hours/" not in key:
            bucket.s3.delete_object(Bucket=BUCKET, Key=key)
    assert copied(fraudstream) == 0
    assert {path: path.read_bytes() for path in (tmp_path / "decision-log").rglob("[!.]*.*")} == there


def test_what_was_cut_off_or_is_another_one_is_copied_again(
    fraudstream: Command, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.log(1, 2, 3)
    assert copied(fraudstream, "log") == 3
    (first, second, _) = sorted((tmp_path / "log").rglob("*.gz"))
    first.write_bytes(first.read_bytes()[:-1])
    second.unlink()
    assert copied(fraudstream, "log") == 2


def test_a_copy_made_by_other_means_is_known_by_its_content(
    fraudstream: Command, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.log(1, 2)
    assert copied(fraudstream, "log") == 2
    (tmp_path / "log" / log_copy.NOTES).unlink()
    (first, _) = sorted((tmp_path / "log").rglob("*.gz"))
    body = first.read_bytes()
    first.write_bytes(bytes([body[0] ^ 1]) + body[1:])
    assert copied(fraudstream, "log") == 1


def test_days_can_be_chosen(fraudstream: Command, bucket: Bucket) -> None:
    bucket.log(1, 30, 55)
    assert copied(fraudstream, "log", "--since", "2026-11-23", "--until", "2026-11-23") == 1
    assert "--since is after" in fraudstream("log", "pull", "--since", "2026-11-23", "--until", "2026-11-22").err


def test_keys_that_lead_out_of_the_folder_are_left_alone(fraudstream: Command, bucket: Bucket, tmp_path: Path) -> None:
    bucket.s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}segments/../../../evil.jsonl.gz", Body=b"x")
    assert copied(fraudstream, "log") == 0
    assert not list(tmp_path.rglob("evil*"))


def test_a_bucket_that_cannot_be_read_is_an_error(fraudstream: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at("http://127.0.0.1:9", monkeypatch, bucketName=BUCKET)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    ran = fraudstream("log", "pull", "log")
    assert ran.code == 1
    assert f"the bucket {BUCKET} cannot be read" in ran.err
