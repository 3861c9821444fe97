"""How many requests to AWS a page makes: each page says it, and tests hold it to a number."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from botocore.client import BaseClient

Client = TypeVar("Client", bound="BaseClient")


@dataclass
class RequestCount:
    """Requests that were made for one page."""

    made: int = 0
    _lock: Lock = field(default_factory=Lock)

    def add(self) -> None:
        """Count one more; several threads may."""
        with self._lock:
            self.made += 1


_CURRENT: Final[ContextVar[RequestCount | None]] = ContextVar("console-requests", default=None)


def begin() -> RequestCount:
    """Start to count for the page that is being made."""
    count = RequestCount()
    _CURRENT.set(count)
    return count


def current() -> int:
    """Return how many requests the page has made so far."""
    count = _CURRENT.get()
    return count.made if count else 0


def watch(client: Client) -> Client:
    """Count every request of a boto3 client, repeated ones too, and return the client."""
    client.meta.events.register("before-send", _sent, unique_id="console-requests")
    return client


def _sent(**_: object) -> None:
    if (count := _CURRENT.get()) is not None:
        count.add()
