"""What a query reads at most of the decision log: known from the footers of its files before it runs."""

import io
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyarrow import parquet

from fraudstream.reporting.log.keys import LogTable, received_day, table_prefix
from fraudstream_tools.analytics.answers import QuestionError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Neither has complete types.
_ARROW: Final[Any] = pa
_PARQUET: Final[Any] = parquet
_TAIL: Final = 1 << 16
"""Bytes of a file's end that are fetched first: the footer is there, and mostly whole."""
_AT_ONCE: Final = 16


@dataclass(frozen=True, kw_only=True)
class LogFile:
    """A Parquet file of the log in a bucket."""

    table: LogTable
    key: str
    size: int


class _RangedFile(io.RawIOBase):
    """A bucket's object as a file of which only what is asked for is fetched."""

    def __init__(self, client: "S3Client", bucket: str, file: LogFile) -> None:
        self._client, self._bucket, self._file = client, bucket, file
        self._place = 0
        self._tail_start = max(file.size - _TAIL, 0)
        self._tail = self._fetch(self._tail_start, file.size)

    def _fetch(self, start: int, end: int) -> bytes:
        answer = self._client.get_object(Bucket=self._bucket, Key=self._file.key, Range=f"bytes={start}-{end - 1}")
        return answer["Body"].read()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._file.size}[whence]
        self._place = start + offset
        return self._place

    def read(self, size: int = -1) -> bytes:
        end = self._file.size if size < 0 else min(self._place + size, self._file.size)
        if self._place >= end:
            return b""
        if self._place >= self._tail_start:
            found = self._tail[self._place - self._tail_start : end - self._tail_start]
        else:
            found = self._fetch(self._place, end)
        self._place = end
        return found


@dataclass(frozen=True, kw_only=True)
class BucketLog:
    """The merged files of a log in a bucket."""

    client: Any
    """boto3's client of S3."""
    bucket: str
    prefix: str
    """The log's."""

    def files(self, tables: Iterable[LogTable], days: tuple[date, date]) -> list[LogFile]:
        """Return the files about transactions received on some days.

        Args:
            tables: which ones.
            days: the first and the last one.
        """
        first, last = days
        found: list[LogFile] = []
        for table in tables:
            start = table_prefix(self.prefix, table, first)
            folder = start.removesuffix(f"date={first}/")
            paginator = self.client.get_paginator("list_objects_v2")
            pages = paginator.paginate(Bucket=self.bucket, Prefix=folder, StartAfter=start)
            for each in (each for page in pages for each in page.get("Contents", ())):
                if received_day(each["Key"]) > last:
                    break
                found.append(LogFile(table=table, key=each["Key"], size=each["Size"]))
        return found

    def most_scanned(self, files: Sequence[LogFile], sql: str) -> int:
        """Return the bytes that a query reads at most, if it reads each of its tables once.

        Of a file only the data of columns is left out whose names are not in the query.

        Args:
            files: those of the days and tables that the query chooses.
            sql: the query; every column that it needs is named in it.

        Raises:
            QuestionError: a file is no Parquet.
        """
        named = {word.lower() for word in re.findall(r"\w+", sql)}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return sum(pool.map(self._most_scanned, files, repeat(named)))

    def _most_scanned(self, file: LogFile, named: set[str]) -> int:
        try:
            footer = _PARQUET.read_metadata(_ARROW.PythonFile(_RangedFile(self.client, self.bucket, file), mode="r"))
        except _ARROW.ArrowInvalid:
            raise QuestionError(
                f"s3://{self.bucket}/{file.key}: it is no Parquet file: its hour has to be merged again"
            ) from None
        unread = 0
        for group in map(footer.row_group, range(footer.num_row_groups)):
            for chunk in map(group.column, range(group.num_columns)):
                if chunk.path_in_schema.partition(".")[0].lower() not in named:
                    unread += chunk.total_compressed_size
        return file.size - unread
