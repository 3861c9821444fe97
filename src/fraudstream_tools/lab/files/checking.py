"""Rows looked at as the API would, before anything is posted."""

import itertools
import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fraudstream.durations import DAY
from fraudstream.transactions.api.validation import RequestRefusedError, TimeBounds, read_request
from fraudstream.transactions.values.times import EARLIEST, LATEST
from fraudstream_tools.lab.files.mapping.file_map import FIELDS, FileMap
from fraudstream_tools.lab.files.problems import FileProblemError, ProblemList, Row
from fraudstream_tools.lab.files.reading import REQUIRED, MappedFile, suggestion

USUAL_PAST_DAYS: Final = 30
"""How many days ago a transaction may be, where the setting maxPastDays says nothing else."""
_LOOKED_AT: Final = 100
_EVER: Final = TimeBounds(earliest=EARLIEST, latest=LATEST)


@dataclass(kw_only=True)
class FileCheck:
    """What a file holds."""

    wrong: ProblemList
    notices: list[str]
    rows: int = 0
    """Rows that the map does not pass over."""
    skipped: int = 0
    repeated: int = 0
    """Rows whose transactionId an earlier row has too."""
    labels: int = 0
    oldest: int | None = None
    newest: int | None = None
    """Times of transactions, epoch milliseconds."""
    too_old: int = 0
    """Rows that an API refuses for their age, unless its setting maxPastDays differs."""
    stopped: str | None = None
    """Why the rest of the file could not be read; None: it was."""


def api_fields(values: dict[str, Any]) -> dict[str, Any]:
    """Return what of a row is posted: the API's fields, without labels and what else a file may tell."""
    return {name: values[name] for name in FIELDS if name in values}


def check_file(
    path: Path, file_map: FileMap | None, limit: int | None = None, *, now: int, shift_to_now: bool = False
) -> FileCheck:
    """Read a whole file and look at each of its rows as the API would.

    A row is not wrong for its age, since that depends on the day and on the stack's settings: old ones are counted.

    Args:
        path: the file.
        file_map: which column is which field.
        limit: how many rows are looked at.
        now: epoch milliseconds.
        shift_to_now: whether the last transaction will be moved to now, and all others as much.

    Raises:
        FileProblemError: nothing of the file can be read, or its columns are not those that are needed.
    """
    file = MappedFile(path, file_map, needs=REQUIRED)
    result = FileCheck(wrong=ProblemList(path), notices=[])
    seen: set[str] = set()
    times = array("q")
    for row in _readable(itertools.islice(checked_rows(file), limit), result):
        result.rows += 1
        if row.problems:
            result.wrong.add(row)
            continue
        name = row.values["transactionId"]
        result.repeated += name in seen
        seen.add(name)
        result.labels += "label" in row.values or "fraud" in row.values
        if (time := row.values.get("timestamp")) is not None:
            times.append(time)
            result.oldest = min(time, result.oldest or time)
            result.newest = max(time, result.newest or time)
    latest = result.newest if shift_to_now and result.newest is not None else now
    result.too_old = sum(time < latest - USUAL_PAST_DAYS * DAY for time in times)
    result.skipped = file.skipped
    result.notices = file.notices
    return result


def _readable(rows: Iterator[Row], result: FileCheck) -> Iterator[Row]:
    """Yield rows as far as the file can be read."""
    try:
        yield from rows
    except FileProblemError as error:
        if not result.rows:
            raise
        result.stopped = str(error)


def checked_rows(file: MappedFile) -> Iterator[Row]:
    """Read rows with all that is wrong with them, also for the API."""
    for row in file.rows():
        yield row if row.problems else Row(row.number, row.values, tuple(_api_problems(file, row.values)))


def refuse_useless(path: Path, file_map: FileMap | None) -> MappedFile:
    """Open a file to be posted, of whose first rows at least one can be used.

    Raises:
        FileProblemError: the file cannot be read, or none of its first 100 rows can be used.
    """
    file = MappedFile(path, file_map, needs=REQUIRED)
    problems = ProblemList(path)
    for number, row in enumerate(itertools.islice(checked_rows(file), _LOOKED_AT), start=1):
        if row.problems:
            problems.add(row)
        if problems.count < number:
            return file
    if not problems.count:
        raise FileProblemError(f"{path}: there is no row in it")
    hint = "" if file_map else f"; {suggestion(path)} writes a first map"
    problems.refuse(f"nothing was posted: none of the first {problems.count} rows can be used{hint}")
    return file


def _api_problems(file: MappedFile, values: dict[str, Any]) -> Iterator[str]:
    try:
        read_request(json.dumps(api_fields(values)).encode(), _EVER)
    except RequestRefusedError as refused:
        for error in refused.errors:
            field = error.field.partition(".")[0]
            column = file.column_of(field)
            yield f"column {column}: {'' if column == field else f'{error.field} '}{error.message}"
