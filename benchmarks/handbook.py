"""The Fraud Detection Handbook's transactions and the protocol on which its results are published.

Le Borgne, Siblini, Lebichot, Bontempi: Reproducible Machine Learning for Credit Card Fraud Detection, 2022, chapters 3
and 5. Four test weeks; labels are known after a delay; cards known to be defrauded leave the test.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score  # pyright: ignore[reportUnknownVariableType]  (no types)

from fraudstream.transactions.transaction import Transaction, TransactionType
from fraudstream_tools.lab.training.measuring.metrics import recall_at_false_positives

START: Final = 1_522_540_800_000
"""2018-04-01 in epoch milliseconds: the first day."""
DAY: Final = 86_400_000
FIRST_TEST_DAYS: Final = (129, 136, 143, 150)
"""2018-08-08 and the three Wednesdays after it, in days since the start."""
WEEK: Final = 7
KNOWN_CARDS_DAYS: Final = 7
"""Customers with a fraud in the week before the delay are known, whatever the length of training."""
CARDS_A_DAY: Final = 100

Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Transactions:
    """The world's transactions, in order of time."""

    times: Integers
    """Epoch milliseconds."""
    customers: Integers
    terminals: Integers
    amounts: Integers
    """Hundredths of a dollar."""
    frauds: Flags

    @property
    def days(self) -> Integers:
        """Days since the start."""
        return (self.times - START) // DAY

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[Transaction]:
        columns = (self.times, self.customers, self.terminals, self.amounts)
        for number, (time, customer, terminal, amount) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
            yield Transaction(
                transaction_id=str(number),
                timestamp=time,
                received_at=time,
                amount_minor=amount,
                currency="USD",
                type=TransactionType.PAYMENT,
                customer_id=f"c{customer}",
                terminal_id=f"t{terminal}",
            )


def read(path: Path, days: int) -> Transactions:
    """Read the first days of a file with the columns that `data/README.md` of the handbook's export names.

    Raises:
        OSError: the file cannot be read.
        KeyError: it has other columns.
    """
    names = ["time_seconds", "customer_id", "terminal_id", "amount_cents", "fraud"]
    table: Any = cast("Any", pq).read_table(path, columns=names)
    seconds, customers, terminals, amounts, frauds = (np.asarray(table[name], dtype=np.int64) for name in names)
    wanted = seconds < days * 86_400
    return Transactions(
        START + seconds[wanted] * 1000, customers[wanted], terminals[wanted], amounts[wanted], frauds[wanted] == 1
    )


class HandbookFigures(NamedTuple):
    """What the protocol measures on one test week."""

    auc: float
    ap: float
    cp100: float
    recall: float
    """At 0.1 % false positives."""


def training_days(first_test_day: int, delay: int, length: int) -> tuple[int, int]:
    """Return the days to train on for a test week: from the first one to before the last one."""
    return first_test_day - delay - length, first_test_day - delay


def measure(world: Transactions, scores: Numbers, first_test_day: int, delay: int) -> HandbookFigures:
    """Measure scores on one test week.

    Args:
        world: all transactions.
        scores: one for each of them; only those of the test week count.
        first_test_day: of the week, in days since the start.
        delay: days until labels are known.
    """
    days, kept = world.days, np.zeros(len(world), dtype=np.bool_)
    before = first_test_day - delay
    known = set(world.customers[(days >= before - KNOWN_CARDS_DAYS) & (days < before) & world.frauds].tolist())
    caught: set[int] = set()
    shares: list[float] = []
    for day in range(WEEK):
        known |= set(world.customers[(days == before + day - 1) & world.frauds].tolist())
        today = (days == first_test_day + day) & ~np.isin(world.customers, list(known))
        kept |= today
        defrauded = _most_suspicious(world, scores, today, caught)
        shares.append(len(defrauded) / CARDS_A_DAY)
        caught |= defrauded
    truth, found = world.frauds[kept], scores[kept]
    return HandbookFigures(
        float(cast("Any", roc_auc_score(truth, found))),
        float(cast("Any", average_precision_score(truth, found))),
        float(np.mean(shares)),
        recall_at_false_positives(found, truth)[0],
    )


def _most_suspicious(world: Transactions, scores: Numbers, today: Flags, caught: set[int]) -> set[int]:
    """Return those of the day's 100 most suspicious customers, who were not caught before, that were defrauded."""
    highest: dict[int, float] = {}
    columns = world.customers[today].tolist(), scores[today].tolist()
    for customer, score in zip(*columns, strict=True):
        if customer not in caught:
            highest[customer] = max(score, highest.get(customer, -np.inf))
    suspects = sorted(highest, key=lambda customer: -highest[customer])[:CARDS_A_DAY]
    return set(suspects) & set(world.customers[today & world.frauds].tolist())
