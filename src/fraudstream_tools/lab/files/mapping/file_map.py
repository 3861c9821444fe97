"""Maps: files that say which column is which field, for files that other programs wrote."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files as resources
from pathlib import Path
from typing import Any, Final

import msgspec

from fraudstream.detection.rules.strict_yaml import DocumentError, convert, read, shown_key, suggestion
from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.lab.files.mapping.sources import (
    AmountSource,
    NumberSource,
    Scalar,
    Source,
    TimeSource,
    TypeSource,
)
from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.tables.delimited import TableLayout

FIELDS: Final = tuple(f.encode_name for f in msgspec.structs.fields(Transaction) if f.encode_name != "receivedAt")
"""The API's fields, in the order of columns."""
LABEL_FIELDS: Final = ("label", "fraud", "source", "labeledAt", "fraudType", "actionTaken", "actionAt")
"""What says what turned out to be true, and what was done."""
TIMES: Final = ("timestamp", "accountOpenedAt", "labeledAt", "actionAt", "receivedAt")
AMOUNT: Final = "amountMinor"
PLACES: Final = ("latitude", "longitude")
MAPPED: Final = (*FIELDS, *LABEL_FIELDS)
OWN_COLUMNS: Final = (*MAPPED, "receivedAt", "episode", "trap")
"""Columns that files of fraudstream's own have; they need no map."""

_MOST_BYTES: Final = 1 << 18
_MOST_VALUES: Final = 10_000


class _FileSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the file is written, where that is not found out well."""

    encoding: str | None = None
    separator: str | None = None
    quote: str | None = None
    escape: str | None = None
    header_line: int = 1


class _MapFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A map as it is written."""

    description: str = ""
    written_from: str = msgspec.field(default="", name="source")
    file: _FileSection = _FileSection()
    fields: dict[str, Any] = {}
    ignore: list[str] | str = []
    learn: list[str] = []
    skip: dict[str, list[Scalar]] = {}


@dataclass(frozen=True, kw_only=True)
class FileMap:
    """Which column is which field."""

    name: str
    description: str = ""
    layout: TableLayout = field(default_factory=TableLayout)
    fields: Mapping[str, Source] = field(default_factory=dict[str, Source])
    """By field; none: columns are called like the API's fields."""
    ignore: frozenset[str] = frozenset()
    ignores_others: bool = False
    learn: tuple[str, ...] = ()
    """Columns of a file without entities, from which a model learns as they are."""
    skip: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Rows that are passed over: by column, its values in small letters."""

    def columns(self) -> dict[str, bool]:
        """Return every column that it reads, and whether it must be there."""
        is_needed_of: dict[str, bool] = {}
        for source in self.fields.values():
            for name, is_needed in source.every_name().items():
                is_needed_of[name] = is_needed_of.get(name, False) or is_needed
        return dict.fromkeys((*self.skip, *self.learn), True) | is_needed_of


def plain_source(name: str) -> Source:
    """Return the source of a field whose column is called like it."""
    return _type(name)(column=name)


def shipped_maps() -> list[str]:
    """Return the names of the maps that come with fraudstream."""
    return sorted(each.name.removesuffix(".yaml") for each in _folder().iterdir() if each.name.endswith(".yaml"))


def shipped_text(name: str) -> str:
    """Return the text of a map that comes with fraudstream.

    Raises:
        FileProblemError: there is none of that name.
    """
    if name not in shipped_maps():
        raise FileProblemError(f"there is no map called {name}; there are {', '.join(shipped_maps())}")
    return (_folder() / f"{name}.yaml").read_text("utf-8")


def load_map(name: str) -> FileMap:
    """Load a map: a file, or by its name one that comes with fraudstream.

    Raises:
        FileProblemError: it is not there, or wrong; the message says where.
    """
    path = Path(name)
    if path.suffix.lower() in {".yaml", ".yml"}:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise FileProblemError(f"{path}: {error.strerror}") from None
    else:
        content = shipped_text(name).encode()
    try:
        return read_map(content, name)
    except DocumentError as error:
        raise FileProblemError(f"{name}: {error}") from None


def read_map(content: bytes, name: str) -> FileMap:
    """Read a map.

    Raises:
        DocumentError: it is wrong; the message says where.
    """
    value = read(content, most_bytes=_MOST_BYTES, most_values=_MOST_VALUES).value
    written = convert(value or {}, _MapFile, _MapFile.__struct_encode_fields__)
    others = written.ignore == "others"
    if isinstance(written.ignore, str) and not others:
        raise DocumentError("ignore must be a list of columns, or the word others")
    section = written.file
    for key in ("separator", "quote", "escape"):
        mark: str | None = getattr(section, key)
        if mark is not None and len(mark) != 1:
            raise DocumentError(f"file.{key} must be one character")
    if section.header_line < 1:
        raise DocumentError("file.header_line must be 1 or more")
    return FileMap(
        name=name,
        description=written.description,
        layout=TableLayout(**msgspec.structs.asdict(section)),
        fields={field_name: _source(field_name, given) for field_name, given in written.fields.items()},
        ignore=frozenset(() if others else written.ignore),
        ignores_others=others,
        learn=tuple(written.learn),
        skip={column: frozenset(plain(each) for each in values) for column, values in written.skip.items()},
    )


def plain(value: object) -> str:
    """Return a value as the codes of maps are compared: a text in small letters."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip().casefold()


def _source(name: str, given: object) -> Source:
    if name not in MAPPED:
        raise DocumentError(f"fields: {shown_key(name)} is no field{suggestion(shown_key(name), MAPPED)}")
    type_ = _type(name)
    written: object = {"column": given} if isinstance(given, str) else given
    try:
        return convert(written, type_, type_.__struct_encode_fields__)
    except DocumentError as error:
        raise DocumentError(f"fields.{name}: {error}") from None


def _type(name: str) -> type[Source]:
    if name in TIMES:
        return TimeSource
    if name == AMOUNT:
        return AmountSource
    if name == "type":
        return TypeSource
    return NumberSource if name in PLACES else Source


def _folder() -> Any:  # noqa: ANN401  (importlib's Traversable moved between Python versions)
    return resources("fraudstream_tools.lab.files") / "maps"
