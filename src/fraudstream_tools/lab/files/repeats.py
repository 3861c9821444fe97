"""Transactions of a file that have the same transactionId: nothing would tell apart whose a label is.

A row that is there twice is the same transaction, and no fault.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fraudstream_tools.lab.files.mapping.file_map import FIELDS
from fraudstream_tools.lab.files.problems import ProblemList, Row, row_word

if TYPE_CHECKING:
    from fraudstream_tools.lab.files.reading import MappedFile


def refuse_repeated(file: "MappedFile") -> None:
    """Read a file again, and refuse it if two different transactions have the same transactionId.

    Raises:
        FileProblemError: some have; the message names their lines, and no id.
    """
    problems = ProblemList(file.path)
    for row, first in _repeated(file):
        add_repeated(problems, file, row, first)
    refuse_repeats(problems)


def add_repeated(problems: ProblemList, file: "MappedFile", row: Row, first: int) -> None:
    """Add that a row has the transactionId of an earlier one, by the earlier one's number."""
    problem = (
        f"column {file.column_of('transactionId')}: gives the transactionId of {row_word(file.path)} {first} again"
    )
    problems.add(Row(row.number, {}, (problem,)))


def refuse_repeats(problems: ProblemList) -> None:
    """Raise if there are any.

    Raises:
        FileProblemError: there are; the message says what to do.
    """
    problems.refuse("each transaction needs an id of its own: put them right, or let a map make ids of more columns")


def _repeated(file: "MappedFile") -> Iterator[tuple[Row, int]]:
    first: dict[Any, tuple[int, int]] = {}
    for row in file.rows():
        name = row.values.get("transactionId")
        if name is None or row.problems:
            continue
        content = hash(repr([row.values.get(each) for each in FIELDS]))
        number, there = first.setdefault(name, (row.number, content))
        if there != content:
            yield row, number
