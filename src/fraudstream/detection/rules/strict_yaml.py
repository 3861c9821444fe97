"""Files that people write: a strict, bounded part of YAML, and messages that say where something is wrong.

The parser's events are read one by one, and reading ends at the first that is not allowed; so a file cannot take more
work than its bounds allow, whatever it holds. Refused are anchors, aliases, merge keys, tags, a key that stands
twice in one mapping, deep nesting, several documents in one file, and characters that hide what a text says.

Plain values mean what YAML 1.2 says: `NO` is a text, `05` is the text of a response code, `12:30` is no number.
"""

import re
import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

import msgspec
import yaml

T = TypeVar("T")
Path: TypeAlias = tuple[str | int, ...]
"""Keys and positions that lead to a value."""

MAX_DEPTH: Final = 8
"""Mappings and sequences within each other; a ruleset needs five."""
MAX_NUMBER_LENGTH: Final = 32
MAX_SHOWN: Final = 64
"""Characters of something from a file that a message repeats."""

_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Characters of Unicode that are not shown: Default_Ignorable_Code_Point and bidirectional marks."""
_CONTROL = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f]")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,47}", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|[-+]?\.[0-9]+", re.ASCII)
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_CONSTANTS: Final = {"true": True, "false": False, "null": None, "~": None, "": None}
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_CODE = re.compile(r"Invalid enum value .*", re.DOTALL)
_PATH = re.compile(r" - at `\$\.?(.*)`\Z")


class DocumentError(ValueError):
    """A file holds what is not allowed; the message says where and what to do."""


class StrictDocument(NamedTuple):
    """What a file says."""

    value: Any
    """Mappings, sequences, texts, numbers, true and false, None."""
    lines: dict[Path, int]
    """For each mapping the line on which it begins, from 1."""


def read(content: bytes, *, most_bytes: int, most_values: int) -> StrictDocument:
    """Read a file.

    Args:
        content: the file's bytes, in UTF-8.
        most_bytes: how large it may be.
        most_values: how many keys and values it may hold.

    Raises:
        DocumentError: it is too large, or not of the part of YAML that is allowed.
    """
    if len(content) > most_bytes:
        raise DocumentError(f"it is larger than {most_bytes:,} bytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DocumentError(f"line {line}: it is no text in UTF-8") from None
    if hidden := _HIDDEN.search(text):
        line = text.count("\n", 0, hidden.start()) + 1
        raise DocumentError(f"line {line}: {_character(hidden[0])} cannot be seen, and hides what the text says")
    builder = _Builder(most_values)
    try:
        for event in yaml.parse(text, yaml.CSafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise DocumentError(f"{line}it is no YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DocumentError(f"line {line}: it is no YAML: {_character(chr(error.character))} cannot be used") from None
    return StrictDocument(builder.value, builder.lines)


def convert(value: object, type_: type[T], known: Sequence[str] = ()) -> T:
    """Convert what a file says to a type.

    Args:
        value: what `read` gave, or a part of it.
        type_: what it should be.
        known: the keys that it may hold, to suggest one for an unknown key.

    Raises:
        DocumentError: it is something else; the message says where, and never repeats a value.
    """
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise DocumentError(told(error, type_, known)) from None


def told(error: msgspec.MsgspecError, type_: object, known: Sequence[str] = ()) -> str:
    """Return what msgspec says of a value that is not of a type: where it is, and nothing that is in the file.

    Args:
        error: msgspec's.
        type_: what the value should be, to list the words of an enumeration.
        known: the keys that are allowed there, to suggest one for an unknown key.
    """
    message = str(error)
    place = _PATH.search(message)
    if place:
        message = message[: place.start()]
    if unknown := _UNKNOWN.search(message):
        message = unknown_key(unknown[1], known)
    if _CODE.match(message):
        # msgspec.inspect would take time of every cold start.
        from fraudstream.detection.rules.allowed_words import allowed_words  # noqa: PLC0415  (needed for mistakes alone)

        words = allowed_words(type_, place[1] if place else "")
        message = (
            f"it has to be one of {', '.join(words)}" if words else "it is none of the words that are allowed there"
        )
    return f"{place[1]}: {message}" if place and place[1] else message


def unknown_key(key: str, known: Sequence[str]) -> str:
    """Return the sentence about a key that there is not."""
    return f"there is no key {shown_key(key)}{suggestion(shown_key(key), known)}"


def shown_key(key: str) -> str:
    """Return a key if it can be one's name; else it may be anything, and stays out of messages."""
    return key if _KEY.fullmatch(key) else "that"


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return a hint at the known name that is most like an unknown one, or nothing."""
    close = get_close_matches(name[:MAX_SHOWN], known, n=1)
    return f": did you mean {close[0]}?" if close else ""


class _Builder:
    """Builds the values that events describe, without recursion."""

    def __init__(self, most_values: int) -> None:
        self.value: Any = None
        self.lines: dict[Path, int] = {}
        self._left = most_values
        self._most = most_values
        self._documents = 0
        self._open: list[_Mapping | list[Any]] = []

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._check(event)
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._check(event)
                self.lines[self._path()] = _line_number(event)
                self._enter(_Mapping(), event)
            case yaml.SequenceStartEvent():
                self._check(event)
                self._enter([], event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                closed = self._open.pop()
                self._add(closed.values if isinstance(closed, _Mapping) else closed)
            case yaml.AliasEvent():
                raise DocumentError(f"{_line(event)}: aliases (*name) cannot be used: write the value out")
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise DocumentError(f"{_line(event)}: a second document begins: put it into a file of its own")
            case _:
                pass

    def _check(self, event: "yaml.ScalarEvent | yaml.MappingStartEvent | yaml.SequenceStartEvent") -> None:
        if event.anchor is not None:
            raise DocumentError(f"{_line(event)}: anchors (&name) cannot be used: write the value out")
        if event.tag is not None:
            raise DocumentError(f"{_line(event)}: tags (!name) cannot be used")
        # An escape in double quotes (\u200b) is a character only now.
        if isinstance(event, yaml.ScalarEvent) and (
            hidden := _HIDDEN.search(event.value) or _CONTROL.search(event.value)
        ):
            raise DocumentError(f"{_line(event)}: {_character(hidden[0])} cannot be seen, and hides what the text says")
        self._left -= 1
        if self._left < 0:
            raise DocumentError(f"{_line(event)}: it holds more than {self._most:,} keys and values")

    def _enter(self, container: "_Mapping | list[Any]", event: yaml.Event) -> None:
        top = self._open[-1] if self._open else None
        if isinstance(top, _Mapping) and top.key is None:
            raise DocumentError(f"{_line(event)}: a key has to be a plain word")
        if len(self._open) >= MAX_DEPTH:
            raise DocumentError(f"{_line(event)}: it is nested too deeply: at most {MAX_DEPTH} levels")
        self._open.append(container)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        top = self._open[-1] if self._open else None
        if isinstance(top, _Mapping) and top.key is None:
            top.begin(event)
        else:
            self._add(_plain(event) if event.implicit[0] else event.value)

    def _add(self, value: object) -> None:
        top = self._open[-1] if self._open else None
        if isinstance(top, _Mapping):
            top.end(value)
        elif top is not None:
            top.append(value)
        else:
            self.value = value

    def _path(self) -> Path:
        return tuple(each.key or "" if isinstance(each, _Mapping) else len(each) for each in self._open)


class _Mapping:
    """A mapping that is being read."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.key: str | None = None
        self._seen: dict[str, int] = {}

    def begin(self, event: yaml.ScalarEvent) -> None:
        key, line = event.value, _line_number(event)
        shown = f"the key {key}" if _KEY.fullmatch(key) else "a key"
        if key == "<<":
            raise DocumentError(f"line {line}: merge keys (<<) cannot be used: write the values out")
        if len(key) > MAX_SHOWN:
            raise DocumentError(f"line {line}: a key is longer than {MAX_SHOWN} characters")
        if key in self._seen:
            raise DocumentError(f"line {line}: {shown} stands twice: first on line {self._seen[key]}")
        self._seen[key] = line
        self.key = key

    def end(self, value: object) -> None:
        self.values[self.key or ""] = value
        self.key = None


def _plain(event: yaml.ScalarEvent) -> object:
    text = event.value
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _NO_NUMBER.fullmatch(text):
        raise DocumentError(f"{_line(event)}: infinity and not-a-number cannot be used")
    if not _NUMBER.fullmatch(text[: MAX_NUMBER_LENGTH + 1]):
        return text
    if len(text) > MAX_NUMBER_LENGTH:
        raise DocumentError(f"{_line(event)}: a number has more than {MAX_NUMBER_LENGTH} characters; texts need quotes")
    try:
        return int(text)
    except ValueError:
        number = float(text)
    if abs(number) == float("inf"):
        raise DocumentError(f"{_line(event)}: a number is too large")
    return number


def _line(event: yaml.Event) -> str:
    return f"line {_line_number(event)}"


def _line_number(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _character(character: str) -> str:
    name = unicodedata.name(character, "").lower()
    return f"the character U+{ord(character):04X}" + (f" ({name})" if name else "")
