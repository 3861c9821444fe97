"""Text files of columns: separators and quotes are found out, and every complaint has its line."""

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from fraudstream.counts import counted
from fraudstream_tools.lab.files.problems import FileProblemError, Row
from fraudstream_tools.lab.files.tables.encodings import declared_encoding, find_encoding
from fraudstream_tools.lab.files.tables.formats import open_bytes

SEPARATORS: Final = (",", ";", "\t", "|")
_QUOTES: Final = ('"', "'")
_SAMPLE_LINES: Final = 50
_LONGEST_VALUE: Final = 1 << 20
_VALUE: Final = re.compile(r"\d(?:\D*\d){4}|@")
_INVISIBLE: Final = "\ufeff\u200b\u00a0 \t"


@dataclass(frozen=True, kw_only=True)
class TableLayout:
    """How a text file of columns is written; None is found out."""

    encoding: str | None = None
    separator: str | None = None
    quote: str | None = None
    escape: str | None = None
    header_line: int = 1


class DelimitedFile:
    """A text file of columns."""

    def __init__(self, path: Path, layout: TableLayout) -> None:
        """Look at the beginning of a file.

        Raises:
            FileProblemError: it cannot be read, or has no line of names.
        """
        self.path = path
        self._layout = layout
        self.encoding = declared_encoding(layout.encoding, path) if layout.encoding else find_encoding(path)
        with self._refusals(1), self._text() as text:
            sample = list(itertools.islice(text, layout.header_line + _SAMPLE_LINES))
        self._skipped = layout.header_line - 1
        declared = _declared_separator(sample)
        self._skipped += declared is not None and layout.header_line == 1
        lines = sample[self._skipped :]
        if not any(line.strip() for line in lines):
            raise FileProblemError(f"{path}: there is nothing in it")
        self._quote = layout.quote or _quote(lines[0])
        self.separator = layout.separator or declared or _separator(lines, self._quote)
        self.columns = self._header()

    def rows(self) -> Iterator[Row]:
        """Read the records, empty lines left out; values are texts without spaces around them.

        Raises:
            FileProblemError: the file cannot be read to its end.
        """
        with self._text() as text:
            records = self._records(text)
            next(records)
            for number, values in records:
                yield self._row(number, values)

    def _row(self, number: int, values: list[str]) -> Row:
        columns = self.columns
        if len(values) > len(columns) and not any(each.strip() for each in values[len(columns) :]):
            values = values[: len(columns)]
        if len(values) != len(columns):
            more = f"{counted(len(values), 'column')}, and the first line has {len(columns)}"
            return Row(number, {}, (f"{more}: is a separator within a value, or a quote left open?",))
        named = zip(columns, values, strict=True)
        return Row(number, {name: text for name, value in named if (text := value.strip(_INVISIBLE))})

    def _header(self) -> list[str]:
        with self._text() as text:
            first = next(self._records(text), None)
        if first is None:
            raise FileProblemError(f"{self.path}: it has no line with the names of columns")
        _, names = first
        names = [name.strip(_INVISIBLE + "\r\n") for name in names]
        twice = sorted(name for name, count in Counter(names).items() if count > 1 and name)
        if twice:
            raise FileProblemError(f"{self.path}, line {self._skipped + 1}: two columns are called {shown(twice[0])}")
        return names

    def _records(self, text: IO[str]) -> Iterator[tuple[int, list[str]]]:
        csv.field_size_limit(_LONGEST_VALUE)
        with self._refusals(1):
            for _ in range(self._skipped):
                text.readline()
        options: dict[str, Any] = {
            "delimiter": self.separator,
            "quotechar": self._quote,
            "strict": True,
            "skipinitialspace": True,
        }
        if self._layout.escape:
            options |= {"escapechar": self._layout.escape, "doublequote": False}
        reader = csv.reader(text, **options)
        while True:
            number = self._skipped + reader.line_num + 1
            try:
                with self._refusals(number):
                    values = next(reader, None)
            except csv.Error:
                raise FileProblemError(
                    f"{self.path}, line {number}: a quote is not closed, or text follows a closing one"
                ) from None
            if values is None:
                return
            if any(value.strip() for value in values):
                yield number, values

    @contextmanager
    def _refusals(self, line: int) -> Generator[None]:
        """Refuse what cannot be read as text, from a line on."""
        try:
            yield
        except UnicodeError:
            raise FileProblemError(
                f"{self.path}, line {line} or soon after: not {self.encoding}; say its encoding in a map"
            ) from None
        except (OSError, EOFError) as error:
            raise FileProblemError(f"{self.path}: cannot be read: {error}") from None

    def _text(self) -> IO[str]:
        return io.TextIOWrapper(open_bytes(self.path), encoding=self.encoding, newline="")


def shown(name: str) -> str:
    """Return a column's name as messages show it: short, without what cannot be printed, and not if it may be a value.

    Where the first line names no columns, it holds values, and some may be personal.
    """
    if _VALUE.search(name):
        return "(a name that is not shown)"
    return "".join(each if each.isprintable() else "?" for each in name[:60]) or "(without a name)"


def _declared_separator(lines: list[str]) -> str | None:
    # A first line such as `sep=;`, by which spreadsheets are told.
    first = lines[0].strip('\ufeff\r\n "') if lines else ""
    is_declared = first.lower().startswith("sep=") and len(first) == len("sep=;")
    return first[-1] if is_declared else None


def _quote(header: str) -> str:
    start = header.lstrip(_INVISIBLE)[:1]
    return start if start in _QUOTES else '"'


def _separator(lines: list[str], quote: str) -> str:
    """Find the separator: that by which most lines have as many columns as the first, and that in the most."""

    def fit(separator: str) -> tuple[int, int]:
        try:
            counts = [len(values) for values in csv.reader(lines, delimiter=separator, quotechar=quote) if values]
        except csv.Error:
            return 0, 0
        return (sum(count == counts[0] for count in counts), counts[0]) if counts[0] > 1 else (0, 0)

    return max(SEPARATORS, key=fit)
