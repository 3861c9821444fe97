"""Samples from a file of transactions: features are computed anew, by replay in the order of time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fraudstream.durations import DAY
from fraudstream.transactions.transaction import AuthorizationResult
from fraudstream_tools.lab.backtest.run import CHUNK, Sample, Standing
from fraudstream_tools.lab.backtest.workers import chunks, first_stage
from fraudstream_tools.lab.files.examples import NEEDED, transaction_of
from fraudstream_tools.lab.files.problems import FileProblemError, ProblemList
from fraudstream_tools.lab.files.reading import MappedFile
from fraudstream_tools.lab.files.repeats import add_repeated, refuse_repeats
from fraudstream_tools.lab.files.truths import Told, Truths, read_truths
from fraudstream_tools.lab.replay.stages import SHARED_KINDS, HistoryStep, Seen, Stage, packed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from fraudstream.detection.features.compute import Calendar
    from fraudstream.detection.rules.rates import Rates
    from fraudstream.transactions.transaction import Transaction
    from fraudstream_tools.lab.files.mapping.file_map import FileMap


@dataclass
class History:
    """Transactions in the order in which they came in, and what is true of them."""

    transactions: list[Transaction]
    told: dict[str, Told]
    """By transaction id."""
    repeated: int
    """Rows left out, because the same transaction came before."""
    newest: int = field(init=False)

    def __post_init__(self) -> None:
        """Note the newest time."""
        self.newest = max((each.timestamp for each in self.transactions), default=0)

    def standing(self, transaction: Transaction, label_delay_days: float) -> Standing:
        """Return what is known of a transaction, in the end."""
        told = self.told.get(transaction.transaction_id)
        if told is not None:
            return Standing.FRAUD if told.fraud else Standing.LEGITIMATE
        declined = transaction.authorization_result == AuthorizationResult.DECLINED
        matured = self.told and transaction.timestamp <= self.newest - label_delay_days * DAY
        return Standing.MATURED if matured and not declined else Standing.UNKNOWN

    def steps(self) -> Iterator[HistoryStep]:
        """Return what happens, in order: each transaction, and each fraud when it becomes known."""
        waiting: list[tuple[int, int, Transaction]] = []
        for number, transaction in enumerate(self.transactions):
            while waiting and waiting[0][0] <= transaction.received_at:
                known_at, _, known = heapq.heappop(waiting)
                yield HistoryStep(known, known_at)
            yield HistoryStep(transaction)
            told = self.told.get(transaction.transaction_id)
            if told is not None and told.fraud and told.known_at is not None:
                heapq.heappush(waiting, (told.known_at, number, transaction))


def read_history(
    file: Path,
    truth: Path | None,
    label_delay_days: float,
    *,
    on_progress: Callable[[int], None] | None,
    file_map: FileMap | None,
    truth_map: FileMap | None,
) -> History:
    """Read transactions, and what is true of them.

    A row tells it by `label` (FRAUD or LEGITIMATE), known at `labeledAt`; or by `fraud` (true or false), which counts
    in the figures alone, since nobody may ever have said so. Where no row has a `label`, frauds become known after the
    labels' delay.

    Args:
        file: transactions, by the API's names, in any order.
        truth: rows that tell, by transactionId; None: those of the file itself.
        label_delay_days: days after which a label is known that does not say when.
        on_progress: told how many transactions were read.
        file_map: which column of the transactions is which field.
        truth_map: which column of the other file is which field.

    Raises:
        FileProblemError: a file cannot be read, or gives an id to two different transactions.
    """
    transactions: dict[str, Transaction] = {}
    truths = Truths(file) if truth is None else read_truths(truth, truth_map)
    repeated = 0
    first_rows: dict[str, int] = {}
    differing = ProblemList(file)
    rows = MappedFile(file, file_map, needs=NEEDED)
    for number, row in enumerate(rows.sound_rows(), start=1):
        transaction = transaction_of(rows, row, number)
        if truth is None:
            truths.add(row, transaction.transaction_id)
        first = transactions.setdefault(transaction.transaction_id, transaction)
        if first is not transaction:
            repeated += 1
            if first != transaction:
                add_repeated(differing, rows, row, first_rows[transaction.transaction_id])
            continue
        first_rows[transaction.transaction_id] = row.number
        if on_progress and number % CHUNK == 0:
            on_progress(number)
    refuse_repeats(differing)
    if not transactions:
        raise FileProblemError(f"{file}: there is no transaction in it")
    times = {name: each.timestamp for name, each in transactions.items()}
    told = truths.told(times, round(label_delay_days * DAY))
    return History(sorted(transactions.values(), key=lambda each: each.received_at), told, repeated)


def replayed(
    history: History, rates: Sequence[Rates], calendar: Calendar, *, label_delay_days: float, elsewhere: bool
) -> Iterator[Sample]:
    """Compute features by replay, and give each transaction as a sample, in the order of time.

    Args:
        history: what happened.
        rates: to the base currency: one, or one for each ruleset.
        calendar: time zone and delay of labels.
        label_delay_days: days after which a transaction without a label counts as legitimate.
        elsewhere: compute half of the features in another process.
    """
    second = [Stage(SHARED_KINDS, each, calendar) for each in rates]
    with first_stage(rates, calendar, elsewhere=elsewhere) as see:
        for steps, seen in see(chunks(history.steps())):
            for step, views in zip(steps, seen, strict=True):
                if vectors := _vectors(second, step, views):
                    yield Sample(step.transaction, vectors, history.standing(step.transaction, label_delay_days))


def _vectors(second: Sequence[Stage], step: HistoryStep, views: Sequence[Seen]) -> tuple[bytes, ...]:
    """Learn a step in the second stages, and return the features of both; none where a step has none to judge."""
    vectors: list[bytes] = []
    for stage, view in zip(second, views, strict=True):
        shared = stage.take(step, new=view.new)
        if view.values is not None and shared.values is not None:
            vectors.append(packed(view.values, shared.values))
    return tuple(vectors)


def distinct(rates: Iterable[tuple[bytes, Rates]]) -> list[Rates]:
    """Return one of the rates if all of their files are the same, else all of them."""
    listed = list(rates)
    return [listed[0][1]] if len({content for content, _ in listed}) == 1 else [each for _, each in listed]
