"""Records of what people did, without a person who was erased: who did what, when and why stays.

What a record was about is replaced by one word, so that nothing links it to the person any more.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from fraudstream.contract import AUDIT_PREFIX
from fraudstream_tools.operations.erased_names import TOKEN, without_names
from fraudstream_tools.operations.privacy.bucket_objects import decoded, mapped_texts, words_of
from fraudstream_tools.operations.privacy.system import OnStep, says_nothing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fraudstream.reporting.storage.object_store import BucketStore

_ABOUT: Final = ("target", "reason", "before", "after")
"""The parts of a record that say what it was about; the others name who works here, and the record itself."""
_SEARCHED: Final = 8_000_000
"""Bytes of an object that are searched; own choice: what is larger is no record, and may not fit into memory."""


@dataclass
class FoundRecords:
    """Keys of the objects under `audit/` that name a person, or the person's transactions."""

    records: list[str] = field(default_factory=list[str])
    by_hand: list[str] = field(default_factory=list[str])
    """Those that are no records, of which nobody knows what else they say, and those that are too large to be any."""


def find_records(
    store: "BucketStore", tokens: AbstractSet[str], ids: AbstractSet[str], on_step: OnStep = says_nothing
) -> FoundRecords:
    """Search the records of what people did for a person.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    found, names = FoundRecords(), tokens | ids
    keys = store.find(AUDIT_PREFIX)
    for number, key in enumerate(keys, start=1):
        on_step("searching records of what people did", number, len(keys))
        content = store.read_at_most(key, _SEARCHED)
        record = _record(content)
        if content is None:
            found.by_hand.append(key)
        elif record is not None:
            if _changed(record, lambda text: without_names(text, names)) != record:
                found.records.append(key)
        elif any(token.encode() in content for token in tokens) or not ids.isdisjoint(words_of(content)):
            found.by_hand.append(key)
    return found


def redact_record(store: "BucketStore", key: str, tokens: AbstractSet[str], ids: AbstractSet[str]) -> None:
    """Remove a person, and the person's transactions, from what a record was about.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    names = tokens | ids
    _rewrite(store, key, lambda text: without_names(text, names))


def rename_in_record(store: "BucketStore", key: str, newest: "Mapping[str, str]") -> None:
    """Write other tokens in a record.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    _rewrite(store, key, lambda text: TOKEN.sub(lambda match: newest.get(match[0], match[0]), text))


def _rewrite(store: "BucketStore", key: str, change: Callable[[str], str]) -> None:
    record = _record(store.read(key))
    if record is not None and (changed := _changed(record, change)) != record:
        store.write(key, msgspec.json.encode(changed))


def _record(content: bytes | None) -> dict[str, Any] | None:
    record = decoded(content)
    return cast("dict[str, Any]", record) if isinstance(record, dict) else None


def _changed(record: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    # What a newer version adds to a record stays as it is.
    return {name: mapped_texts(value, change) if name in _ABOUT else value for name, value in record.items()}
