"""Who changed what is active, by which command and why: a note on the S3 objects that the change wrote.

A note is valid only on the content that it was written with. Whoever copies an object, or uploads another content and
keeps the metadata that was there (as `pulumi up` may), does not speak in the name of somebody else.
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote

from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream_tools.visible_text import is_seen, without_steering

MAX_REASON_BYTES: Final = 500
"""In UTF-8. S3 keeps 2 KB of metadata, and each byte may take three there."""
_PREFIX: Final = "fraudstream-"
_CHANGE, _ACTION, _BY, _REASON, _CONTENT = (
    f"{_PREFIX}{name}" for name in ("change", "action", "by", "reason", "sha256")
)


class ReasonError(ValueError):
    """A reason cannot be noted."""


@dataclass(frozen=True, kw_only=True)
class ChangeNote:
    """Who changed something, how and why."""

    action: str
    """`deploy` or `rollback`."""
    by: str
    """The ARN of the AWS identity, by STS."""
    reason: str | None = None
    change_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    """32 hexadecimal digits, which all objects have that one change wrote."""

    def to_metadata(self, content: bytes) -> dict[str, str]:
        """Return the note as metadata of an S3 object with some content; metadata holds ASCII only."""
        metadata = {_CHANGE: self.change_id, _ACTION: self.action, _BY: self.by, _CONTENT: _digest(content)}
        return metadata if self.reason is None else metadata | {_REASON: quote(self.reason, safe=" ")}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], content: bytes) -> "ChangeNote | None":
        """Read the note of an object; None for one that no command wrote."""
        if _CHANGE not in metadata or metadata.get(_CONTENT) != _digest(content):
            return None
        reason = metadata.get(_REASON)
        return cls(
            action=metadata.get(_ACTION, ""),
            by=metadata.get(_BY, ""),
            reason=None if reason is None else unquote(reason),
            change_id=metadata[_CHANGE],
        )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def checked_reason(reason: str) -> str:
    """Return a reason without spaces around it, and without what would change how the text beside it is shown.

    Raises:
        ReasonError: nothing of it is seen, it is too long or holds a card number.
    """
    text = without_steering(reason)
    if not is_seen(text):
        raise ReasonError("the reason is empty: say in a few words why")
    if len(text.encode()) > MAX_REASON_BYTES:
        raise ReasonError(f"the reason is longer than {MAX_REASON_BYTES} bytes: shorten it, or name a ticket")
    if holds_card_number(text):
        raise ReasonError("the reason holds a card number, which must be stored nowhere: leave it out")
    return text
