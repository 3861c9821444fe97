"""A file's transactions and what is true of them, moved in time as one."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fraudstream.transactions.values.times import is_future
from fraudstream_tools.lab.files.mapping.file_map import TIMES, FileMap
from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.reading import MappedFile
from fraudstream_tools.lab.files.tables.formats import file_format
from fraudstream_tools.lab.files.writing import write_rows

_IDS = ("transactionId", "originalTransactionId", "networkReference")
_TOLD = ("label", "source", "labeledAt", "fraudType")
_KEPT = (*_TOLD, "actionTaken", "actionAt", "fraud", "episode", "trap")


class ShiftedTruth(NamedTuple):
    """A file of truths that was written."""

    path: Path
    rows: int
    not_yet_known: int
    """Labels that were left out: at their new time, nobody has given them yet."""
    was_there: bool
    """It took the place of an earlier one."""


def shifted(row: dict[str, Any], milliseconds: int, id_suffix: str = "") -> dict[str, Any]:
    """Move a transaction, or its label, in time; a suffix makes its id another, since it is another transaction."""
    changed = dict(row)
    for name in TIMES:
        if isinstance(changed.get(name), int):
            changed[name] += milliseconds
    for name in _IDS:
        if isinstance(changed.get(name), str):
            changed[name] += id_suffix
    return changed


def truth_file(path: Path) -> Path:
    """Return the path of the truth file that belongs to a file of transactions."""
    ending = _ending(path)
    return path.with_name(path.name.removesuffix(ending) + ".truth" + ending)


def time_span(path: Path, file_map: FileMap | None) -> tuple[int, int]:
    """Return when the first and the last transaction of a file happened, epoch milliseconds.

    Raises:
        FileProblemError: the file cannot be read, or no transaction of it has a timestamp.
    """
    first = last = None
    for row in MappedFile(path, file_map).rows():
        time = row.values.get("timestamp")
        if not row.problems and isinstance(time, int):
            first = time if first is None else min(first, time)
            last = time if last is None else max(last, time)
    if first is None or last is None:
        raise FileProblemError(f"{path}: --shift-to-now needs a timestamp in the file, and there is none")
    return first, last


def write_shifted_truth(
    path: Path, file_map: FileMap | None, *, ahead: int, id_suffix: str, now: int, limit: int | None
) -> ShiftedTruth | None:
    """Write what is true of a file's transactions, moved in time as they are, into a file beside it.

    It is read from the file's own rows, or from the truth file beside it.

    Args:
        path: the transactions.
        file_map: which column is which field.
        ahead: milliseconds.
        id_suffix: put behind every id.
        now: epoch milliseconds; labels that would be given later are left out, and only what is true stays.
        limit: of how many transactions.

    Returns:
        What was written; None where nothing says what is true.

    Raises:
        FileProblemError: a file cannot be read or written.
    """
    beside = truth_file(path)
    source = MappedFile(beside) if beside.is_file() else MappedFile(path, file_map)
    wanted = None if limit is None else _first_ids(path, file_map, limit)
    not_yet_known = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal not_yet_known
        for row in source.rows():
            stated = {name: row.values[name] for name in _KEPT if name in row.values}
            name = row.values.get("transactionId")
            if row.problems or name is None or not stated.keys() & {"label", "fraud"}:
                continue
            if wanted is not None and name not in wanted:
                continue
            moved = shifted({"transactionId": name} | stated, ahead, id_suffix)
            if is_future(moved.get("labeledAt", 0), now):
                not_yet_known += 1
                is_fraud = moved.get("fraud", moved.get("label") == "FRAUD")
                moved = {name: each for name, each in moved.items() if name not in _TOLD} | {"fraud": is_fraud}
            yield moved

    moved_rows = rows()
    first = next(moved_rows, None)
    if first is None:
        return None
    target = _shifted_file(path)
    was_there = target.exists()
    count = write_rows(target, itertools.chain([first], moved_rows))
    return ShiftedTruth(target, count, not_yet_known, was_there)


def _first_ids(path: Path, file_map: FileMap | None, limit: int) -> set[Any]:
    rows = (row.values.get("transactionId") for row in MappedFile(path, file_map).rows() if not row.problems)
    return set(itertools.islice(rows, limit))


def _shifted_file(path: Path) -> Path:
    ending = _ending(path)
    return path.with_name(
        path.name.removesuffix(ending) + ".shifted.truth" + (ending if _is_written(path) else ".jsonl")
    )


def _ending(path: Path) -> str:
    return file_format(path) if _is_written(path) else path.suffix


def _is_written(path: Path) -> bool:
    try:
        file_format(path)
    except FileProblemError:
        return False
    return True
