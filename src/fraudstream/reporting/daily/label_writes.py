"""Labels that were written on a day, beside the records of who wrote labels.

A label is an attribute of a transaction: whoever may write it can do so without a command, and leaves no record. The
log tells of every label.
"""

import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from fraudstream.reporting.daily.schema.people import LabelWrites, UnrecordedLabel
from fraudstream.reporting.log.hours.notes import sound_note
from fraudstream.reporting.log.keys import LogTable, hour_of, hours_prefix, notes_among, table_prefix
from fraudstream.reporting.storage.download import DOWNLOADS
from fraudstream.reporting.storage.duckdb_engine import connect, listed
from fraudstream.reporting.storage.object_store import Store

EXAMPLES: Final = 20
"""Own choice: enough to begin with; the log has the others."""
_WRITTEN: Final = """
    SELECT transactionId, coalesce(labelSource, '') AS source, label, labeledAt, min(loggedAt), min(receivedAt)
    FROM read_parquet({files}, union_by_name = true) GROUP BY ALL ORDER BY 5, 1
"""


class _Label(NamedTuple):
    transaction_id: str
    source: str
    label: str
    labeled_at: int


class _Logged(NamedTuple):
    label: _Label
    at: int
    """When the log was told, epoch milliseconds."""
    received_at: int
    """When the transaction was received, epoch milliseconds."""


@dataclass(frozen=True, kw_only=True)
class ToldLabels:
    """What records say of labels."""

    transactions: Collection[str]
    """Ids of those that were labelled one by one."""
    sources: Collection[str]
    """Sources that files of labels gave."""

    def tells_of(self, transaction_id: str, source: str) -> bool:
        """Return whether a record tells of a label."""
        return transaction_id in self.transactions or source in self.sources


def label_writes(store: Store, log_prefix: str, day: date, recorded: Callable[[], ToldLabels]) -> LabelWrites:
    """Return the labels of which the log was told on a UTC day, as far as its hours are merged.

    Args:
        store: the bucket of the log.
        log_prefix: of the log's keys.
        day: the day.
        recorded: returns what records say; is called if there is a label.

    Raises:
        botocore.exceptions.ClientError: the log may not be read.
    """
    keys = sorted(
        key
        for note in notes_among(store.find(f"{hours_prefix(log_prefix)}date={day}/")).values()
        for key in _files(store.read(note))
        if key.startswith(f"{log_prefix}{LogTable.LABELS}/")
    )
    logged = _logged(store, keys)
    if not logged:
        return LabelWrites(written=0, unrecorded=0)
    records = recorded()
    missing = [each for each in logged if not records.tells_of(each.label.transaction_id, each.label.source)]
    before = _logged_before(store, log_prefix, day, missing)
    unrecorded = [each for each in missing if each.label not in before]
    return LabelWrites(
        written=len(logged) - len(missing) + len(unrecorded),
        unrecorded=len(unrecorded),
        examples=tuple(
            UnrecordedLabel(transaction_id=each.label.transaction_id, source=each.label.source, at=each.at)
            for each in unrecorded[:EXAMPLES]
        ),
    )


def _logged_before(store: Store, log_prefix: str, day: date, some: Iterable[_Logged]) -> set[_Label]:
    """Return the labels of which the log was told before a day: it tells of one again when it is learnt or acted on."""
    received = {datetime.fromtimestamp(each.received_at / 1000, UTC).date() for each in some}
    keys = [key for each in received for key in store.find(table_prefix(log_prefix, LogTable.LABELS, each))]
    return {each.label for each in _logged(store, [key for key in keys if hour_of(key) < day.isoformat()])}


def _files(content: bytes | None) -> Mapping[str, str]:
    note = sound_note(content)
    return note.files if note else {}


def _logged(store: Store, keys: list[str]) -> list[_Logged]:
    if not keys:
        return []
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(DOWNLOADS) as pool:
        folder = Path(name)
        paths = [path for path in pool.map(partial(_fetch, store, folder), keys) if path]
        if not paths:
            return []
        with connect(folder) as connection:
            rows = connection.execute(_WRITTEN.format(files=listed(paths))).fetchall()
    return [_Logged(_Label(*label), at, received_at) for *label, at, received_at in rows]


def _fetch(store: Store, folder: Path, key: str) -> Path | None:
    path, content = folder / key.replace("/", "_"), store.read(key)
    if content is None:
        return None
    path.write_bytes(content)
    return path
