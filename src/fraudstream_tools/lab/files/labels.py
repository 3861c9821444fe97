"""Labels from a file: what chargebacks, customers and analysts say of many transactions at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fraudstream.transactions.decision import Label, Truth
from fraudstream.transactions.transaction import TRANSACTION_ID_PATTERN
from fraudstream_tools.lab.files.transactions import FileProblemError, file_format, read_rows

SHOWN_PROBLEMS: Final = 20
SOURCE_PATTERN: Final = "^[A-Za-z0-9._:-]{1,32}$"
"""A code; sources stand in logs and reports, so that no sentence about a person fits in."""

_ID = re.compile(TRANSACTION_ID_PATTERN)
_SOURCE = re.compile(SOURCE_PATTERN)
_CLOCK_TOLERANCE_MS: Final = 300_000


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


def read_label_file(path: Path, source: str, now: int) -> LabelFile:
    """Read a file of labels.

    Args:
        path: rows with `transactionId`, `label`, `source` and `labeledAt`. Rows that have `fraud` and no `label` are a
            truth file's, and say nothing.
        source: that of rows which have none.
        now: epoch milliseconds; nobody can have said anything later.

    Raises:
        FileProblemError: some rows are wrong; the message names each by its line and field, and no value.
    """
    labels: dict[str, Label] = {}
    problems: list[str] = []
    rows = unlabelled = 0
    place = "row" if file_format(path) == ".parquet" else "line"
    for number, row in read_rows(path):
        if "label" not in row and "fraud" in row:
            unlabelled += 1
            continue
        rows += 1
        wrong = _problems(row, source, now)
        if wrong:
            problems.append(f"{path}, {place} {number}: {'; '.join(wrong)}")
            continue
        new = Label(
            label=Truth(row["label"]),
            label_source=row.get("source", source),
            labeled_at=_time(row["labeledAt"]) or 0,
        )
        old = labels.setdefault(row["transactionId"], new)
        if wins(new, old):
            labels[row["transactionId"]] = new
    if problems:
        more = len(problems) - SHOWN_PROBLEMS
        lines = [*problems[:SHOWN_PROBLEMS], *([f"… and {more:,} more"] if more > 0 else [])]
        raise FileProblemError("\n".join([*lines, "nothing was written: put the file right and give it again"]))
    return LabelFile(labels=labels, rows=rows, unlabelled=unlabelled)


def _problems(row: Mapping[str, Any], source: str, now: int) -> list[str]:
    wrong: list[str] = []
    if not _ID.match(str(row.get("transactionId", ""))) or not isinstance(row["transactionId"], str):
        wrong.append("transactionId must be 1 to 64 letters, digits and . _ : -")
    if row.get("label") not in tuple(Truth):
        wrong.append("label must be FRAUD or LEGITIMATE")
    if not _SOURCE.match(str(row.get("source", source))):
        wrong.append("source must be a code of 1 to 32 letters, digits and . _ : -")
    labeled_at = _time(row.get("labeledAt"))
    if labeled_at is None:
        wrong.append("labeledAt must be a date, a date and time with its zone, or epoch milliseconds")
    elif labeled_at > now + _CLOCK_TOLERANCE_MS:
        wrong.append("labeledAt is in the future")
    return wrong


def _time(value: object) -> int | None:
    """Read a time as epoch milliseconds; a date is its first moment in UTC."""
    if isinstance(value, str) and not value.isdecimal():
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        if moment.tzinfo is None and len(value) > len("2026-11-23"):
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        value = round(moment.timestamp() * 1000)
    if isinstance(value, datetime) and value.tzinfo:
        value = round(value.timestamp() * 1000)
    number = int(value) if isinstance(value, int | str) and not isinstance(value, bool) else -1
    return number if number >= 0 else None
