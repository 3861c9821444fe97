"""Segments that somebody put into hours that are merged for good: copies of the log would be read with them."""

import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fraudstream.reporting.log.chain.links import LogChain
from fraudstream.reporting.log.hours.notes import is_current, rebased, sound_note
from fraudstream.reporting.log.hours.roll_up import LATE, hours_of_segments
from fraudstream.reporting.log.keys import HOUR_FORMAT, hour_key, parse_hour
from fraudstream.reporting.log.segments import hour_prefix
from fraudstream.reporting.log.verification.against_chain import Finding, LogProblem
from fraudstream.reporting.storage.download import DOWNLOADS, fetch_all

if TYPE_CHECKING:
    from fraudstream.reporting.storage.object_store import Store


def added_segments(
    store: "Store", log_prefix: str, chain: LogChain, *, since: date, until: date, now: datetime
) -> list[Finding]:
    """Return the segments without their seals in hours that get nothing more, and hours with more segments than before.

    Segments expire, and not all of an hour on one day: an hour may have fewer than it was merged from. One that is put
    back in place of one that has expired is not found.

    Args:
        store: the bucket.
        log_prefix: of the decision log's keys.
        chain: the log's.
        since: the first day of the log.
        until: the last one.
        now: the time.
    """
    settled = f"{now - LATE:{HOUR_FORMAT}}"
    hours = [hour for hour in hours_of_segments(store, log_prefix, since, until) if hour < settled]
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        found = [key for keys in pool.map(partial(_added, store, log_prefix, chain), hours) for key in keys]
    return [Finding(problem=LogProblem.SEGMENT_ADDED, what=key) for key in sorted(found)]


def _added(store: "Store", log_prefix: str, chain: LogChain, hour: str) -> list[str]:
    of_hour = parse_hour(hour)
    # `verify` names a note that cannot be read. An hour without one is merged by the next run, which looks at seals.
    note = sound_note(store.read(hour_key(log_prefix, of_hour)))
    if note is None:
        return []
    folder = hour_prefix(log_prefix, of_hour)
    segments = store.find(folder)
    note = rebased(note, log_prefix, segments)
    if is_current(note, segments):
        return []
    added = _without_seals(store, chain, {key: mark for key, mark in segments.items() if key not in note.damaged})
    return added or ([folder] if len(segments) > note.segments else [])


def _without_seals(store: "Store", chain: LogChain, segments: Mapping[str, str]) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        paths = fetch_all(store, list(segments), Path(name) / "segments")
        return [key for key, path in zip(segments, paths, strict=True) if not chain.accepts(key, path)]
