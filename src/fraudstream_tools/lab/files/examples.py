"""Examples from files of transactions with their labels, whose features the online code computes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fraudstream.detection.judge import Judge
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.durations import DAY
from fraudstream.reporting.log.reader.standing import is_declined
from fraudstream.transactions.decision import Truth
from fraudstream_tools.lab.files.transactions import FileProblemError, read_transactions
from fraudstream_tools.lab.replay.history import KnownOutcome, as_transaction, judge_history
from fraudstream_tools.lab.training.examples import Decided, Examples, examples, rule_points

_TRUE: Final = frozenset({True, "1", "true", "True", "TRUE", Truth.FRAUD.value})
_FALSE: Final = frozenset({False, "0", "false", "False", "FALSE", Truth.LEGITIMATE.value})


@dataclass(frozen=True, kw_only=True)
class KnowledgeCutoff:
    """What may be known."""

    until: int | None = None
    """Epoch milliseconds; None for the newest time in the files."""
    label_delay_days: float = 7


def from_transactions(
    file: Path, truth: Path | None, judge: Judge, cut: KnowledgeCutoff, on_progress: Callable[[int], None] | None = None
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

    Raises:
        FileProblemError: a file cannot be read, or has no labels.
    """
    rows = list(read_transactions(file))
    transactions = [as_transaction(row, number) for number, row in enumerate(rows, start=1)]
    times = {each.transaction_id: each.timestamp for each in transactions}
    if truth is None:
        labelled = dict(zip((each.transaction_id for each in transactions), rows, strict=True))
    else:
        labelled = {str(row.get("transactionId")): row for row in read_transactions(truth)}
    column = "label" if any("label" in row for row in labelled.values()) else "fraud"
    delay = round(cut.label_delay_days * DAY)
    known = {
        name: told
        for name, row in labelled.items()
        if name in times and (told := _known(row, column, times[name] + delay))
    }
    if not known:
        raise FileProblemError(f"{truth or file}: no row says what is true, as label or fraud")
    until = cut.until or max(times.values())
    transactions = sorted((each for each in transactions if each.timestamp <= until), key=lambda each: each.received_at)
    timely = {name: told for name, told in known.items() if told.known_at <= until}

    points = points_of(judge.ruleset)

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


def _known(row: Mapping[str, Any], column: str, by_default: int) -> KnownOutcome | None:
    value: object = row.get(column)
    if value is None:
        return None
    if not isinstance(value, str | int) or value not in _TRUE | _FALSE:
        raise FileProblemError("label must be FRAUD or LEGITIMATE, and fraud true or false")
    at = row.get("labeledAt", by_default)
    try:
        return KnownOutcome(value in _TRUE, int(at))
    except (TypeError, ValueError):
        raise FileProblemError("labeledAt must be epoch milliseconds") from None


def points_of(ruleset: Ruleset) -> Mapping[str, float]:
    """Return the points that a ruleset gives, by the ids of its rules."""
    return {rule.id: rule.points for rule in ruleset.rules if rule.points is not None}
