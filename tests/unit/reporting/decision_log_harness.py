"""Stream records as Lambda hands them over, and the report that comes of them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from fraudstream.contract import ItemKind
from fraudstream.reporting.daily.reporter import Reporter
from fraudstream.reporting.daily.schema.report import DailyReport
from fraudstream.reporting.log.segments import Segment, cut
from fraudstream.reporting.storage.object_store import FolderStore
from fraudstream.transactions.decisions.decision import Decision, Label, Reason, Truth, Verdict
from fraudstream.transactions.decisions.inline import InlineResult, inline_to_item
from fraudstream.transactions.storage.attributes import Item, to_item
from fraudstream.transactions.transaction import Transaction, TransactionType

DAY = date(2026, 11, 22)
MIDNIGHT = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp() * 1000)
HOUR = 3_600_000
PREFIX = "decision-log/"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def transaction(
    number: int, *, at: int = MIDNIGHT + 9 * HOUR, amount: int = 1250, currency: str = "EUR"
) -> Transaction:
    return Transaction(
        transaction_id=f"t-{number}",
        timestamp=at,
        received_at=at,
        amount_minor=amount,
        currency=currency,
        type=TransactionType.PAYMENT,
        customer_id=f"tok_{number % 3:022}",
        card_token="tok_card",
        card_bin="411111",
        card_last4="1111",
        latitude=52.52,
        longitude=13.4,
        metadata={"shelf": "A7"},
    )


def decision(verdict: Verdict = Verdict.APPROVE, *, score: int = 3, at: int, rules: Sequence[str] = ()) -> Decision:
    return Decision(
        decision=verdict,
        score=score,
        probability=0.25 if rules else None,
        reasons=tuple(Reason(code=rule.upper().replace("-", "_"), source=rule, points=1.5) for rule in rules),
        features=b"\x00\x01",
        listed_as=("trusted:customer",) if rules else (),
        ruleset_version="abcdef123456",
        decided_at=at,
    )


def label(truth: Truth, *, at: int) -> Label:
    return Label(label=truth, label_source="analyst", labeled_at=at)


def item(stored: Transaction, *parts: Decision | Label) -> Item:
    whole = stored.to_item() | to_item({"kind": ItemKind.TRANSACTION.value, "expiresAt": 1})
    for part in parts:
        whole |= part.to_item()
    return whole


class Stream:
    """A stream that numbers its records."""

    def __init__(self, answers: Mapping[str, InlineResult] | None = None) -> None:
        """Store with each transaction what its client was answered, by its id."""
        self.records: list[dict[str, Any]] = []
        self._answers = answers or {}

    def _item(self, stored: Transaction, *parts: Decision | Label) -> Item:
        return item(stored, *parts) | inline_to_item(self._answers.get(stored.transaction_id))

    def add(self, new: Item | None, old: Item | None = None, *, at: int) -> dict[str, Any]:
        number = len(self.records) + 1
        change: dict[str, Any] = {
            "SequenceNumber": f"{number:021}",
            "ApproximateCreationDateTime": at / 1000,
        }
        change |= {"NewImage": new} if new else {}
        change |= {"OldImage": old} if old else {}
        record = {"eventID": f"{number:032x}", "eventName": "MODIFY" if old else "INSERT", "dynamodb": change}
        self.records.append(record)
        return record

    def store_and_decide(
        self, stored: Transaction, verdict: Verdict = Verdict.APPROVE, *, after: int = 400, rules: Sequence[str] = ()
    ) -> None:
        at = stored.received_at
        judged = decision(verdict, score=80 if rules else 3, at=at + after, rules=rules)
        self.add(self._item(stored), at=at)
        self.add(self._item(stored, judged), self._item(stored), at=at + after)

    def store_decide_and_label(self, stored: Transaction, verdict: Verdict, *truths: Truth) -> None:
        self.store_and_decide(stored, verdict)
        known: Item = self.records[-1]["dynamodb"]["NewImage"]
        for day, truth in enumerate(truths):
            at = stored.received_at + (day + 1) * HOUR
            labelled = known | label(truth, at=at).to_item()
            self.add(labelled, known, at=at)
            known = labelled


def put(segments: Iterable[Segment], root: Path) -> FolderStore:
    """Write segments to a folder that stands in for the bucket."""
    store = FolderStore(root)
    for segment in segments:
        store.write(segment.key, segment.body)
    return store


def reporter(
    root: Path, *, now: datetime = NOW, sampled: Iterable[str] = (), seconds_left: float = math.inf
) -> Reporter:
    """Give what makes reports of the log in a folder; the table holds the sampled transactions."""
    return Reporter(
        store=FolderStore(root),
        log_prefix=PREFIX,
        report_prefix="reports/",
        sample=lambda _: set(sampled),
        now=now,
        time_left=lambda: seconds_left,
    )


def report(segments: Iterable[Segment], root: Path, sampled: Iterable[str] = ()) -> DailyReport:
    """Write segments to a folder, and make the day's report of them."""
    put(segments, root)
    return reporter(root, sampled=sampled).report(DAY)


def report_of(stream: Stream, root: Path, sampled: Iterable[str] = ()) -> DailyReport:
    """Make the day's report of a stream that arrives in one batch."""
    return report(cut(stream.records, PREFIX).segments, root, sampled)
