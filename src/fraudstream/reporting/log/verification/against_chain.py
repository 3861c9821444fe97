"""The log compared with its chain: whether what is there is what was written."""

import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from enum import StrEnum
from time import sleep
from typing import TYPE_CHECKING, Final

import msgspec

from fraudstream.reporting.log.chain.links import Link, LinkKind, LogChain, breaks
from fraudstream.reporting.log.hours.notes import read_note
from fraudstream.reporting.log.keys import HOUR_FORMAT, hour_key, hours_prefix, notes_among, parse_hour
from fraudstream.reporting.storage.download import DOWNLOADS

if TYPE_CHECKING:
    from fraudstream.reporting.storage.object_store import Store


_MERGE_SECONDS: Final = 10.0
"""From the first file that a merge writes to the note of its hour, about: the largest file comes first."""


class LogProblem(StrEnum):
    """What is wrong with a part of the log."""

    LINK_MISSING = "LINK_MISSING"
    """A link of the chain does not follow on the one before, or is not the newest one that is known outside."""
    LINK_FORGED = "LINK_FORGED"
    """A link was not made with the key."""
    HOUR_UNCHAINED = "HOUR_UNCHAINED"
    """A merged hour has no link, although it was merged after the chain began."""
    NOTE_CHANGED = "NOTE_CHANGED"
    """An hour's note is gone, or another one than its newest link says."""
    FILE_CHANGED = "FILE_CHANGED"
    """A file of an hour is gone, or another one than the hour's note says."""
    FILE_ADDED = "FILE_ADDED"
    """No hour's note names a file in a table's folder."""
    SEGMENT_ADDED = "SEGMENT_ADDED"
    """A segment of an hour that gets nothing more has no seal, or it has more of them than it was merged from."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing that is wrong."""

    problem: LogProblem
    what: str
    """Key of an object, or the number of a link."""


class Verification(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What came of a look at the log."""

    links: int
    hours: int
    files: int
    erased: tuple[str, ...]
    """Hours from which somebody's data was erased."""
    findings: tuple[Finding, ...]


def verify(store: "Store", log_prefix: str, chain: LogChain, since: datetime, until: datetime) -> Verification:
    """Compare the hours of the log within a time with the chain, and the chain with its head.

    What is found is looked at again after some seconds: while an hour is merged, its files, link and note do not go
    together.

    Args:
        store: the bucket.
        log_prefix: of the decision log's keys.
        chain: the log's.
        since: a time in the first hour of the log.
        until: a time in the last one.
    """
    first = _look(store, log_prefix, chain, since, until)
    if not first.findings:
        return first
    sleep(_MERGE_SECONDS)
    second = _look(store, log_prefix, chain, since, until)
    at_first = set(first.findings)
    lasting = tuple(finding for finding in second.findings if finding in at_first)
    return msgspec.structs.replace(second, findings=lasting)


def _look(store: "Store", log_prefix: str, chain: LogChain, since: datetime, until: datetime) -> Verification:
    known = chain.head()
    head = known or chain.newest_kept()
    if head is None:
        return Verification(links=0, hours=0, files=0, erased=(), findings=())
    # Links of an hour are never older than the hour.
    links = chain.read(since.date(), datetime.fromtimestamp(head.at / 1000, since.tzinfo).date())
    before = chain.newest_before(since.date(), head)
    first, last = f"{since:{HOUR_FORMAT}}", f"{until:{HOUR_FORMAT}}"
    newest = {link.hour: link for link in links if first <= link.hour <= last}
    notes = _notes(store, log_prefix, newest, since.date(), until.date())
    # Where nothing outside the bucket knows a newest link, nothing tells whether newer ones were taken away.
    lost = [] if known else [Finding(problem=LogProblem.LINK_MISSING, what=str(head.number + 1))]
    findings = [*lost, *_of_links(chain, before, links, head)]
    files: dict[str, str] = {}
    hours = 0
    for hour, content in notes.items():
        if not first <= hour <= last:
            continue
        link = newest.get(hour)
        if link is None:
            if hour >= head.sealed_since:
                findings.append(Finding(problem=LogProblem.HOUR_UNCHAINED, what=_key(log_prefix, hour)))
            continue
        hours += 1
        if content is None or hashlib.sha256(content).hexdigest() != link.note:
            findings.append(Finding(problem=LogProblem.NOTE_CHANGED, what=_key(log_prefix, hour)))
            continue
        note = read_note(content)
        files |= note.files if note else {}
    findings += _of_files(store, files)
    erased = tuple(sorted({link.hour for link in links if link.kind is LinkKind.ERASED and first <= link.hour <= last}))
    return Verification(
        links=len(links), hours=hours, files=len(files), erased=erased, findings=tuple(sorted(findings, key=_order))
    )


def _of_links(chain: LogChain, before: Link | None, links: list[Link], head: Link) -> Iterable[Finding]:
    for link in links:
        if not chain.is_own(link):
            yield Finding(problem=LogProblem.LINK_FORGED, what=str(link.number))
    # Whoever takes away the oldest links leaves one that follows on nothing.
    if before is None and links and not chain.may_begin_with(links[0]):
        yield Finding(problem=LogProblem.LINK_MISSING, what=str(links[0].number))
    known = [before, *links] if before else links
    for number in breaks(known):
        yield Finding(problem=LogProblem.LINK_MISSING, what=str(number))
    # Others may have added links since the head was read, and whoever moved the head writes its link just after.
    if all(link.mac != head.mac for link in known) and not chain.has(head) and not chain.has_expired(head):
        yield Finding(problem=LogProblem.LINK_MISSING, what=str(head.number))


def _notes(
    store: "Store", log_prefix: str, links: Mapping[str, Link], first: date, last: date
) -> dict[str, bytes | None]:
    """Return the notes of the hours that have a link, and of all others that are there."""
    prefix = hours_prefix(log_prefix)
    there = store.find(prefix, after=f"{prefix}date={first.isoformat()}")
    keys = notes_among(key for key in there if key < f"{prefix}date={last.isoformat()}~")
    keys |= {hour: _key(log_prefix, hour) for hour in links}
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        return dict(zip(keys, pool.map(store.read, keys.values()), strict=True))


def _of_files(store: "Store", files: Mapping[str, str]) -> list[Finding]:
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        digests = zip(files, files.values(), pool.map(store.digest, files), strict=True)
        return [Finding(problem=LogProblem.FILE_CHANGED, what=key) for key, noted, now in digests if noted != now]


def _key(log_prefix: str, hour: str) -> str:
    return hour_key(log_prefix, parse_hour(hour))


def _order(finding: Finding) -> tuple[str, str]:
    return finding.problem, finding.what
