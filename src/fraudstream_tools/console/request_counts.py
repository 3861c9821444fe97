"""How many requests to AWS a page makes, which it says and tests hold it to; and whether one of them has written."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from botocore.client import BaseClient

Client = TypeVar("Client", bound="BaseClient")
_WRITING: Final = ("BatchWrite", "Delete", "Put", "TransactWrite", "Update")
"""What the names of requests begin with that change something."""
_REFUSED_FROM: Final = 300
"""Statuses of HTTP below it are of what was done."""


@dataclass
class RequestCount:
    """Requests that were made for one page."""

    made: int = 0
    has_written: bool = False
    """Whether AWS has done something that one of them asked for."""
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


def has_written() -> bool:
    """Return whether something has been changed for the page so far."""
    count = _CURRENT.get()
    return count is not None and count.has_written


def watch(client: Client) -> Client:
    """Count every request of a boto3 client, repeated ones too, and return the client."""
    client.meta.events.register("before-send", _sent, unique_id="console-requests")
    client.meta.events.register("after-call", _answered, unique_id="console-answers")
    return client


def _sent(**_: object) -> None:
    if (count := _CURRENT.get()) is not None:
        count.add()


def _answered(*, http_response: Any, model: Any, **_: object) -> None:  # noqa: ANN401  (botocore has no types for these)
    is_done = http_response.status_code < _REFUSED_FROM and model.name.startswith(_WRITING)
    if is_done and (count := _CURRENT.get()) is not None:
        count.has_written = True
