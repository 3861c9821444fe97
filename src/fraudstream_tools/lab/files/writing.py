"""Transactions, labels and tables written into files; the same rows give the same bytes."""

import csv
import gzip
import io
import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast

from fraudstream_tools.lab.files.mapping.file_map import FIELDS
from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.tables.formats import file_format
from fraudstream_tools.lab.files.tables.parquet import pyarrow
from fraudstream_tools.whole_files import whole_file


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write transactions, or other rows of JSON values, and give their number; the same rows give the same bytes.

    Raises:
        FileProblemError: the name's ending is unknown, or the file cannot be written.
    """
    with _written(path) as new:
        return _write_rows(new, rows)


def write_together(files: Mapping[Path, Iterable[Mapping[str, Any]]]) -> None:
    """Write rows of JSON values into files that belong together: none takes its place before all of them are whole.

    Raises:
        FileProblemError: a name's ending is unknown, or a file cannot be written.
    """
    with ExitStack() as stack:
        for path, rows in files.items():
            _write_rows(stack.enter_context(_written(path)), rows)


def write_columns(path: Path, columns: Mapping[str, Any]) -> None:
    """Write a table of numbers, an array for each column, as Parquet or CSV; the same table gives the same bytes.

    Raises:
        FileProblemError: the name ends otherwise, or the file cannot be written.
    """
    ending = file_format(path)
    if ending not in {".parquet", ".csv"}:
        raise FileProblemError(f"{path.name}: a table goes into a file whose name ends in .parquet or .csv")
    table = pyarrow("lib").table(dict(columns))
    with _written(path) as new:
        if ending == ".parquet":
            pyarrow("parquet").write_table(table, new, compression="zstd")
        else:
            options = pyarrow("csv").WriteOptions(quoting_style="none")
            pyarrow("csv").write_csv(table, new, options)


@contextmanager
def _written(path: Path) -> Generator[Path]:
    file_format(path)
    try:
        with whole_file(path) as new:
            yield new
    except OSError as error:
        raise FileProblemError(f"{path}: cannot be written: {error.strerror}") from None


def _write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    ending = file_format(path)
    if ending == ".parquet":
        return _write_parquet(path, list(rows))
    with _open(path) as text:
        return _write_csv(text, list(rows)) if ending.startswith(".csv") else _write_json_lines(text, rows)


def _open(path: Path) -> IO[str]:
    if not path.name.lower().endswith(".gz"):
        return path.open("w", encoding="utf-8", newline="")
    # Without a name and a time in its head, so that the same rows give the same bytes.
    return io.TextIOWrapper(cast("IO[bytes]", _PlainGzip(path)), encoding="utf-8", newline="")


class _PlainGzip(gzip.GzipFile):
    """A compressed file that closes the file under it."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("wb")
        super().__init__(filename="", mode="wb", fileobj=self._raw, mtime=0)

    def close(self) -> None:
        super().close()
        self._raw.close()


def _write_json_lines(text: IO[str], rows: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    for row in rows:
        text.write(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n")
        count += 1
    return count


def _names(rows: list[Mapping[str, Any]]) -> list[str]:
    names = {name for row in rows for name in row}
    return [*(name for name in FIELDS if name in names), *sorted(names.difference(FIELDS))]


def _write_csv(text: IO[str], rows: list[Mapping[str, Any]]) -> int:
    writer = csv.DictWriter(text, _names(rows), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: json.dumps(v) if isinstance(v, dict) else v for k, v in row.items()})
    return len(rows)


def _write_parquet(path: Path, rows: list[Mapping[str, Any]]) -> int:
    arrow = pyarrow("lib")
    columns = {name: arrow.array([row.get(name) for row in rows]) for name in _names(rows)}
    pyarrow("parquet").write_table(arrow.table(columns), path, compression="zstd")
    return len(rows)
