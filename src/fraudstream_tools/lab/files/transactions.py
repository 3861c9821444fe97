"""Transactions in files: CSV, JSON Lines (compressed too) and Parquet, as the API takes them."""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast

from fraudstream.transactions.transaction import FIELDS as DECLARED

FORMATS = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".parquet")


class FileProblemError(ValueError):
    """A file that transactions cannot be read from or written to."""


FIELDS = tuple(field.public_name for field in DECLARED if field.spec.request is not None)
"""The API's fields, in the order of columns; files may have fewer, and unknown ones are left to the API to refuse."""
_INTEGERS = frozenset(field.public_name for field in DECLARED if field.type is int)
_FLOATS = frozenset(field.public_name for field in DECLARED if field.type is float)


def file_format(path: Path) -> str:
    """Return the format of a file by its name.

    Raises:
        FileProblemError: the name ends in no format that is known here.
    """
    for ending in FORMATS:
        if path.name.endswith(ending):
            return ending
    raise FileProblemError(f"{path.name}: the name has to end in {', '.join(FORMATS)}")


def read_transactions(path: Path) -> Iterator[dict[str, Any]]:
    """Read transactions one by one, in the file's order; what is empty in CSV or null in Parquet is left out.

    Raises:
        FileProblemError: the file is not there, or a line of it is not a transaction; the message names the line.
    """
    return (row for _, row in read_rows(path))


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read transactions, or other rows, with the number of the line (in Parquet of the row) that each stands in.

    Raises:
        FileProblemError: as for `read_transactions`.
    """
    ending = file_format(path)
    if not path.is_file():
        raise FileProblemError(f"{path}: no such file")
    try:
        if ending == ".parquet":
            yield from enumerate(_read_parquet(path), start=1)
            return
        with _open(path, "r") as text:
            yield from _read_csv(path, text) if ending.startswith(".csv") else _read_json_lines(path, text)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise FileProblemError(f"{path}: cannot be read: {error}") from None


def count_transactions(path: Path) -> int | None:
    """Return the number of transactions in a file; None for CSV, where counting means reading all of it."""
    ending = file_format(path)
    if ending == ".parquet":
        return int(_pyarrow("parquet").ParquetFile(path).metadata.num_rows)
    if ending.startswith(".jsonl"):
        with _open(path, "r") as text:
            return sum(1 for line in text if line.strip())
    return None


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write transactions, or other rows of JSON values, and return their number; the same rows give the same bytes.

    Raises:
        FileProblemError: the name's ending is unknown, or the file cannot be written.
    """
    ending = file_format(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if ending == ".parquet":
            return _write_parquet(path, list(rows))
        with _open(path, "w") as text:
            return _write_csv(text, list(rows)) if ending.startswith(".csv") else _write_json_lines(text, rows)
    except OSError as error:
        raise FileProblemError(f"{path}: cannot be written: {error.strerror}") from None


def write_columns(path: Path, columns: Mapping[str, Any]) -> None:
    """Write a table of numbers, an array for each column, as Parquet or CSV; the same table gives the same bytes.

    Raises:
        FileProblemError: the name ends otherwise, or the file cannot be written.
    """
    ending = file_format(path)
    if ending not in {".parquet", ".csv"}:
        raise FileProblemError(f"{path.name}: a table goes into a file whose name ends in .parquet or .csv")
    table = _pyarrow("lib").table(dict(columns))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if ending == ".parquet":
            _pyarrow("parquet").write_table(table, path, compression="zstd")
        else:
            options = _pyarrow("csv").WriteOptions(quoting_style="none")
            _pyarrow("csv").write_csv(table, path, options)
    except OSError as error:
        raise FileProblemError(f"{path}: cannot be written: {error.strerror}") from None


def _pyarrow(module: str) -> Any:  # noqa: ANN401  (pyarrow has no types)
    # Imported late: 70 ms that other formats need not pay.
    return import_module(f"pyarrow.{module}")


def open_text(path: Path) -> IO[str]:
    """Open a text file for reading, compressed if its name says so."""
    return _open(path, "r")


def _open(path: Path, mode: str) -> IO[str]:
    if not path.name.endswith(".gz"):
        return path.open(mode, encoding="utf-8", newline="")
    if mode == "r":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
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


def _read_json_lines(path: Path, text: IO[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
        except ValueError:
            raise FileProblemError(f"{path}, line {number}: not JSON") from None
        if not isinstance(row, dict):
            raise FileProblemError(f"{path}, line {number}: not a JSON object")
        yield number, cast("dict[str, Any]", row)


def _read_csv(path: Path, text: IO[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(text, restkey="")
    for row in reader:
        if "" in row or None in row.values():
            raise FileProblemError(f"{path}, line {reader.line_num}: other columns than the first line has")
        try:
            values = {name: from_text(name, value) for name, value in row.items() if value != ""}
        except ValueError as error:
            raise FileProblemError(f"{path}, line {reader.line_num}: {error}") from None
        yield reader.line_num, values


def from_text(name: str, value: str) -> Any:  # noqa: ANN401  (a JSON value)
    """Read one of the API's fields from text: numbers where the field is one, JSON for `metadata`.

    Raises:
        ValueError: the text is none of these; the message names the field.
    """
    try:
        if name in _INTEGERS:
            return int(value)
        if name in _FLOATS:
            return float(value)
        return json.loads(value) if name == "metadata" else value
    except ValueError:
        wanted = "an integer" if name in _INTEGERS else "a number" if name in _FLOATS else "JSON"
        raise ValueError(f"{name} is not {wanted}") from None


def _read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with _pyarrow("parquet").ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1000):
                rows = cast("list[dict[str, Any]]", batch.to_pylist())
                for row in rows:
                    yield {name: _plain(value) for name, value in row.items() if value is not None}
    except _pyarrow("lib").ArrowInvalid:
        raise FileProblemError(f"{path}: not a Parquet file") from None


def _plain(value: object) -> object:
    # Arrow's maps come as lists of pairs, and a struct has a member for every key that any row has.
    if isinstance(value, dict):
        return {key: member for key, member in cast("dict[str, object]", value).items() if member is not None}
    return dict(cast("list[tuple[str, object]]", value)) if isinstance(value, list) else value


def _write_json_lines(text: IO[str], rows: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    for row in rows:
        text.write(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n")
        count += 1
    return count


def _names(rows: list[Mapping[str, Any]]) -> list[str]:
    found = {name for row in rows for name in row}
    return [*(name for name in FIELDS if name in found), *sorted(found.difference(FIELDS))]


def _write_csv(text: IO[str], rows: list[Mapping[str, Any]]) -> int:
    writer = csv.DictWriter(text, _names(rows), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: json.dumps(v) if isinstance(v, dict) else v for k, v in row.items()})
    return len(rows)


def _write_parquet(path: Path, rows: list[Mapping[str, Any]]) -> int:
    arrow = _pyarrow("lib")
    columns = {name: arrow.array([row.get(name) for row in rows]) for name in _names(rows)}
    _pyarrow("parquet").write_table(arrow.table(columns), path, compression="zstd")
    return len(rows)
