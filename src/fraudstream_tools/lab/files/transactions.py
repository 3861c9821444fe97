"""Transactions in files: CSV, JSON Lines (compressed too) and Parquet, as the API takes them or through a map."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fraudstream_tools.lab.files.mapping.converting import RowConverter
from fraudstream_tools.lab.files.mapping.file_map import MAPPED, FileMap, plain_source
from fraudstream_tools.lab.files.problems import FileProblemError, place
from fraudstream_tools.lab.files.reading import MappedFile, open_table
from fraudstream_tools.lab.files.tables.formats import open_bytes, read_format


def read_transactions(path: Path, file_map: FileMap | None = None) -> Iterator[dict[str, Any]]:
    """Read transactions, or labels, one by one, in the file's order; what is empty or null is left out.

    Args:
        path: the file.
        file_map: which column is which field; None where columns are called like the API's fields.

    Raises:
        FileProblemError: the file cannot be read, or some of its rows are wrong; the message names them.
    """
    return (row.values for row in MappedFile(path, file_map).sound_rows())


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """Read the records of a file as they are, by the names of its own columns.

    Raises:
        FileProblemError: the file cannot be read, or a line of it is no record.
    """
    for row in open_table(path).rows():
        if row.problems:
            raise FileProblemError(place(path, row))
        yield row.values


def count_transactions(path: Path) -> int | None:
    """Return how many rows a file holds where that is quick to know; None for CSV, where it is not."""
    ending = read_format(path)
    if ending.startswith(".csv"):
        return None
    if ending == ".parquet":
        return getattr(open_table(path), "count", None)
    try:
        with open_bytes(path) as lines:
            return sum(1 for line in lines if line.strip())
    except (OSError, EOFError):
        return None


def from_text(name: str, value: str) -> Any:  # noqa: ANN401  (a JSON value)
    """Read one of the API's fields from text; another name's text stays as it is.

    Raises:
        ValueError: the text is not what the field needs; the message names the field, and not the value.
    """
    if name not in MAPPED:
        return value
    values, problems = RowConverter({name: plain_source(name)}).convert({name: value}, 1)
    if problems:
        raise ValueError(problems[0].replace("column ", "", 1).replace(": ", " ", 1))
    return values.get(name)
