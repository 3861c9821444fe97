"""A transaction that somebody asks about: as it was logged with its features, or with the history before it."""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from fraudstream.detection.features.codec import FeatureError, unpack
from fraudstream.detection.features.compute import Calendar
from fraudstream.detection.features.registry import Vector
from fraudstream.detection.judge import Judge
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.reporting.log.reader.decision_log import DecisionLog
from fraudstream.reporting.storage.json_objects import NO_JSON
from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.lab.files.mapping.file_map import TIMES, FileMap
from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.tables.formats import read_format
from fraudstream_tools.lab.files.transactions import from_text, read_records, read_transactions
from fraudstream_tools.lab.replay.history import as_transaction, judge_history


class ExplainedTransaction(NamedTuple):
    """What is to be explained."""

    transaction: Transaction
    history: Sequence[Transaction]
    """What happened before it, oldest first."""
    vector: Vector | None
    """Its features as they were logged; None: to be computed from its history."""
    listed_as: Sequence[str] = ()
    """On which lists its entities were when it was judged, beside those of lists.yaml."""


def read_explained_transaction(
    file: Path, transaction_id: str | None, file_map: FileMap | None
) -> ExplainedTransaction:
    """Read what is to be explained.

    A JSON file holds one transaction, a list of them, or a transaction and its `history`; other files, and those that
    are read through a map, are read as histories. The last transaction is meant, or the one with the id; all before it
    are its history. `features`, as a decision log holds them, stand above a history.

    Args:
        file: what to read.
        transaction_id: of the transaction that is meant; None for the last one.
        file_map: which column is which field; None where columns are called like the API's fields.

    Raises:
        FileProblemError: the file cannot be used, or there is no such transaction in it.
    """
    rows = _rows(file, file_map)
    before: list[dict[str, Any]] = []
    chosen: dict[str, Any] | None = None
    for row in map(_with_times, rows):
        if chosen is not None:
            before.append(chosen)
        chosen = row
        if transaction_id is not None and row.get("transactionId") == transaction_id:
            break
    else:
        chosen = chosen if transaction_id is None else None
    if chosen is None:
        raise FileProblemError(f"{file}: there is no transaction{' of this id' if transaction_id else ''} in it")
    try:
        *history, transaction = [as_transaction(row, number) for number, row in enumerate([*before, chosen], start=1)]
        return ExplainedTransaction(transaction, history, _logged(chosen))
    except FileProblemError as error:
        raise FileProblemError(f"{file}: {error}") from None


def read_logged_transaction(log: DecisionLog, transaction_id: str | None) -> ExplainedTransaction:
    """Read what is to be explained from a decision log: the transaction with the id, or the newest one.

    Raises:
        FileProblemError: the log has no decision on it, or features that this version cannot read.
    """
    decision = log.newest() if transaction_id is None else next(log.decisions(transaction_id), None)
    if decision is None:
        raise FileProblemError(f"the decision log has no decision{' on this id' if transaction_id else ''}")
    try:
        return ExplainedTransaction(decision.transaction, (), unpack(decision.features), decision.listed_as)
    except FeatureError as error:
        raise FileProblemError(f"features: {error}") from None


def vector_of(question: ExplainedTransaction, ruleset: Ruleset, calendar: Calendar) -> Vector:
    """Return the features of the transaction that is asked about: as they were logged, or else by a calendar."""
    if question.vector is not None:
        return question.vector
    *_, (_, decision) = judge_history([*question.history, question.transaction], {}, Judge(ruleset, calendar))
    return unpack(decision.features)


def _rows(file: Path, file_map: FileMap | None) -> Iterable[dict[str, Any]]:
    if file_map is not None:
        return read_transactions(file, file_map)
    if file.suffix == ".json":
        return _json(file)
    # Only texts need to be read as what each field is; a decision log's records have more than the API's fields.
    return read_transactions(file) if read_format(file).startswith(".csv") else read_records(file)


class _WithHistory(msgspec.Struct, frozen=True):
    transaction: dict[str, Any]
    history: list[dict[str, Any]] = []


def _json(file: Path) -> Iterable[dict[str, Any]]:
    try:
        content = file.read_bytes()
        if content.lstrip().startswith(b"["):
            return msgspec.json.decode(content, type=list[dict[str, Any]])
        whole = msgspec.json.decode(content, type=dict[str, Any])
        if "transaction" not in whole:
            return [whole]
        question = msgspec.convert(whole, _WithHistory)
    except OSError as error:
        raise FileProblemError(f"{file}: {error.strerror}") from None
    except NO_JSON as error:
        raise FileProblemError(f"{file}: it has to hold transactions in JSON: {error}") from None
    return [*question.history, question.transaction]


def _with_times(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose times are epoch milliseconds, whichever way the API takes them they were written in."""
    written = {name: value for name in TIMES if isinstance(value := row.get(name), str)}
    try:
        return {**row, **{name: from_text(name, value) for name, value in written.items()}}
    except ValueError:
        # What it is instead is told with its row, as that of any other field.
        return row


def _logged(row: Mapping[str, Any]) -> Vector | None:
    packed: object = row.get("features")
    if packed is None:
        return None
    try:
        return unpack(packed if isinstance(packed, bytes) else base64.b64decode(str(packed), validate=True))
    except (FeatureError, binascii.Error) as error:
        raise FileProblemError(f"features: {error}") from None
