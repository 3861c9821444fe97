"""Samples from a decision log: features as they were judged."""

from __future__ import annotations

import base64
import binascii
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.rules.language.fields import FIELDS
from fraudstream.durations import DAY
from fraudstream.reporting.log.record import LogRecord
from fraudstream.transactions.decision import Truth, Verdict
from fraudstream.transactions.transaction import FIELDS as DECLARED
from fraudstream.transactions.transaction import AuthorizationResult, Transaction
from fraudstream_tools.lab.backtest.run import Sample, Standing
from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.tables.formats import open_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINES: Final = (".jsonl.gz", ".jsonl")
FORMATS: Final = (*LINES, ".parquet")
NO_RECORDS: Final = frozenset({"tallies", "ids", "hours", "reported"})
"""Folders of the log that hold no records."""

_LOGGED: Final = frozenset(field.encode_name for field in msgspec.structs.fields(LogRecord))
NOT_LOGGED: Final = tuple(field.name for field in FIELDS if field.name not in _LOGGED and field.name not in NAMES)
"""Fields of rules that the log does not keep: a rule that needs one cannot be judged from it."""


class _Head(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of every record first."""

    transaction_id: str
    timestamp: int
    label: str | None = None
    labeled_at: int | None = None


class _Line(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of a decision beside its transaction."""

    features: str | None = None
    decision: str | None = None


_HEAD: Final = msgspec.json.Decoder(_Head)
_LINE: Final = msgspec.json.Decoder(_Line)
_TRANSACTION: Final = msgspec.json.Decoder(Transaction)
_COLUMNS: Final = {field.public_name: field.name for field in DECLARED if field.public_name in _LOGGED}


class DecisionLog:
    """A decision log's files."""

    def __init__(self, place: Path, label_delay_days: float) -> None:
        """Read what is known of transactions; the transactions themselves are read when they are asked for.

        Args:
            place: the log's folder, any folder in it, or one file.
            label_delay_days: days after which a transaction without a label counts as legitimate.

        Raises:
            FileProblemError: there is no log, or a file cannot be read.
        """
        found = [place] if place.is_file() else sorted(place.rglob("*"))
        self._files = [
            path
            for path in found
            if path.name.endswith(FORMATS) and not NO_RECORDS.intersection(path.relative_to(place).parts[:-1])
        ]
        if not self._files:
            raise FileProblemError(f"{place}: there is no decision log ({', '.join(FORMATS)})")
        self._labels: dict[str, tuple[int, bool]] = {}
        self._newest = 0
        for file in self._files:
            self._read_labels(file)
        self._matured = self._newest - label_delay_days * DAY

    def samples(self) -> Iterator[Sample]:
        """Return every decided transaction once."""
        seen: set[str] = set()
        for file in self._files:
            for transaction, packed, decision in self._decisions(file):
                # Labels repeat their decisions, and segments what the stream delivered again.
                if transaction.transaction_id not in seen:
                    seen.add(transaction.transaction_id)
                    yield Sample(transaction, (packed,), self._standing(transaction, decision))

    def _standing(self, transaction: Transaction, decision: str | None) -> Standing:
        label = self._labels.get(transaction.transaction_id)
        if label is not None:
            return Standing.FRAUD if label[1] else Standing.LEGITIMATE
        declined = decision == Verdict.DECLINE or transaction.authorization_result == AuthorizationResult.DECLINED
        matured = self._labels and transaction.timestamp <= self._matured
        return Standing.MATURED if matured and not declined else Standing.UNKNOWN

    def _note(self, transaction_id: str, label: str | None, labeled_at: int | None) -> None:
        if label is None:
            return
        # The newest holds; when two contradict each other at the same moment, fraud stands.
        told = (labeled_at or 0, label == Truth.FRAUD)
        self._labels[transaction_id] = max(told, self._labels.get(transaction_id, told))

    def _read_labels(self, file: Path) -> None:
        if file.name.endswith(LINES):
            for line, text in _lines(file):
                head = _decode(_HEAD, file, line, text)
                self._newest = max(self._newest, head.timestamp)
                self._note(head.transaction_id, head.label, head.labeled_at)
            return
        for columns in _batches(file, ("transactionId", "timestamp", "label", "labeledAt")):
            self._newest = max(self._newest, *columns["timestamp"])
            if "label" in columns:
                for each in zip(columns["transactionId"], columns["label"], columns["labeledAt"], strict=True):
                    self._note(*each)

    def _decisions(self, file: Path) -> Iterator[tuple[Transaction, bytes, str | None]]:
        if file.name.endswith(LINES):
            for line, text in _lines(file):
                if '"features"' in text:
                    beside = _decode(_LINE, file, line, text)
                    yield _decode(_TRANSACTION, file, line, text), _bytes(beside.features), beside.decision
            return
        for columns in _batches(file, (*_COLUMNS, "features", "decision")):
            if "features" not in columns:
                return
            names = [name for name in _COLUMNS if name in columns]
            parameters = [_COLUMNS[name] for name in names]
            rows = zip(columns["features"], columns["decision"], *(columns[name] for name in names), strict=True)
            for features, decision, *values in rows:
                if features is not None:
                    yield Transaction(**dict(zip(parameters, values, strict=True))), _bytes(features), decision


def _bytes(features: str | None) -> bytes:
    try:
        return base64.b64decode(features or "")
    except (binascii.Error, ValueError):
        return b""


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    try:
        with open_text(file) as text:
            yield from ((number, line) for number, line in enumerate(text, start=1) if line.strip())
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise FileProblemError(f"{file}: cannot be read: {error}") from None


def _decode(decoder: Any, file: Path, line: int, text: str) -> Any:  # noqa: ANN401  (of any of the types above)
    try:
        return decoder.decode(text)
    except msgspec.DecodeError:
        raise FileProblemError(f"{file}, line {line}: not a record of the decision log") from None


def _batches(file: Path, wanted: tuple[str, ...]) -> Iterator[dict[str, list[Any]]]:
    # Imported late: 70 ms that logs in JSON need not pay.
    parquet: Any = import_module("pyarrow.parquet")
    arrow: Any = import_module("pyarrow")
    try:
        with parquet.ParquetFile(file) as table:
            there = [name for name in wanted if name in table.schema_arrow.names]
            if not {"transactionId", "timestamp"} <= set(table.schema_arrow.names):
                raise FileProblemError(f"{file}: no decision log: it has no transactionId or timestamp")
            for batch in table.iter_batches(batch_size=8192, columns=there):
                if batch.num_rows:
                    yield {name: batch.column(name).to_pylist() for name in there}
    except arrow.ArrowInvalid:
        raise FileProblemError(f"{file}: not a Parquet file") from None
