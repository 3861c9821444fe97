"""What turned out to be true of transactions, as files tell it."""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, NamedTuple

from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.values.times import is_before
from fraudstream_tools.lab.files.mapping.file_map import FileMap, plain
from fraudstream_tools.lab.files.problems import ProblemList, Row
from fraudstream_tools.lab.files.reading import MappedFile
from fraudstream_tools.lab.files.shifting import truth_file

_FRAUD: Final = frozenset({"1", "1.0", "true", "yes", "y", "t"})
_NO_FRAUD: Final = frozenset({"0", "0.0", "false", "no", "n", "f"})


class Told(NamedTuple):
    """What is true of a transaction."""

    fraud: bool
    known_at: int | None
    """When it became known, epoch milliseconds: by the first label after which none said otherwise. None: never."""
    fraud_type: str | None = None
    source: str = ""
    """Who said so first; empty where the file does not tell."""


class _Label(NamedTuple):
    row: int
    fraud: bool
    is_label: bool
    labeled_at: int | None
    fraud_type: str | None
    source: str


class Truths:
    """What the rows of a file tell.

    A row tells it by `label` (FRAUD or LEGITIMATE), known at `labeledAt`; or by `fraud` (true or false), which nobody
    may ever have said, so that it is never known. Where no row has a `label`, `fraud` becomes known after the labels'
    delay.
    """

    def __init__(self, path: Path) -> None:
        """Begin without any row."""
        self._path = path
        self._labels: dict[str, list[_Label]] = {}
        self._has_labels = False
        self._problems = ProblemList(path)

    def add(self, row: Row, transaction_id: str) -> None:
        """Add what a row says of a transaction."""
        label, fraud = row.values.get("label"), row.values.get("fraud")
        code = plain(fraud)
        if label is not None and label not in tuple(Truth):
            self._problems.add(Row(row.number, {}, ("column label: must be FRAUD or LEGITIMATE",)))
        elif label is None and fraud is not None and code not in _FRAUD | _NO_FRAUD:
            self._problems.add(Row(row.number, {}, ("column fraud: must be true or false",)))
        elif label is not None or fraud is not None:
            is_fraud = label == Truth.FRAUD if label is not None else code in _FRAUD
            self._has_labels |= label is not None
            stated = _Label(
                row.number,
                is_fraud,
                label is not None,
                row.values.get("labeledAt"),
                row.values.get("fraudType"),
                plain(row.values.get("source")),
            )
            self._labels.setdefault(transaction_id, []).append(stated)

    def told(self, times: Mapping[str, int], delay: int, until: int | None = None) -> dict[str, Told]:
        """Return what is true of transactions, by their ids: the newest label of each, of two at once that of fraud.

        Args:
            times: when transactions happened, by id, epoch milliseconds; others are left out.
            delay: milliseconds after which a label is known that does not say when.
            until: labels that became known later are left out.

        Raises:
            FileProblemError: rows are wrong, or know something before it happened; the message names them.
        """
        truth_of: dict[str, Told] = {}
        for name, labels in self._labels.items():
            happened_at = times.get(name)
            if happened_at is None:
                continue
            checked = [each for label in labels if (each := self._checked(label, happened_at, delay))]
            checked = [each for each in checked if until is None or each.known_at is None or each.known_at <= until]
            if checked:
                truth_of[name] = _together(sorted(checked, key=_order))
        self._problems.refuse("a label cannot be known before its transaction: are its times right?")
        return truth_of

    def _checked(self, label: _Label, happened_at: int, delay: int) -> Told | None:
        if not label.is_label and self._has_labels:
            return Told(label.fraud, None)
        known_at = happened_at + delay if label.labeled_at is None else label.labeled_at
        if is_before(known_at, happened_at):
            self._problems.add(Row(label.row, {}, ("column labeledAt: is older than its transaction",)))
            return None
        return Told(label.fraud, known_at, label.fraud_type, label.source)


def _together(labels: Sequence[Told]) -> Told:
    """Return what labels of one transaction come to, oldest first."""
    newest = labels[-1]
    same = takewhile(lambda each: each.fraud == newest.fraud and each.known_at is not None, reversed(labels))
    # A chargeback repeats weeks later what the customer said.
    *_, first = newest, *same
    # Whoever says fraud later may not know which.
    typed = [each.fraud_type for each in labels if each.fraud_type]
    return first._replace(fraud_type=typed[-1] if newest.fraud and typed else None)


def _order(label: Told) -> tuple[bool, int, bool]:
    return label.known_at is not None, label.known_at or 0, label.fraud


def read_truths(path: Path, file_map: FileMap | None = None) -> Truths:
    """Read a file of truths: rows with `transactionId` and what is true of it.

    Args:
        path: the file.
        file_map: which of its columns is which field.

    Raises:
        FileProblemError: it cannot be read, or some of its rows are wrong.
    """
    truths = Truths(path)
    for row in MappedFile(path, file_map, needs=("transactionId",)).sound_rows():
        name: Any = row.values.get("transactionId")
        truths.add(row, str(name))
    return truths


def where_truth_may_be(file: Path) -> str:
    """Return the end of a sentence about a file of transactions that does not say what is true: what to name."""
    beside = truth_file(file)
    if beside.is_file():
        return f"if {beside} beside it does, name that with --truth"
    return "if another file does, name it with --truth"
