"""Files of other people and of fraudstream's own, read record by record as transactions or labels."""

import shlex
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NoReturn

from fraudstream.counts import counted, word_for
from fraudstream_tools.lab.files.mapping.converting import ROW_NUMBER, RowConverter
from fraudstream_tools.lab.files.mapping.file_map import FIELDS, MAPPED, OWN_COLUMNS, FileMap, plain, plain_source
from fraudstream_tools.lab.files.problems import FileProblemError, ProblemList, Row
from fraudstream_tools.lab.files.tables.delimited import DelimitedFile, shown
from fraudstream_tools.lab.files.tables.formats import read_format
from fraudstream_tools.lab.files.tables.json_lines import JsonLinesFile
from fraudstream_tools.lab.files.tables.parquet import ParquetFile

REQUIRED: Final = ("transactionId", "amountMinor", "currency", "type", "customerId")
"""What the API needs of every transaction."""
_NO_MAP: Final = FileMap(name="")
_CLOSE: Final = 0.85
_MOST_PASSED_OVER: Final = 1000
LEARNT: Final = "learn"
"""In a row's values: those of the columns that its map learns from, as they are, in the map's order."""
_KEPT: Final = frozenset(OWN_COLUMNS) - frozenset(MAPPED) - {"receivedAt"}


def open_table(path: Path, file_map: FileMap | None = None) -> DelimitedFile | JsonLinesFile | ParquetFile:
    """Open a file whose records are read as they are, by their columns' own names.

    Raises:
        FileProblemError: the file is not there, or of no known format, or damaged.
    """
    ending = read_format(path)
    try:
        if ending == ".parquet":
            return ParquetFile(path)
        if ending.startswith(".csv"):
            return DelimitedFile(path, (file_map or _NO_MAP).layout)
        return JsonLinesFile(path)
    except (OSError, EOFError) as error:
        raise FileProblemError(f"{path}: cannot be read: {error}") from None


