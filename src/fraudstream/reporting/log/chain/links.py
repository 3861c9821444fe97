"""The chain of the merged hours: each link holds the hash of an hour's note, and of the link before.

A note holds the hashes of the hour's files, so that a link stands for all of them. Links are keyed hashes (HMAC): who
can write to the bucket and has no key cannot make one. The newest link is also stored outside the bucket: who puts back
an older bucket is found too. A link is written before its note, and the head is moved before the link is written: what
an interruption leaves undone is done by the next one.
"""

import hashlib
import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from fraudstream.contract import DECISION_LOG_DAYS
from fraudstream.reporting.log.chain.segment_seals import is_genuine, is_sealed
from fraudstream.reporting.log.keys import HOUR_FORMAT
from fraudstream.reporting.log.segments import hour_of_segment
from fraudstream.reporting.storage.download import DOWNLOADS
from fraudstream.reporting.storage.json_objects import NO_JSON

if TYPE_CHECKING:
    from fraudstream.reporting.storage.object_store import Store

ATTEMPTS: Final = 8
"""Attempts of an append that meets others."""
_START: Final = "0" * 64
_UPGRADE: Final = timedelta(hours=2)
"""Functions of the version before may run on for a while after the first link."""
_EXPIRY: Final = timedelta(days=2)
"""S3 deletes what has expired within a day or two."""


class LinkKind(StrEnum):
    """Why an hour has a new link."""

    MERGED = "MERGED"
    REVISED = "REVISED"
    """Something of the hour came in late, or its files were made again."""
    ERASED = "ERASED"
    """Somebody's data was erased from it."""
    REBUILT = "REBUILT"
    """It was made again from the table of transactions."""
    REKEYED = "REKEYED"
    """Its tokens were given a new number."""


