"""Formats of files, by their names."""

import gzip
from pathlib import Path
from typing import IO, Final, cast

from fraudstream_tools.lab.files.problems import FileProblemError

FORMATS: Final = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".parquet")
"""What is written and read."""
_READ_TOO: Final = {
    ".ndjson": ".jsonl",
    ".ndjson.gz": ".jsonl.gz",
    ".tsv": ".csv",
    ".tsv.gz": ".csv.gz",
    ".txt": ".csv",
}

_OTHER_FORMATS: Final = {
    b"\x1f\x8b": "is compressed: its name has to end in .gz",
    b"PK\x03\x04": "is a spreadsheet or a ZIP archive: save the sheet as CSV, or take the file out",
    b"\xd0\xcf\x11\xe0": "is a spreadsheet: save the sheet as CSV",
    b"PAR1": "is a Parquet file: its name has to end in .parquet",
    b"%PDF": "is a PDF, and no table",
    b"SQLite format 3\0": "is a database: export the table as CSV",
}
"""What a file that is none of ours begins with, and what to do about it."""
_LONGEST_MARK: Final = max(map(len, _OTHER_FORMATS))


def file_format(path: Path) -> str:
    """Return the format in which a file is written, by its name.

    Raises:
        FileProblemError: the name ends in no format that is known here.
    """
    for ending in FORMATS:
        if path.name.endswith(ending):
            return ending
    raise _unknown(path)


def read_format(path: Path) -> str:
    """Return the format as which a file is read, by its name, in capitals or not.

    Raises:
        FileProblemError: there is no such file, or its name ends in no format that is known here.
    """
    if not path.is_file():
        raise FileProblemError(f"{path}: {'it is a folder: name a file in it' if path.is_dir() else 'no such file'}")
    name = path.name.lower()
    for ending, read_as in {**dict(zip(FORMATS, FORMATS, strict=True)), **_READ_TOO}.items():
        if name.endswith(ending):
            return read_as
    raise _unknown(path)


def _unknown(path: Path) -> FileProblemError:
    name, hint = path.name.lower(), ""
    if name.endswith((".xls", ".xlsx", ".ods")):
        hint = ": save the sheet as CSV"
    elif name.endswith((".json", ".json.gz")):
        hint = ": .jsonl is JSON Lines, which has one object on each line (`jq -c '.[]'` makes it from an array)"
    return FileProblemError(f"{path.name}: the name has to end in {', '.join(FORMATS)}{hint}")


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading, decompressed if its name says so.

    Raises:
        FileProblemError: it begins as a file of another format does.
        OSError: it cannot be opened.
    """
    if path.name.lower().endswith(".gz"):
        return cast("IO[bytes]", gzip.open(path))
    file = path.open("rb")
    first = file.peek(_LONGEST_MARK)
    for mark, advice in _OTHER_FORMATS.items():
        if first.startswith(mark):
            file.close()
            raise FileProblemError(f"{path}: {advice}")
    return file
