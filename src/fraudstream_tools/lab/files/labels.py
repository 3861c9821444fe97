"""Labels from a file: what chargebacks, customers and analysts say of many transactions at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream.transactions.transaction import TRANSACTION_ID_PATTERN
from fraudstream.transactions.values.times import TIMES_NEEDED, is_before, is_future
from fraudstream_tools.lab.files.mapping.file_map import FileMap
from fraudstream_tools.lab.files.problems import ProblemList, Row
from fraudstream_tools.lab.files.reading import MappedFile

SOURCE_PATTERN: Final = "^[A-Za-z0-9._:-]{1,32}$"
"""A code; sources appear in logs and reports, so that no sentence about a person fits in."""

_ID = re.compile(TRANSACTION_ID_PATTERN)
_SOURCE = re.compile(SOURCE_PATTERN)


@dataclass(frozen=True, kw_only=True)
class LabelFile:
    """What a file says."""

    labels: dict[str, Label]
    """The one that wins, by transaction id."""
    rows: int
    """Rows with a label."""
    unlabelled: int
    """Rows of a truth file that nobody labels."""


def wins(new: Label, old: Label) -> bool:
    """Return whether a label takes another one's place: if it is newer, or at the same moment says fraud."""
    if new.labeled_at != old.labeled_at:
        return new.labeled_at > old.labeled_at
    return new.label is Truth.FRAUD and old.label is not Truth.FRAUD


def read_label_file(path: Path, source: str, now: int, file_map: FileMap | None = None) -> LabelFile:
    """Read a file of labels.

    Args:
        path: rows with `transactionId`, `label`, `source` and `labeledAt`. Rows that have `fraud` and no `label` are a
            truth file's, and say nothing.
        source: that of rows which have none.
        now: epoch milliseconds; nobody can have said anything later than this day.
        file_map: which column is which field; then rows without a label say nothing.

    Raises:
        FileProblemError: some rows are wrong; the message names each by its line and field, and no value.
    """
    labels: dict[str, Label] = {}
    problems = ProblemList(path)
    rows = unlabelled = 0
    for row in MappedFile(path, file_map).rows():
        values = row.values
        if not row.problems and "label" not in values and (file_map is not None or "fraud" in values):
            unlabelled += 1
            continue
        rows += 1
        told = {problem.partition(":")[0] for problem in row.problems}
        found = _problems(values, source, now) if values or not row.problems else []
        wrong = [*row.problems, *(each for each in found if each.partition(":")[0] not in told)]
        if wrong:
            problems.add(Row(row.number, values, tuple(wrong)))
            continue
        new = Label(
            label=Truth(values["label"]), label_source=values.get("source", source), labeled_at=values["labeledAt"]
        )
        old = labels.setdefault(values["transactionId"], new)
        if wins(new, old):
            labels[values["transactionId"]] = new
    problems.refuse("nothing was written: put the file right and give it again")
    return LabelFile(labels=labels, rows=rows, unlabelled=unlabelled)


def _problems(row: Mapping[str, Any], source: str, now: int) -> list[str]:
    wrong: list[str] = []
    if not isinstance(row.get("transactionId"), str) or not _ID.match(row["transactionId"]):
        wrong.append("column transactionId: must be 1 to 64 letters, digits and . _ : - (not . or .. alone)")
    if row.get("label") not in tuple(Truth):
        wrong.append("column label: must be FRAUD or LEGITIMATE")
    if not _SOURCE.match(str(row.get("source", source))):
        wrong.append("column source: must be a code of 1 to 32 letters, digits and . _ : -")
    labeled_at: int | None = row.get("labeledAt")
    if labeled_at is None:
        wrong.append(f"column labeledAt: must be {TIMES_NEEDED}")
    elif is_future(labeled_at, now):
        wrong.append("column labeledAt: is in the future")
    elif "timestamp" in row and is_before(labeled_at, row["timestamp"]):
        wrong.append("column labeledAt: is older than its transaction")
    return wrong
