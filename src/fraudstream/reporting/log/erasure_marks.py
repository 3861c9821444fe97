"""Marks of erased persons: what a stream still holds of them is not logged any more.

A stream keeps its records for a day, and a failing function is called again with old ones. So an erasure leaves a mark
before it begins, and who writes the log looks at the marks first. A mark holds the hash of a token and no token: only
who has the token knows whom it is about.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fraudstream.contract import ERASURE_MARK_SECONDS, ERASURE_MARKS_PREFIX, EntityKind
from fraudstream.transactions.storage.reason_tokens import reason_tokens, renamed_reasons
from fraudstream.transactions.transaction import FIELDS

if TYPE_CHECKING:
    from fraudstream.reporting.storage.object_store import BucketStore

OWNER: Final = "customerId"
"""The attribute that says whose transaction it is."""
ELSEWHERE: Final = tuple(field.public_name for field in FIELDS if field.spec.identifies is EntityKind.COUNTERPARTY)
"""Attributes by which a person is in the transactions of others. These are taken out of them, and in the sources of
reasons, which may name the other side too, `ERASED` takes the token's place."""
ERASED: Final = "erased"


class ErasureMark(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who was erased, and when."""

    persons: frozenset[str]
    """`hash_of` their tokens."""
    at: int
    """Epoch milliseconds: what was received later is new, and stays."""

    @property
    def until(self) -> int:
        """When it stops to count, epoch milliseconds."""
        return self.at + ERASURE_MARK_SECONDS * 1000


def hash_of(token: str) -> str:
    """Return the SHA-256 of a token, in hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


def read_marks(store: "BucketStore", now: int) -> list[ErasureMark]:
    """Read the marks that count at a time, epoch milliseconds; most often there are none.

    Raises:
        botocore.exceptions.ClientError: S3 refused.
    """
    contents = (store.read(key) for key in store.find(ERASURE_MARKS_PREFIX))
    marks = (msgspec.json.decode(content, type=ErasureMark) for content in contents if content is not None)
    return [mark for mark in marks if now < mark.until]


def without_erased(record: Mapping[str, Any], marks: Sequence[ErasureMark]) -> Mapping[str, Any] | None:
    """Return what may be logged of a stream record: all of it, it without an erased counterparty, or None."""
    if not marks:
        return record
    image = _image(record)
    counting = [mark for mark in marks if _number(image.get("receivedAt")) <= mark.at]
    if any(_is_marked(image.get(OWNER), mark) for mark in counting):
        return None
    gone = {name for name in ELSEWHERE if any(_is_marked(image.get(name), mark) for mark in counting)}
    named = {token for token in reason_tokens(image) if any(hash_of(token) in mark.persons for mark in counting)}
    if not gone and not named:
        return record
    kept = {name: value for name, value in image.items() if name not in gone}
    if reasons := renamed_reasons(image, dict.fromkeys(named, ERASED)):
        kept["reasons"] = reasons
    return {**record, "dynamodb": {**record["dynamodb"], "NewImage": kept}}


def _image(record: Mapping[str, Any]) -> Mapping[str, Any]:
    match record:
        case {"dynamodb": {"NewImage": Mapping()}}:
            return record["dynamodb"]["NewImage"]
        case _:
            return {}


def _is_marked(attribute: object, mark: ErasureMark) -> bool:
    match attribute:
        case {"S": str(token)}:
            return hash_of(token) in mark.persons
        case _:
            return False


def _number(attribute: object) -> int:
    match attribute:
        case {"N": str(text)} if text.isdecimal():
            return int(text)
        case _:
            return 0
