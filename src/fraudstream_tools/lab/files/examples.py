"""Examples from files: a decision log, or transactions with their labels, whose features the online code computes."""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fraudstream.detection.judge import Judge
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.durations import DAY
from fraudstream.reporting.log.keys import LogTable
from fraudstream.transactions.decision import Truth
from fraudstream_tools.lab.files.mapping.file_map import FileMap
from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.reading import MappedFile
from fraudstream_tools.lab.files.transactions import read_records
from fraudstream_tools.lab.files.truths import Truths, read_truths
from fraudstream_tools.lab.replay.history import KnownOutcome, as_transaction, judge_history
from fraudstream_tools.lab.training.examples import Decided, Examples, examples, is_declined, rule_points

if TYPE_CHECKING:
    from fraudstream.transactions.transaction import Transaction

LOG_FORMATS: Final = (".jsonl.gz", ".jsonl", ".parquet")
_OTHER: Final = frozenset({LogTable.TALLIES.value, LogTable.IDS.value})
"""Folders of a decision log that hold no decisions or labels."""
NEEDED: Final = ("amountMinor", "currency", "type", "customerId", "timestamp")
"""What a file of past transactions has to tell of each; it may be without ids."""


@dataclass(frozen=True, kw_only=True)
class KnowledgeCutoff:
    """What may be known."""

    until: int | None = None
    """Epoch milliseconds; None for the newest time in the files."""
    label_delay_days: float = 7


def from_log(
    place: Path, ruleset: Ruleset, cut: KnowledgeCutoff, on_progress: Callable[[int], None] | None = None
) -> Examples:
    """Read examples from a decision log: a folder as it lies in the bucket, or one of its files.

    Segments and hourly files may overlap: each decision counts once, and of a transaction's labels the newest.

    Args:
        place: the folder or file.
        ruleset: says how many points the rules that hit give now.
        cut: what may be known.
        on_progress: told how many records were read.

    Raises:
        FileProblemError: nothing is there, or a file cannot be read.
    """
    decided: dict[str, Decided] = {}
    labels: dict[str, list[KnownOutcome]] = {}
    newest, points = 0, _points(ruleset)
    for number, record in enumerate(_records(place), start=1):
        newest = max(newest, record["timestamp"], record.get("loggedAt") or 0)
        if record.get("features"):
            decided.setdefault(record["transactionId"], _decided(record, points))
        if record.get("label"):
            truth = KnownOutcome(record["label"] == Truth.FRAUD, record["labeledAt"])
            labels.setdefault(record["transactionId"], []).append(truth)
        if on_progress:
            on_progress(number)
    if not decided:
        raise FileProblemError(f"{place}: there is no decision with features in it")
    until = cut.until or newest
    # When two contradict each other at the same moment, fraud stands.
    known = {
        name: max(timely, key=lambda truth: (truth.known_at, truth.fraud))
        for name, truths in labels.items()
        if (timely := [truth for truth in truths if truth.known_at <= until])
    }
    return examples(decided.values(), known, until=until, label_delay_days=cut.label_delay_days)


def from_transactions(
    file: Path,
    truth: Path | None,
    judge: Judge,
    cut: KnowledgeCutoff,
    *,
    on_progress: Callable[[int], None] | None = None,
    file_map: FileMap | None = None,
) -> Examples:
    """Judge the transactions of a file in the order of time, by the online code, and return them as examples.

    Args:
        file: transactions, by the API's names.
        truth: rows with `transactionId` and what is true of it; None if that stands in the file's own rows. It is in
            `label` (FRAUD or LEGITIMATE) or, if no row has that, in `fraud` (true or false); `labeledAt` is when it
            became known, and without it that was the labels' delay after the transaction.
        judge: judges by one ruleset.
        cut: what may be known.
        on_progress: told how many transactions were judged.
        file_map: which column of the transactions is which field.

    Raises:
        FileProblemError: a file cannot be read, or has no labels.
    """
    transactions: list[Transaction] = []
    truths = Truths(file) if truth is None else read_truths(truth)
    for number, row in enumerate(MappedFile(file, file_map, needs=NEEDED).sound_rows(), start=1):
        transactions.append(as_transaction(row.values, number))
        if truth is None:
            truths.add(row, transactions[-1].transaction_id)
    times = {each.transaction_id: each.timestamp for each in transactions}
    until = cut.until or max(times.values(), default=0)
    told = truths.told(times, round(cut.label_delay_days * DAY), until)
    if not any(each.known_at is not None for each in truths.told(times, round(cut.label_delay_days * DAY)).values()):
        raise FileProblemError(f"{truth or file}: no row says what is true, as label or fraud")
    timely = {name: KnownOutcome(each.fraud, each.known_at) for name, each in told.items() if each.known_at is not None}
    transactions = sorted((each for each in transactions if each.timestamp <= until), key=lambda each: each.received_at)

    points = _points(judge.ruleset)

    def decided() -> Iterator[Decided]:
        for number, (transaction, decision) in enumerate(judge_history(transactions, timely, judge), start=1):
            yield Decided(
                transaction.transaction_id,
                transaction.timestamp,
                decision.features,
                rule_points((reason.source for reason in decision.reasons), points),
                # What this ruleset would decide now kept nothing from happening then.
                is_declined(None, transaction.authorization_result),
            )
            if on_progress:
                on_progress(number)

    return examples(decided(), timely, until=until, label_delay_days=cut.label_delay_days)


def _points(ruleset: Ruleset) -> Mapping[str, float]:
    return {rule.id: rule.points for rule in ruleset.rules if rule.points is not None}


def _decided(record: Mapping[str, Any], points: Mapping[str, float]) -> Decided:
    packed: object = record["features"]
    if not isinstance(packed, bytes):
        # Text in segments, bytes in hourly files.
        try:
            packed = base64.b64decode(str(packed), validate=True)
        except (binascii.Error, ValueError):
            packed = b""
    return Decided(
        record["transactionId"],
        record["timestamp"],
        packed,
        rule_points(record.get("sources") or (), points),
        is_declined(record.get("decision"), record.get("authorizationResult")),
    )


def _records(place: Path) -> Iterator[dict[str, Any]]:
    found: Iterable[Path] = [place] if place.is_file() else sorted(place.rglob("*"))
    files = [path for path in found if path.name.endswith(LOG_FORMATS) and not _OTHER.intersection(path.parts)]
    if not files:
        raise FileProblemError(f"{place}: there is no decision log ({', '.join(LOG_FORMATS)})")
    for file in files:
        for record in read_records(file):
            if not isinstance(record.get("transactionId"), str) or not isinstance(record.get("timestamp"), int):
                raise FileProblemError(f"{file}: it is no decision log: a record lacks transactionId or timestamp")
            yield record
