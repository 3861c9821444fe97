"""A history of transactions, judged as the analyzer would have: its own code computes the features."""

from __future__ import annotations

import heapq
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from fraudstream.detection.learning import learn_label
from fraudstream.detection.profiles.events import UnusableTransactionError, check, identity
from fraudstream.detection.profiles.profile import LabelChange
from fraudstream.transactions.pseudonyms.addresses import entity_address
from fraudstream.transactions.pseudonyms.tokens import coarse
from fraudstream.transactions.transaction import Transaction
from fraudstream.transactions.values.times import other_unit
from fraudstream_tools.lab.files.mapping.file_map import FIELDS
from fraudstream_tools.lab.files.problems import FileProblemError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fraudstream.detection.judge import Judge
    from fraudstream.detection.profiles.profile import Profile
    from fraudstream.transactions.decisions.decision import Decision


class RowRefusedError(FileProblemError):
    """A row is no transaction."""

    def __init__(self, number: int, field: str | None, problem: str) -> None:
        """Name the row and the field, and never a value."""
        super().__init__(f"row {number}: {field or 'a field'} {problem}")
        self.field = field
        self.problem = problem


class KnownOutcome(NamedTuple):
    """What turned out to be true of a transaction."""

    fraud: bool
    known_at: int
    """When it became known, epoch milliseconds."""
    source: str = ""
    """Who said so; empty where that is not told."""


def as_transaction(row: Mapping[str, Any], number: int) -> Transaction:
    """Build what would be stored of a row of a file; columns that are no fields of the API are passed over.

    Args:
        row: the row, by the API's names; without `transactionId` its number takes that place.
        number: the row's number, from 1.

    Raises:
        RowRefusedError: it is no transaction; the message names the row and the field, never a value.
    """
    values = {name: row[name] for name in FIELDS if row.get(name) is not None}
    values.setdefault("transactionId", f"row-{number}")
    for name in ("timestamp", "accountOpenedAt"):
        time: object = values.get(name)
        if isinstance(time, int | float) and (problem := other_unit(time, may_be_old=name == "accountOpenedAt")):
            raise RowRefusedError(number, name, problem)
    values["receivedAt"] = row.get("receivedAt", row.get("timestamp", 0))
    if isinstance(address := values.get("ipAddress"), str):
        with suppress(ValueError):  # what is no address may be a token
            values["ipAddress"] = entity_address(address)
    for name in ("latitude", "longitude"):
        if isinstance(values.get(name), float):
            values[name] = coarse(values[name])
    try:
        transaction = msgspec.convert(values, Transaction)
        check(transaction)
    except msgspec.ValidationError as error:
        # msgspec's own message may hold the value; what follows "$." is the field.
        where = re.search(r"(?:\$\.|field `)(\w+)", str(error))
        raise RowRefusedError(number, where[1] if where else None, "is missing or wrong") from None
    except (UnusableTransactionError, ValueError) as error:
        field, _, problem = str(error).partition(" ")
        raise RowRefusedError(number, field, problem) from None
    return transaction


class ReplayedProfiles:
    """Profiles, and the labels that are still to come."""

    def __init__(self) -> None:
        """Begin with nobody known."""
        self._profiles: dict[str, Profile] = {}
        self._waiting: list[tuple[int, int, Transaction]] = []
        self._number = 0

    def judge(self, judge: Judge, transaction: Transaction, truth: KnownOutcome | None) -> Decision:
        """Judge the next transaction; profiles learn each label when it becomes known, not before.

        Args:
            judge: judges by one ruleset.
            transaction: received no earlier than the ones before it.
            truth: what will be known of it.
        """
        _learn(self._profiles, _due(self._waiting, transaction.received_at))
        judgement = judge.judge(transaction, self._profiles, transaction.received_at)
        self._profiles.update(judgement.profiles)
        # Profiles count frauds; that something was legitimate changes nothing in them.
        if truth is not None and truth.fraud:
            heapq.heappush(self._waiting, (truth.known_at, self._number, transaction))
            self._number += 1
        return judgement.decision


def judge_history(
    transactions: Sequence[Transaction], known: Mapping[str, KnownOutcome], judge: Judge
) -> Iterator[tuple[Transaction, Decision]]:
    """Judge transactions one after the other; profiles learn each label when it becomes known, not before.

    Args:
        transactions: in the order in which they were received.
        known: what turned out to be true, by transaction id.
        judge: judges by one ruleset.
    """
    history = ReplayedProfiles()
    for transaction in transactions:
        yield transaction, history.judge(judge, transaction, known.get(transaction.transaction_id))


def _due(waiting: list[tuple[int, int, Transaction]], now: int) -> Iterator[tuple[int, Transaction]]:
    while waiting and waiting[0][0] <= now:
        known_at, _, transaction = heapq.heappop(waiting)
        yield known_at, transaction


def _learn(profiles: dict[str, Profile], labels: Iterable[tuple[int, Transaction]]) -> None:
    for known_at, transaction in labels:
        change = LabelChange(known_at, identity(transaction.transaction_id))
        profiles.update(learn_label(transaction, profiles, change, 1).changed)
