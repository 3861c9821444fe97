"""Examples from files of transactions with their labels, whose features the online code computes."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fraudstream.detection.judge import Judge
from fraudstream.durations import DAY
from fraudstream.reporting.log.reader.label_arrival import USUAL_DELAY_DAYS, FraudLabel, label_arrival
from fraudstream.reporting.log.reader.standing import LabelHorizon
from fraudstream.transactions.decisions.decision import FraudType
from fraudstream_tools.lab.files.mapping.file_map import FileMap
from fraudstream_tools.lab.files.problems import FileProblemError, Row, place
from fraudstream_tools.lab.files.reading import MappedFile
from fraudstream_tools.lab.files.repeats import refuse_repeated
from fraudstream_tools.lab.files.truths import Truths, read_truths, where_truth_may_be
from fraudstream_tools.lab.replay.history import KnownOutcome, RowRefusedError, as_transaction, judge_history
from fraudstream_tools.lab.training.samples.examples import Decided, Examples, examples

if TYPE_CHECKING:
    from fraudstream.transactions.decisions.decision import Decision
    from fraudstream.transactions.transaction import Transaction

NEEDED: Final = ("amountMinor", "currency", "type", "customerId", "timestamp")
"""What a file of past transactions has to tell of each; it may be without ids."""


@dataclass(frozen=True, kw_only=True)
class KnowledgeCutoff:
    """What may be known."""

    until: int | None = None
    """Epoch milliseconds; None for the newest time in the files."""
    label_delay_days: float | None = None
    """Days after which a transaction's label is known, or will not come; None: as the labels tell."""
    without: Collection[FraudType] = ()
    """Kinds of fraud that are left out."""


def transaction_of(file: MappedFile, row: Row, number: int) -> "Transaction":
    """Build what would be stored of a row of a file.

    Args:
        file: the file.
        row: one of its sound rows.
        number: the row's number, from 1; it takes the place of an id that is missing.

    Raises:
        FileProblemError: it is no transaction; the message names its line and column, never a value.
    """
    try:
        return as_transaction(row.values, number)
    except RowRefusedError as error:
        column = file.column_of(error.field) if error.field else ""
        problem = error.problem if column == error.field else f"{error.field} {error.problem}"
        sentence = f"column {column}: {problem}" if error.field else str(error)
        raise FileProblemError(place(file.path, Row(row.number, {}, (sentence,)))) from None


def from_transactions(
    file: Path,
    truth: Path | None,
    judge: Judge,
    cut: KnowledgeCutoff,
    *,
    on_progress: Callable[[int], None] | None = None,
    file_map: FileMap | None = None,
    truth_map: FileMap | None = None,
) -> Examples:
    """Judge the transactions of a file in the order of time, by the online code, and return them as examples.

    Args:
        file: transactions, by the API's names.
        truth: rows with `transactionId` and what is true of it; None if the file's own rows have it. It is in
            `label` (FRAUD or LEGITIMATE) or, if no row has that, in `fraud` (true or false); `labeledAt` is when it
            became known, and without it that was the labels' delay after the transaction.
        judge: judges by one ruleset.
        cut: what may be known.
        on_progress: told how many transactions were judged.
        file_map: which column of the transactions is which field.
        truth_map: which column of the other file is which field.

    Raises:
        FileProblemError: a file cannot be read, repeats an id, or has no labels.
    """
    transactions, truths, repeated = _read(file, truth, file_map, truth_map)
    times = {each.transaction_id: each.timestamp for each in transactions}
    until = cut.until or max(times.values(), default=0)
    # Where nobody says when a label came, it is taken to come after the usual delay.
    delay = round((USUAL_DELAY_DAYS if cut.label_delay_days is None else cut.label_delay_days) * DAY)
    truth_of = truths.told(times, delay, until)
    if not any(each.known_at is not None for each in truths.told(times, delay).values()):
        hint = "" if truth else f": {where_truth_may_be(file)}"
        raise FileProblemError(f"{truth or file}: no row says what is true, as label or fraud{hint}")
    timely = {
        name: KnownOutcome(each.fraud, each.known_at, each.source)
        for name, each in truth_of.items()
        if each.known_at is not None
    }
    other_kinds = {name for name, each in truth_of.items() if each.fraud and each.fraud_type in cut.without}
    frauds = [FraudLabel(each.source, times[name], each.known_at) for name, each in timely.items() if each.fraud]
    arrival = label_arrival(frauds, until)
    delay_days = arrival.delay_days if cut.label_delay_days is None else cut.label_delay_days
    in_order = sorted((each for each in transactions if each.timestamp <= until), key=lambda each: each.received_at)
    found = examples(
        _decided(judge_history(in_order, timely, judge), other_kinds, on_progress),
        timely,
        judge.ruleset,
        horizon=LabelHorizon(until=until, delay_days=delay_days),
        arrival=arrival,
    )
    found.left_out.other_kinds, found.left_out.repeated = len(other_kinds), repeated
    return found


def _read(
    file: Path, truth: Path | None, file_map: FileMap | None, truth_map: FileMap | None
) -> tuple[Collection["Transaction"], Truths, int]:
    """Return the transactions of a file, each once, with what is true of them, and how many rows repeat an id."""
    transactions: list[Transaction] = []
    truths = Truths(file) if truth is None else read_truths(truth, truth_map)
    rows = MappedFile(file, file_map, needs=NEEDED)
    for number, row in enumerate(rows.sound_rows(), start=1):
        transactions.append(transaction_of(rows, row, number))
        if truth is None:
            truths.add(row, transactions[-1].transaction_id)
    newest = {each.transaction_id: each for each in transactions}
    repeated = len(transactions) - len(newest)
    if not repeated:
        return transactions, truths, 0
    refuse_repeated(rows)
    return newest.values(), truths, repeated


def _decided(
    judged: Iterable[tuple["Transaction", "Decision"]],
    left_out: Collection[str],
    on_progress: Callable[[int], None] | None,
) -> Iterator[Decided]:
    for number, (transaction, decision) in enumerate(judged, start=1):
        if on_progress:
            on_progress(number)
        if transaction.transaction_id in left_out:
            continue
        yield Decided.now(transaction, decision)
