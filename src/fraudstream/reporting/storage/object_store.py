"""Where the decision log and the reports are stored: a bucket, or a folder that holds what a bucket would."""

import base64
import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from botocore.exceptions import ClientError

from fraudstream.aws.bounded_reads import read_beginning
from fraudstream.aws.errors import error_code, http_status
from fraudstream.aws.listing import objects_under

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONTENT_TYPES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "gz": "application/x-ndjson",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "yaml": "application/yaml",
}
"""By the end of a key."""


class Store(Protocol):
    """Objects by their keys, as S3 has them."""

    def find(self, prefix: str, after: str = "") -> Mapping[str, str]:
        """Return the keys that begin with a prefix, and come behind `after`, in order, each with a mark of its content.

        The mark changes whenever the object is written with other content.
        """
        ...

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly under a prefix that ends with a slash, in order."""
        ...

    def loose(self, prefix: str) -> list[str]:
        """Return the keys directly under a prefix that ends with a slash, in no folder, in order."""
        ...

    def read(self, key: str) -> bytes | None:
        """Return an object, or None if there is none."""
        ...

    def fetch(self, key: str, path: Path) -> None:
        """Download an object to a file."""
        ...

    def digest(self, key: str) -> str | None:
        """Return the SHA-256 of an object in hexadecimal digits, or None if there is none."""
        ...

    def write(self, key: str, content: bytes | Path) -> None:
        """Write an object; readers see the old one or the whole new one."""
        ...

    def delete(self, key: str) -> None:
        """Delete an object, if there is one."""
        ...


@dataclass(frozen=True)
class BucketStore:
    """A bucket. Whatever S3 refuses is raised as `botocore.exceptions.ClientError`."""

    client: "S3Client"
    bucket: str

    def find(self, prefix: str, after: str = "") -> Mapping[str, str]:
        """See `Store`."""
        entries = objects_under(self.client, self.bucket, prefix, after)
        return {entry.get("Key", ""): entry.get("ETag", "") for entry in entries}

    def folders(self, prefix: str) -> list[str]:
        """See `Store`."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/")
        names = (entry.get("Prefix", "") for page in pages for entry in page.get("CommonPrefixes", []))
        return [folder.removeprefix(prefix).rstrip("/") for folder in names]

    def loose(self, prefix: str) -> list[str]:
        """See `Store`."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/")
        return [entry.get("Key", "") for page in pages for entry in page.get("Contents", [])]

    def read(self, key: str) -> bytes | None:
        """See `Store`."""
        try:
            return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error_code(error) != "NoSuchKey":
                raise
            return None

    def read_at_most(self, key: str, most: int) -> bytes | None:
        """Return an object; None if there is none, or if it has more bytes, however many."""
        try:
            content = read_beginning(self.client, self.bucket, key, most).content
        except ClientError as error:
            if error_code(error) != "NoSuchKey":
                raise
            return None
        return content if len(content) <= most else None

    def pieces(self, key: str, size: int) -> Iterator[bytes]:
        """Yield an object in pieces of some bytes, however large it is; nothing if there is none."""
        try:
            body = self.client.get_object(Bucket=self.bucket, Key=key)["Body"]
        except ClientError as error:
            if error_code(error) != "NoSuchKey":
                raise
            return
        yield from body.iter_chunks(size)

    def fetch(self, key: str, path: Path) -> None:
        """See `Store`."""
        body = self.client.get_object(Bucket=self.bucket, Key=key)["Body"]
        with path.open("wb") as file:
            shutil.copyfileobj(body, file, 1 << 20)

    def digest(self, key: str) -> str | None:
        """See `Store`; S3 keeps the checksum of what it took, so that the object need not be read."""
        try:
            head = self.client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if http_status(error) == HTTPStatus.NOT_FOUND:
                return None
            raise
        # Of an object in parts it is another figure, with a dash.
        checksum = head.get("ChecksumSHA256", "-")
        if "-" not in checksum:
            return base64.b64decode(checksum).hex()
        content = self.read(key)
        return None if content is None else hashlib.sha256(content).hexdigest()

    def write(self, key: str, content: bytes | Path) -> None:
        """See `Store`."""
        kind = CONTENT_TYPES[key.rpartition(".")[2]]
        if isinstance(content, bytes):
            self._put(key, content, kind)
            return
        with content.open("rb") as file:
            self._put(key, file, kind)

    def _put(self, key: str, body: "bytes | IO[bytes]", kind: str) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=kind, ChecksumAlgorithm="SHA256")

    def delete(self, key: str) -> None:
        """See `Store`."""
        self.client.delete_object(Bucket=self.bucket, Key=key)


@dataclass(frozen=True)
class FolderStore:
    """A folder, such as one that `aws s3 sync` has brought a bucket's objects to."""

    root: Path

    def find(self, prefix: str, after: str = "") -> Mapping[str, str]:
        """See `Store`."""
        start = self.root / prefix.rpartition("/")[0]
        files = ((path.relative_to(self.root).as_posix(), path) for path in start.rglob("[!.]*") if path.is_file())
        files_by_key = sorted((key, path) for key, path in files if key.startswith(prefix) and key > after)
        return {key: _mark(path) for key, path in files_by_key}

    def folders(self, prefix: str) -> list[str]:
        """See `Store`."""
        start = self.root / prefix
        return sorted(path.name for path in start.iterdir() if path.is_dir()) if start.is_dir() else []

    def loose(self, prefix: str) -> list[str]:
        """See `Store`."""
        start = self.root / prefix
        return sorted(f"{prefix}{path.name}" for path in start.glob("[!.]*") if path.is_file())

    def read(self, key: str) -> bytes | None:
        """See `Store`."""
        path = self.root / key
        return path.read_bytes() if path.is_file() else None

    def fetch(self, key: str, path: Path) -> None:
        """See `Store`."""
        path.symlink_to((self.root / key).resolve())

    def digest(self, key: str) -> str | None:
        """See `Store`."""
        path = self.root / key
        return digest(path) if path.is_file() else None

    def write(self, key: str, content: bytes | Path) -> None:
        """See `Store`."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        # In place at once, or not at all.
        new = path.with_name(f".{path.name}.new")
        try:
            if isinstance(content, bytes):
                new.write_bytes(content)
            else:
                shutil.copyfile(content, new)
            new.replace(path)
        finally:
            # On a full disk, what was begun keeps no room from whatever is tried next.
            new.unlink(missing_ok=True)

    def delete(self, key: str) -> None:
        """See `Store`."""
        (self.root / key).unlink(missing_ok=True)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mark(path: Path) -> str:
    known = path.stat()
    return f"{known.st_size}-{known.st_mtime_ns}"
