"""Files that somebody put among the log's own, which Athena and copies of the log would read with them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from fraudstream.reporting.log.chain.verification import Finding, LogProblem
from fraudstream.reporting.log.hour_notes import is_current, rebased, sound_note
from fraudstream.reporting.log.keys import HOUR_FORMAT, LogTable, hour_key, hour_of, hours_of_files, parse_hour
from fraudstream.reporting.log.segments import hour_prefix
from fraudstream.reporting.storage.download import DOWNLOADS

if TYPE_CHECKING:
    from fraudstream.reporting.storage.object_store import Store


def added_files(store: "Store", log_prefix: str, since: datetime, until: datetime) -> list[Finding]:
    """Return the files of tables that no hour's note names.

    Hours that are being merged, or will be, are left out: a file is written before the note that names it. So are those
    whose note cannot be read: `verify` names it.

    Args:
        store: the bucket.
        log_prefix: of the decision log's keys.
        since: a time in the first hour of the log, and on the first day of receipt.
        until: a time in the last ones.
    """
    first, last = f"{since:{HOUR_FORMAT}}", f"{until:{HOUR_FORMAT}}"
    by_hour: dict[str, list[str]] = {}
    added: list[str] = []
    for key in _files(store, log_prefix, since, until):
        if not hours_of_files([key]):
            added.append(key)
        elif first <= (hour := hour_of(key)) <= last:
            by_hour.setdefault(hour, []).append(key)
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        for unnamed in pool.map(partial(_unnamed, store, log_prefix), by_hour, by_hour.values()):
            added += unnamed
    return [Finding(problem=LogProblem.FILE_ADDED, what=key) for key in sorted(added)]


def _files(store: "Store", log_prefix: str, since: datetime, until: datetime) -> Iterator[str]:
    """Yield what is in the tables' folders of the days of receipt."""
    end = (until + timedelta(days=1)).date().isoformat()
    for table in LogTable:
        folder = f"{log_prefix}{table}/date="
        there = store.find(f"{log_prefix}{table}/", after=f"{folder}{since.date().isoformat()}")
        yield from (key for key in there if key < f"{folder}{end}")


def _unnamed(store: "Store", log_prefix: str, hour: str, keys: list[str]) -> list[str]:
    """Return the files of an hour that its note does not name; none where a merge may be writing some."""
    of_hour = parse_hour(hour)
    content = store.read(hour_key(log_prefix, of_hour))
    note = sound_note(content)
    if note is None and content is not None:
        return []
    # What could not be read was given up, and is named where the report names what is damaged.
    named = rebased(note, log_prefix) if note else None
    unnamed = [key for key in keys if named is None or (key not in named.files and key not in named.damaged)]
    if not unnamed:
        return []
    segments = store.find(hour_prefix(log_prefix, of_hour))
    is_merged = not segments or (note is not None and is_current(rebased(note, log_prefix, segments), segments))
    return unnamed if is_merged else []
