"""Everything that a running system has stored, so that tests can look for a text in it."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from embedded_aws.cloud import LocalCloud


def tables(cloud: LocalCloud) -> list[str]:
    return cloud.client("dynamodb").list_tables()["TableNames"]


def stored(cloud: LocalCloud, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield every place with its content as text: items by table and key, and all versions of all objects."""
    dynamodb = cloud.client("dynamodb")
    for table in tables(cloud):
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                key = item.get("entity") or item["transactionId"]
                yield f"{table}/{key['S']}", repr(item)
    yield from _objects(cloud, folder)


def _objects(cloud: LocalCloud, folder: Path) -> Iterator[tuple[str, str]]:
    s3, bucket = cloud.client("s3"), cloud.outputs["bucketName"]
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for each in page.get("Versions", ()):
            answer: Any = s3.get_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
            yield f"{bucket}/{each['Key']}@{each['VersionId']}", _text(answer["Body"].read(), folder)


def _text(content: bytes, folder: Path) -> str:
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if content[:4] == b"PAR1":
        path = folder / "object.parquet"
        # Another test of the same system may have written something behind the end of a file.
        path.write_bytes(content[: content.rindex(b"PAR1") + 4])
        return "\n".join(map(repr, duckdb.sql(f"FROM read_parquet('{path}')").fetchall()))
    return content.decode(errors="replace")


def places(cloud: LocalCloud, folder: Path, *texts: str) -> list[str]:
    """Name the places that hold one of the texts, as a word of its own."""
    wanted = re.compile("|".join(rf"(?<![\w-]){re.escape(text)}(?![\w-])" for text in texts))
    return sorted(place for place, content in stored(cloud, folder) if wanted.search(f"{place}\n{content}"))
