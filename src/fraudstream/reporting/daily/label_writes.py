"""Labels that were written on a day, beside the records of who wrote labels.

A label is an attribute of a transaction: whoever may write it can do so without a command, and leaves no record. The
log tells of every label.
"""

import tempfile
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

from fraudstream.reporting.daily.schema.people import LabelWrites, UnrecordedLabel
from fraudstream.reporting.log.hour_notes import read_note
from fraudstream.reporting.log.keys import LogTable, hours_prefix
from fraudstream.reporting.storage.download import DOWNLOADS
from fraudstream.reporting.storage.duckdb_engine import connect, listed
from fraudstream.reporting.storage.object_store import BucketStore

EXAMPLES: Final = 20
"""Own choice: enough to begin with; the log has the others."""
_WRITTEN: Final = """
    SELECT transactionId, coalesce(labelSource, ''), min(loggedAt) FROM read_parquet({files}, union_by_name = true)
    GROUP BY transactionId, labelSource, labeledAt, label ORDER BY 3, 1
"""


@dataclass(frozen=True, kw_only=True)
class ToldLabels:
    """What records say of labels."""

    transactions: Collection[str]
    """Ids of those that were labelled one by one."""
    sources: Collection[str]
    """Of files that were given."""

    def tells_of(self, transaction_id: str, source: str) -> bool:
        """Return whether a record tells of a label."""
        return transaction_id in self.transactions or source in self.sources


def label_writes(store: BucketStore, log_prefix: str, day: date, told: Callable[[], ToldLabels]) -> LabelWrites:
    """Return the labels of which the log was told on a UTC day, as far as its hours are merged.

    Args:
        store: the bucket of the log.
        log_prefix: of the log's keys.
        day: the day.
        told: returns what records say; is called if there is a label.

    Raises:
        botocore.exceptions.ClientError: the log may not be read.
        msgspec.MsgspecError: the note on an hour is damaged.
    """
    keys = sorted(
        key
        for note in store.find(f"{hours_prefix(log_prefix)}date={day}/")
        for key in _files(store.read(note))
        if key.startswith(f"{log_prefix}{LogTable.LABELS}/")
    )
    rows = _rows(store, keys)
    if not rows:
        return LabelWrites(written=0, unrecorded=0)
    known = told()
    missing = [row for row in rows if not known.tells_of(row[0], row[1])]
    return LabelWrites(
        written=len(rows),
        unrecorded=len(missing),
        examples=tuple(
            UnrecordedLabel(transaction_id=name, source=source, at=at) for name, source, at in missing[:EXAMPLES]
        ),
    )


def _files(content: bytes | None) -> Mapping[str, str]:
    note = read_note(content)
    return note.files if note else {}


def _rows(store: BucketStore, keys: list[str]) -> list[tuple[str, str, int]]:
    if not keys:
        return []
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(DOWNLOADS) as pool:
        folder = Path(name)
        paths = [path for path in pool.map(partial(_fetch, store, folder), keys) if path]
        if not paths:
            return []
        with connect(folder) as connection:
            return connection.execute(_WRITTEN.format(files=listed(paths))).fetchall()


def _fetch(store: BucketStore, folder: Path, key: str) -> Path | None:
    path, content = folder / key.replace("/", "_"), store.read(key)
    if content is None:
        return None
    path.write_bytes(content)
    return path
