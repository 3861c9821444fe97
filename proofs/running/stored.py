"""Everything that a running system has stored, said and sent, as text that can be searched."""

import gzip
import tempfile
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import duckdb

from embedded_aws.cloud import LocalCloud
from proofs.running.deployed import NOTIFICATIONS, RunningSystem

_MESSAGES_AT_ONCE: Final = 10
_EMULATOR: Final = ("aws", "packages", "runtime", "home")
"""Folders of what plays AWS: its own storage is read by its services, and packages are code."""


class Place(NamedTuple):
    """Somewhere that something is kept."""

    kind: str
    """Such as `table`."""
    name: str
    content: str


def stored(cloud: LocalCloud) -> Iterator[Place]:
    """Yield every item of every table, by table and key, and all versions of all objects of all buckets."""
    yield from _items(cloud)
    yield from _objects(cloud)


def sent(system: RunningSystem) -> Iterator[Place]:
    """Yield the records of all streams, the messages of all queues, what the webhook got, and all files."""
    yield from _records(system.cloud)
    yield from _messages(system.cloud)
    for number, (body, headers) in enumerate(zip(system.webhook.got, system.webhook.headers, strict=True)):
        yield Place("webhook", f"call {number}", f"{headers}\n{body}")
    for path in sorted(system.state.rglob("*")):
        inside = path.relative_to(system.state)
        if path.is_file() and inside.parts[0] not in _EMULATOR:
            kind = {"functions": "log", "gateway": "access log"}.get(inside.parts[0], "file")
            yield Place(kind, inside.as_posix(), f"{path.name}\n{path.read_text(errors='replace')}")


def _items(cloud: LocalCloud) -> Iterator[Place]:
    dynamodb = cloud.client("dynamodb")
    for table in dynamodb.list_tables()["TableNames"]:
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                key = item.get("entity") or item["transactionId"]
                yield Place("table", f"{table}/{key['S']}", repr(item))


def _objects(cloud: LocalCloud) -> Iterator[Place]:
    s3 = cloud.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            for each in page.get("Versions", ()):
                answer: Any = s3.get_object(Bucket=name, Key=each["Key"], VersionId=each["VersionId"])
                content = readable(answer["Body"].read())
                yield Place("object", f"{name}/{each['Key']}@{each['VersionId']}", f"{answer['Metadata']}\n{content}")


def readable(content: bytes) -> str:
    """Return an object's content as text: unpacked, and the rows of a table file one by one."""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if content[:4] != b"PAR1":
        return content.decode(errors="replace")
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        # Somebody may have written something behind the end of the file.
        file.write(content[: content.rindex(b"PAR1") + 4])
        file.flush()
        return "\n".join(map(repr, duckdb.sql(f"FROM read_parquet('{file.name}')").fetchall()))


def _records(cloud: LocalCloud) -> Iterator[Place]:
    streams = cloud.client("dynamodbstreams")
    for stream in streams.list_streams()["Streams"]:
        arn = stream["StreamArn"]
        for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            iterator = streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while iterator:
                page = streams.get_records(ShardIterator=iterator)
                for record in page["Records"]:
                    yield Place("stream", f"{stream['TableName']}/{record['eventID']}", repr(record))
                iterator = page.get("NextShardIterator") if page["Records"] else None


def _messages(cloud: LocalCloud) -> Iterator[Place]:
    sqs = cloud.client("sqs")
    for url in sqs.list_queues().get("QueueUrls", ()):
        seen: set[str] = set()
        while True:
            answer = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=_MESSAGES_AT_ONCE,
                VisibilityTimeout=_VISIBLE_AGAIN_SECONDS,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            new = [each for each in answer.get("Messages", ()) if each["MessageId"] not in seen]
            if not new:
                break
            seen |= {each["MessageId"] for each in new}
            for each in new:
                kind = "notification" if url.endswith(NOTIFICATIONS) else "queue"
                yield Place(kind, f"{url.rpartition('/')[2]}/{each['MessageId']}", repr(each))


_VISIBLE_AGAIN_SECONDS: Final = 5
