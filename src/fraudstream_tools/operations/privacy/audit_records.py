"""Records of what people did, without a person who was erased: who did what, when and why stays.

What a record was about is replaced by one word, so that nothing links it to the person any more.
"""

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from fraudstream.contract import AUDIT_PREFIX
from fraudstream_tools.operations.privacy.bucket_objects import ERASED, TOKEN, decoded, mapped_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fraudstream.reporting.storage.object_store import BucketStore

_ABOUT: Final = ("target", "reason", "before", "after")
"""The parts of a record that say what it was about; the others name who works here, and the record itself."""
_WORD: Final = re.compile(r"[A-Za-z0-9._:-]+")
_PUNCTUATION: Final = ".:"
"""May end an id, and may as well follow it in a reason."""


def find_records(store: "BucketStore", tokens: AbstractSet[str], ids: AbstractSet[str]) -> list[str]:
    """Return the keys of the records that name a person, or the person's transactions.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    return [key for key in store.find(AUDIT_PREFIX) if _changed(store, key, _eraser(tokens, ids)) is not None]


def redact_record(store: "BucketStore", key: str, tokens: AbstractSet[str], ids: AbstractSet[str]) -> None:
    """Remove a person, and the person's transactions, from what a record was about.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    _rewrite(store, key, _eraser(tokens, ids))


def rename_in_record(store: "BucketStore", key: str, newest: "Mapping[str, str]") -> None:
    """Write other tokens in a record.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    _rewrite(store, key, lambda text: TOKEN.sub(lambda found: newest.get(found[0], found[0]), text))


def _eraser(tokens: AbstractSet[str], ids: AbstractSet[str]) -> Callable[[str], str]:
    def erase(word: re.Match[str]) -> str:
        text = word[0]
        if text in ids:
            return ERASED
        bare = text.rstrip(_PUNCTUATION)
        return ERASED + text[len(bare) :] if bare in ids else text

    return lambda text: _WORD.sub(erase, TOKEN.sub(lambda found: ERASED if found[0] in tokens else found[0], text))


def _rewrite(store: "BucketStore", key: str, change: Callable[[str], str]) -> None:
    changed = _changed(store, key, change)
    if changed is not None:
        store.write(key, msgspec.json.encode(changed))


def _changed(store: "BucketStore", key: str, change: Callable[[str], str]) -> dict[str, Any] | None:
    """Return a record as it is after a change; None where nothing changes, or where it is no record."""
    record = decoded(store.read(key))
    if not isinstance(record, dict):
        return None
    # What a newer version adds to a record stays as it is.
    known = cast("dict[str, Any]", record)
    changed = {name: mapped_texts(value, change) if name in _ABOUT else value for name, value in known.items()}
    return None if changed == known else changed
