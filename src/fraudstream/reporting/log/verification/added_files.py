"""Files that somebody put among the log's own, which Athena and copies of the log would read with them."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final

from fraudstream.reporting.log.hours.notes import is_current, rebased, sound_note
from fraudstream.reporting.log.hours.roll_up import made_key
from fraudstream.reporting.log.keys import days_of, hour_key, hour_of, hours_of_files, parse_hour
from fraudstream.reporting.log.segments import hour_prefix
from fraudstream.reporting.log.verification.against_chain import Finding, LogProblem
from fraudstream.reporting.storage.download import DOWNLOADS

if TYPE_CHECKING:
    from fraudstream.reporting.storage.object_store import Store

_NO_TABLES: Final = frozenset({"segments", "chain", "hours", "reported", "erasures"})
"""Folders of the log that hold something else; whatever else is there is a table, of a newer version perhaps."""
_AHEAD: Final = timedelta(days=1)
"""Clocks differ by far less: nothing was received on a later day."""


def added_files(store: "Store", log_prefix: str, since: datetime, until: datetime, now: datetime) -> list[Finding]:
    """Return the files of tables that no hour's note names, and what lies where the log has nothing.

    Hours that are being merged, or will be, are left out: a file is written before the note that names it. So are those
    whose note cannot be read: `verify` names it. A file is of its folder's day, whatever hour its name says: that of a
    label may be weeks later, and one that somebody else named may say any.

    Args:
        store: the bucket.
        log_prefix: of the decision log's keys.
        since: a time on the first day of receipt.
        until: a time on the last one.
        now: the time; what is in folders of later days is named whatever days are asked for.
    """
    by_hour: dict[str, list[str]] = {}
    added = [key for key in store.loose(log_prefix) if key != made_key(log_prefix)]
    for folder in store.folders(log_prefix):
        if folder not in _NO_TABLES:
            root = f"{log_prefix}{folder}/"
            days, strays = _day_folders(store.folders(root), since.date(), until.date(), (now + _AHEAD).date())
            added += [*store.loose(root), *_keys(store, root, strays)]
            for key in _keys(store, root, days):
                if hours_of_files([key]):
                    by_hour.setdefault(hour_of(key), []).append(key)
                else:
                    added.append(key)
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        for unnamed in pool.map(partial(_unnamed, store, log_prefix), by_hour, by_hour.values()):
            added += unnamed
    return [Finding(problem=LogProblem.FILE_ADDED, what=key) for key in sorted(added)]


def _day_folders(folders: Iterable[str], first: date, last: date, newest: date) -> tuple[list[str], list[str]]:
    """Return a table's folders of the days that are asked for, and those that the log does not write."""
    names = list(folders)
    days = days_of(names)
    strays = [name for name in names if name not in days or days[name] > newest]
    return [name for name, day in days.items() if first <= day <= last and name not in strays], strays


def _keys(store: "Store", root: str, folders: Iterable[str]) -> Iterator[str]:
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        yield from chain.from_iterable(pool.map(store.find, [f"{root}{folder}/" for folder in folders]))


def _unnamed(store: "Store", log_prefix: str, hour: str, keys: list[str]) -> list[str]:
    """Return the files of an hour that its note does not name; none where a merge may be writing some."""
    of_hour = parse_hour(hour)
    content = store.read(hour_key(log_prefix, of_hour))
    note = sound_note(content)
    if note is None and content is not None:
        return []
    # What could not be read was given up, and is named where the report names what is damaged.
    named = rebased(note, log_prefix) if note else None
    known = named.keys | named.damaged.keys() if named else set[str]()
    unnamed = [key for key in keys if key not in known]
    if not unnamed:
        return []
    segments = store.find(hour_prefix(log_prefix, of_hour))
    is_merged = not segments or (note is not None and is_current(rebased(note, log_prefix, segments), segments))
    return unnamed if is_merged else []
