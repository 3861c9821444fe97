"""What profiles learn, gathered by entity in files, so that a table larger than memory can be gone through."""

import shutil
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Self

import msgspec

from fraudstream.transactions.transaction import Transaction

_LENGTH_BYTES: Final = 4


class EntityRow(msgspec.Struct, frozen=True, array_like=True):
    """A decided transaction of one entity."""

    key: str
    """Key of the entity's profile."""
    transaction: Transaction
    fraud_known_at: int | None
    """Epoch milliseconds of the label that profiles have learnt, if it says fraud."""


class EntityRows:
    """Rows in a folder that only its owner may read, those of an entity together in one partition.

    It is a context manager: at the end of the block the rows are gone, however it ends.
    """

    def __init__(self, folder: Path, partitions: int) -> None:
        """Begin with no rows; what an earlier run left in the folder is removed.

        Args:
            folder: is created if it is not there.
            partitions: how many files each segment's rows are spread over; one is read into memory at a time.
        """
        self._folder = folder
        self.partitions = partitions
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)

    def __enter__(self) -> Self:
        """Return the rows, which the block's end removes."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the rows: they are whole transactions, which nobody asked to have on this machine."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def partition_of(self, key: str) -> int:
        """Return which partition an entity's rows are in."""
        return zlib.crc32(key.encode()) % self.partitions

    def add(self, segment: int, rows: Iterable[EntityRow]) -> None:
        """Append rows; a segment is given to in one thread at a time."""
        encoded: dict[int, bytearray] = {}
        for row in rows:
            content = msgspec.msgpack.encode(row)
            part = encoded.setdefault(self.partition_of(row.key), bytearray())
            part += len(content).to_bytes(_LENGTH_BYTES, "big") + content
        for partition, content in encoded.items():
            with self._file(partition, segment).open("ab") as file:
                file.write(content)

    def read(self, partition: int, segments: int) -> Iterator[EntityRow]:
        """Return the rows of a partition, in no particular order."""
        for segment in range(segments):
            file = self._file(partition, segment)
            content = file.read_bytes() if file.exists() else b""
            position = 0
            while position < len(content):
                begin = position + _LENGTH_BYTES
                position = begin + int.from_bytes(content[position:begin], "big")
                yield msgspec.msgpack.decode(content[begin:position], type=EntityRow)

    def _file(self, partition: int, segment: int) -> Path:
        return self._folder / f"{partition:04}-{segment}.rows"
