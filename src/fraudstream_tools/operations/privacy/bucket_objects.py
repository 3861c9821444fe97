"""What the bucket holds of a person outside the decision log: reports, and whatever else names a token."""

import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from fraudstream.contract import AUDIT_PREFIX, DECISION_LOG_PREFIX, QUERY_RESULTS_PREFIX, REPORT_PREFIX
from fraudstream.reporting.daily.schema.report import DailyReport
from fraudstream.reporting.log.erasure_marks import ERASED
from fraudstream.reporting.render.files import CSV_REPORT, DAY_SUMMARY, HTML_REPORT, JSON_REPORT, write_report
from fraudstream.reporting.storage.json_objects import NO_JSON, read_json
from fraudstream_tools.operations.erased_names import TOKEN
from fraudstream_tools.operations.privacy.system import WITHOUT_TOKENS, OnStep, says_nothing

if TYPE_CHECKING:
    from fraudstream.reporting.storage.object_store import BucketStore

_WORD: Final = re.compile(rb"[A-Za-z0-9._:-]+")
_CUT_WORD: Final = re.compile(rb"[A-Za-z0-9._:-]{1,1000}\Z")
"""What a piece of an object may end with before the word does; own choice: no id and no token is as long."""
_PIECE: Final = 8_000_000
"""Bytes that are searched at once; own choice: the result of a query may have gigabytes."""


@dataclass
class OtherObjects:
    """Keys of the objects that name a person."""

    results: list[str] = field(default_factory=list[str])
    """Keys of results of queries, which can be asked again."""
    by_hand: list[str] = field(default_factory=list[str])
    """What people or the Pulumi program keep, such as lists in a ruleset: taken out where it is kept."""


def find_other_objects(
    store: "BucketStore", tokens: AbstractSet[str], ids: AbstractSet[str], on_step: OnStep = says_nothing
) -> OtherObjects:
    """Search everything in the bucket but log, reports and records of what people did for tokens, written as they are.

    Results of queries are searched for ids of transactions too: a question may ask for nothing else.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    found = OtherObjects()
    wanted = [token.encode() for token in tokens]
    elsewhere = (DECISION_LOG_PREFIX, REPORT_PREFIX, AUDIT_PREFIX, *WITHOUT_TOKENS)
    for number, key in enumerate(key for key in store.find("") if not key.startswith(elsewhere)):
        on_step("searching other objects", number, None)
        is_result = key.startswith(QUERY_RESULTS_PREFIX)
        if any(
            any(token in piece for token in wanted) or (is_result and not ids.isdisjoint(words_of(piece)))
            for piece in _pieces(store, key)
        ):
            (found.results if is_result else found.by_hand).append(key)
    return found


def _pieces(store: "BucketStore", key: str) -> Iterator[bytes]:
    """Yield an object in pieces that end where a word does."""
    begun = b""
    for piece in store.pieces(key, _PIECE):
        content = begun + piece
        cut = _CUT_WORD.search(content, max(0, len(content) - 1000))
        begun = cut[0] if cut else b""
        yield content[: len(content) - len(begun)]
    yield begun


def words_of(content: bytes) -> set[str]:
    """Return what may be ids; what ends one may follow it as punctuation, too."""
    words = {word.decode() for word in _WORD.findall(content)}
    return words | {word.rstrip(".:") for word in words}


def find_reports(
    store: "BucketStore", tokens: AbstractSet[str], ids: AbstractSet[str], on_step: OnStep = says_nothing
) -> list[str]:
    """Return the folders of the daily reports that name a person, or the person's transactions.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    found: list[str] = []
    folders = sorted({key.rpartition("/")[0] + "/" for key in store.find(REPORT_PREFIX)})
    for number, folder in enumerate(folders, start=1):
        if _names(store, folder, tokens, ids):
            found.append(folder)
        on_step("searching reports", number, len(folders))
    return found


def _names(store: "BucketStore", folder: str, tokens: AbstractSet[str], ids: AbstractSet[str]) -> bool:
    texts = [store.read(folder + name) or b"" for name in (HTML_REPORT, CSV_REPORT)]
    if any(token.encode() in text for token in tokens for text in texts):
        return True
    contents = [decoded(store.read(folder + name)) for name in (JSON_REPORT, DAY_SUMMARY)]
    return any(_is_named(text, tokens, ids) for content in contents for text in _texts(content))