class Link(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One link, as it is stored."""

    number: int
    """From 1, without gaps."""
    at: int
    """Epoch milliseconds."""
    kind: LinkKind
    hour: str
    """Such as `2026-11-22T14`, UTC."""
    note: str
    """SHA-256 of the hour's note, in hexadecimal digits."""
    sealed_since: str
    """The hour of the log from which all segments are sealed, as `hour` is written; older versions made no seals."""
    previous: str
    """The keyed hash of the link before."""
    mac: str
    """HMAC-SHA-256 of all of the above, in hexadecimal digits."""


class ChainMovedError(RuntimeError):
    """Others appended to the chain at every attempt."""


class ChainHead(Protocol):
    """The newest link, outside the bucket."""

    def read(self) -> Link | None:
        """Return the newest link; None before the first one."""
        ...

    def move(self, before: Link | None, after: Link) -> bool:
        """Replace the newest link, if it is still the one before; return whether it was."""
        ...


class LogChain:
    """The chain of one log."""

    def __init__(
        self,
        store: "Store",
        log_prefix: str,
        key: bytes,
        head: ChainHead,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        kept_days: int = DECISION_LOG_DAYS,
    ) -> None:
        """Store where it is.

        Args:
            store: the bucket.
            log_prefix: of the decision log's keys.
            key: of the keyed hashes.
            head: where the newest link is stored.
            clock: the time, UTC.
            kept_days: after which the bucket deletes links.
        """
        self._kept = timedelta(days=kept_days)
        self._store = store
        self._log_prefix = log_prefix
        self._key = key
        self._head = head
        self._clock = clock
        self._sealed_since: str | None = None

    def append(self, kind: LinkKind, hour: str, note: bytes) -> Link:
        """Add a link for an hour whose note is about to be written.

        Args:
            kind: why.
            hour: such as `2026-11-22T14`.
            note: the note's bytes.

        Raises:
            ChainMovedError: others appended at every attempt; nothing was added.
        """
        for _ in range(ATTEMPTS):
            head = self._head.read()
            if head is not None:
                # Whoever moved the head may not have come to write its link.
                self._write(head)
            newest = head or self.newest_kept()
            link = self._sealed(
                Link(
                    number=newest.number + 1 if newest else 1,
                    at=int(self._clock().timestamp() * 1000),
                    kind=kind,
                    hour=hour,
                    note=hashlib.sha256(note).hexdigest(),
                    sealed_since=newest.sealed_since if newest else f"{self._clock() + _UPGRADE:{HOUR_FORMAT}}",
                    previous=newest.mac if newest else _START,
                    mac="",
                )
            )
            if self._head.move(head, link):
                self._write(link)
                return link
        raise ChainMovedError(f"the log's chain was moved by others {ATTEMPTS} times")

    def head(self) -> Link | None:
        """Return the newest link, as it is stored outside the bucket."""
        return self._head.read()

    def newest_kept(self) -> Link | None:
        """Return the newest link in the bucket that was made with the key; None if there is none.

        It stands in for a head that is lost with its table: a chain that began anew would write its links over those
        of before, and vouch for none of their hours any more.
        """
        keys = sorted(self._store.find(chain_prefix(self._log_prefix)), key=_file_name, reverse=True)
        links = ((key, _decoded(self._store.read(key))) for key in keys)
        return next((link for key, link in links if link and self._key_of(link) == key and self.is_own(link)), None)

    def accepts(self, key: str, path: Path) -> bool:
        """Return whether a segment may be merged: it has the seal of its content, or is older than all seals.

        Args:
            key: the segment's.
            path: its content.
        """
        if is_sealed(key):
            return is_genuine(key, path.read_bytes(), self._key)
        newest = (self._head.read() or self.newest_kept()) if self._sealed_since is None else None
        if newest is not None:
            self._sealed_since = newest.sealed_since
        return self._sealed_since is None or hour_of_segment(key) < self._sealed_since

    def read(self, since: date, until: date) -> list[Link]:
        """Return the links that were added on some days (UTC), by number; what cannot be read is left out."""
        days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
        keys = [key for day in days for key in self._store.find(_day_prefix(self._log_prefix, day))]
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            links = [link for content in pool.map(self._store.read, keys) if (link := _decoded(content))]
        return sorted(links, key=lambda link: link.number)

    def newest_before(self, day: date, head: Link) -> Link | None:
        """Return the newest link that was added before a day (UTC); None where the bucket has none any more.

        Args:
            day: the day.
            head: the newest link of all, which knows when the chain began.
        """
        began = datetime.strptime(head.sealed_since, HOUR_FORMAT).replace(tzinfo=UTC) - _UPGRADE
        oldest = max(began, self._clock() - self._kept).date() - timedelta(days=1)
        while day > oldest:
            day -= timedelta(days=1)
            if links := self.read(day, day):
                return links[-1]
        return None

    def may_begin_with(self, link: Link) -> bool:
        """Return whether a link may be the oldest that is there: it is the first, or those before it have expired."""
        return link.number == 1 or self.has_expired(link)

    def has_expired(self, link: Link) -> bool:
        """Return whether the bucket may have deleted a link, or one that is little older."""
        return datetime.fromtimestamp(link.at / 1000, UTC) < self._clock() - self._kept + _EXPIRY

    def has(self, link: Link) -> bool:
        """Return whether a link is in the bucket as it was added."""
        return self._store.read(self._key_of(link)) == msgspec.json.encode(link)

    def is_own(self, link: Link) -> bool:
        """Return whether a link was made with the key."""
        return hmac.compare_digest(self._sealed(link).mac, link.mac)

    def _sealed(self, link: Link) -> Link:
        body = msgspec.json.encode(msgspec.structs.replace(link, mac=""))
        return msgspec.structs.replace(link, mac=hmac.new(self._key, body, hashlib.sha256).hexdigest())

    def _write(self, link: Link) -> None:
        self._store.write(self._key_of(link), msgspec.json.encode(link))

    def _key_of(self, link: Link) -> str:
        day = datetime.fromtimestamp(link.at / 1000, UTC).date()
        return f"{_day_prefix(self._log_prefix, day)}{link.number:010}.json"


def breaks(links: list[Link]) -> list[int]:
    """Return the numbers of links that do not follow on the one before, of a run of links by number."""
    return [
        after.number
        for before, after in pairwise(links)
        if after.number != before.number + 1 or after.previous != before.mac
    ]


def chain_prefix(log_prefix: str) -> str:
    """Return the prefix of all links."""
    return f"{log_prefix}chain/"


def _file_name(key: str) -> str:
    return key.rpartition("/")[2]


def _day_prefix(log_prefix: str, day: date) -> str:
    return f"{chain_prefix(log_prefix)}date={day.isoformat()}/"


def _decoded(content: bytes | None) -> Link | None:
    try:
        return msgspec.json.decode(content, type=Link) if content else None
    except NO_JSON:
        return None