class MappedFile:
    """A file read through a map; without one, its columns are called like the API's fields."""

    def __init__(
        self, path: Path, file_map: FileMap | None = None, needs: Sequence[str | tuple[str, ...]] = ()
    ) -> None:
        """Look at a file's columns.

        Args:
            path: the file.
            file_map: which column is which field.
            needs: fields without which none of its rows can be used; of a tuple, one is enough.

        Raises:
            FileProblemError: the file cannot be read, or its columns are not those that are needed.
        """
        self.path = path
        self._map = file_map or _NO_MAP
        self._table = open_table(path, self._map)
        self.passed_over: dict[str, None] = {}
        """Columns that are no fields, in the order in which they came."""
        self.skipped = 0
        """Rows that the map passes over."""
        self._kept: list[str] = []
        self._sources = dict(self._map.fields)
        if self._table.columns is not None:
            self._take_columns(self._table.columns)
        self._converter = self._new_converter()
        self._check_needs(needs)

    @property
    def notices(self) -> list[str]:
        """What a person should know of how the file was read."""
        sentences: list[str] = []
        encoding = getattr(self._table, "encoding", "utf-8")
        if encoding not in {"utf-8", "utf-8-sig"} and not self._map.layout.encoding:
            sentences.append(f"read as {encoding}, which was found out; a map can declare another encoding")
        if self.passed_over:
            names = ", ".join(shown(name) for name in list(self.passed_over)[:20])
            more = ", …" if len(self.passed_over) > 20 else ""  # noqa: PLR2004  (as many as fit in some lines)
            sentences.append(f"passed over columns that are no fields: {names}{more}")
        if self.skipped:
            sentences.append(
                f"{counted(self.skipped, 'row')} {word_for(self.skipped, 'was', 'were')} passed over, as the map says"
            )
        return sentences

    def column_of(self, field: str) -> str:
        """Return the column that a field is read from, as messages show it; the field's name where it is none."""
        source = self._sources.get(field)
        return shown(source.names[0]) if source and source.names else field

    def rows(self) -> Iterator[Row]:
        """Read the rows, as fields; those with problems too, so that whoever reads can count them.

        Raises:
            FileProblemError: the file cannot be read to its end.
        """
        self.skipped = 0
        for row in self._table.rows():
            if row.problems:
                yield row
            elif self._is_skipped(row):
                self.skipped += 1
            else:
                yield self._fields(row)

    def sound_rows(self) -> Iterator[Row]:
        """Read the rows, none of which may be wrong.

        Raises:
            FileProblemError: some are, which the message names after all were read; or the file cannot be read.
        """
        problems = ProblemList(self.path)
        for row in self.rows():
            if row.problems:
                problems.add(row)
            else:
                yield row
        has_map = self._map is not _NO_MAP
        other = "the map" if has_map else f"use a map: {suggestion(self.path)} writes one"
        problems.refuse(f"put the file right, or {other}")

    def _fields(self, row: Row) -> Row:
        problems: list[str] = []
        if self._table.columns is None:
            problems = self._take_members(row.values)
        values, wrong = self._converter.convert(row.values, row.number)
        if self._map.learn:
            values[LEARNT] = tuple(map(row.values.get, self._map.learn))
        for name in self._kept:
            if name in row.values:
                values[name] = row.values[name]
        return Row(row.number, values, (*problems, *wrong))

    def _is_skipped(self, row: Row) -> bool:
        return any(plain(row.values.get(column)) in values for column, values in self._map.skip.items())

    def _take_columns(self, columns: Sequence[str]) -> None:
        for name, is_needed in self._map.columns().items():
            if is_needed and name not in columns and name != ROW_NUMBER:
                close = get_close_matches(name, columns, n=1)
                hint = f"; is it {shown(close[0])}?" if close else ""
                raise FileProblemError(f"{self.path}: the map {self._map.name} needs a column {name}{hint}")
        for name in columns:
            if problem := self._take_column(name, columns):
                raise FileProblemError(f"{self.path}, column {shown(name)}: {problem}")

    def _take_column(self, name: str, columns: Sequence[str]) -> str | None:
        """Decide what a column is for; give what is wrong with it."""
        if name in self._map.columns() or name in self._map.ignore:
            return None
        if self._map.fields:
            if self._map.ignores_others or not name:
                return None
            return f"the map {self._map.name} neither maps nor ignores it"
        if name in MAPPED or name == "receivedAt":
            self._sources[name] = plain_source(name)
        elif name in _KEPT:
            self._kept.append(name)
        elif meant := _meant(name, columns):
            return f"did you mean {meant}? Rename it, or name it in a map, under fields or ignore"
        elif name and len(self.passed_over) < _MOST_PASSED_OVER:
            self.passed_over[name] = None
        return None

    def _take_members(self, members: dict[str, Any]) -> list[str]:
        problems: list[str] = []
        known = len(self._sources)
        for name in members:
            if name in self._sources or name in self._kept or name in self.passed_over:
                continue
            if problem := self._take_column(name, list(members)):
                problems.append(f"column {shown(name)}: {problem}")
        if len(self._sources) > known:
            self._converter = self._new_converter()
        return problems

    def _new_converter(self) -> RowConverter:
        # In the API's order, in which the currency comes before all else: amounts need it.
        order = {name: place for place, name in enumerate(("currency", *FIELDS))} | {"currency": 0}
        return RowConverter(dict(sorted(self._sources.items(), key=lambda each: order.get(each[0], len(order)))))

    def _check_needs(self, needs: Sequence[str | tuple[str, ...]]) -> None:
        if self._table.columns is None and not self._map.fields:
            return
        ways = [(each,) if isinstance(each, str) else each for each in needs]
        missing = [" or ".join(names) for names in ways if not self._sources.keys() & set(names)]
        if missing:
            _refuse_missing(self.path, missing, self._map.name)


def suggestion(path: Path) -> str:
    """Return the command that writes a first map for a file, as it can be pasted from where the file was named."""
    return f"`fraudstream files suggest {shlex.quote(str(path))}`"


def _meant(name: str, columns: Sequence[str]) -> str | None:
    """Return the field that a column's name is a slip of, if the file has no other column for it."""
    free = [each for each in MAPPED if each not in columns]
    simple = {_simple(each): each for each in free}
    if _simple(name) in simple:
        return simple[_simple(name)]
    close = get_close_matches(name, free, n=1, cutoff=_CLOSE)
    return close[0] if close else None


def _simple(name: str) -> str:
    return "".join(each for each in name.casefold() if each.isalnum())


def _refuse_missing(path: Path, missing: Sequence[str], map_name: str) -> NoReturn:
    lacking = f"the map {map_name} says nothing of" if map_name else "there is no column"
    hint = "" if map_name else "; the first line has to name the columns, and for other names there are maps: try "
    hint += "" if map_name else suggestion(path)
    raise FileProblemError(f"{path}: {lacking} {', '.join(missing)}{hint}")