def redact_report(store: "BucketStore", folder: str, tokens: AbstractSet[str], ids: AbstractSet[str]) -> None:
    """Remove a person from a daily report; its figures stay.

    Of a report in a form that this version does not write, the page and the table go, and the JSON stays.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    _rewrite(store, folder + DAY_SUMMARY, _redacted(decoded(store.read(folder + DAY_SUMMARY)), tokens, ids))
    content = _redacted(decoded(store.read(folder + JSON_REPORT)), tokens, ids)
    try:
        report = msgspec.convert(content, DailyReport)
    except msgspec.ValidationError:
        store.delete(folder + HTML_REPORT)
        store.delete(folder + CSV_REPORT)
        _rewrite(store, folder + JSON_REPORT, content)
        return
    write_report(store, folder, report)


def _rewrite(store: "BucketStore", key: str, content: object) -> None:
    if content is None:
        store.delete(key)
    else:
        store.write(key, msgspec.json.encode(content))


def find_named_tokens(
    store: "BucketStore", on_step: OnStep = says_nothing
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return what may be tokens in reports, by folder, and in all other objects, by key.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    reports: dict[str, set[str]] = {}
    others: dict[str, set[str]] = {}
    without = (DECISION_LOG_PREFIX, QUERY_RESULTS_PREFIX, *WITHOUT_TOKENS)
    for number, key in enumerate(key for key in store.find("") if not key.startswith(without)):
        on_step("searching objects", number, None)
        is_report = key.startswith(REPORT_PREFIX)
        found = {each for piece in _pieces(store, key) for each in TOKEN.findall(piece.decode(errors="replace"))}
        if found:
            place = key.rpartition("/")[0] + "/" if is_report else key
            (reports if is_report else others).setdefault(place, set()).update(found)
    return reports, others


def rename_in_report(store: "BucketStore", folder: str, newest: Mapping[str, str]) -> None:
    """Write other tokens in a daily report; of a form that this version does not write, only in its JSON.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    renamed: dict[str, bytes] = {}
    for name in (DAY_SUMMARY, JSON_REPORT):
        if content := store.read(folder + name):
            # What is no UTF-8 stays as it is.
            text = content.decode(errors="surrogateescape")
            text = TOKEN.sub(lambda found: newest.get(found[0], found[0]), text)
            renamed[name] = text.encode(errors="surrogateescape")
            store.write(folder + name, renamed[name])
    with suppress(*NO_JSON, KeyError):
        write_report(store, folder, msgspec.json.decode(renamed[JSON_REPORT], type=DailyReport))


def decoded(content: bytes | None) -> Any:  # noqa: ANN401  (any JSON value)
    """Return the value of a JSON text; None for no text, and for one that is no JSON or nested too deeply."""
    return read_json(content, object)


def _is_named(text: str, tokens: AbstractSet[str], ids: AbstractSet[str]) -> bool:
    return text in ids or any(token in text for token in tokens)


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401  (any JSON value)
    match value:
        case str():
            yield value
        case dict():
            for each in cast("dict[str, Any]", value).values():
                yield from _texts(each)
        case list():
            for each in cast("list[Any]", value):
                yield from _texts(each)
        case _:
            return


def _redacted(value: Any, tokens: AbstractSet[str], ids: AbstractSet[str]) -> Any:  # noqa: ANN401  (any JSON value)
    def redact(text: str) -> str:
        if text in ids:
            return ERASED
        for token in tokens:
            text = text.replace(token, ERASED)
        return text

    return mapped_texts(value, redact)


def mapped_texts(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401  (any JSON value)
    """Return a JSON value with each of its texts changed; the names of its members stay."""
    match value:
        case str():
            return change(value)
        case dict():
            return {name: mapped_texts(each, change) for name, each in cast("dict[str, Any]", value).items()}
        case list():
            return [mapped_texts(each, change) for each in cast("list[Any]", value)]
        case _:
            return value
