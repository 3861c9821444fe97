"""A world of seven weeks as the hourly merge writes its log, and what happened in it."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from fraudstream.detection.features.codec import unpack
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.judge import Judge
from fraudstream.reporting.log.hours.merging import merge
from fraudstream.reporting.log.segments import cut
from fraudstream.transactions.decisions.decision import Decision, Label, Truth
from fraudstream.transactions.decisions.reasons import NO_RULES_CODES
from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.lab.replay.history import KnownOutcome, as_transaction, judge_history
from fraudstream_tools.lab.world.simulate import WorldSettings, simulate
from fraudstream_tools.rules.folder import RulesFolder
from tests.unit.lab.backtest_harness import RULES
from tests.unit.reporting.decision_log_harness import HOUR, PREFIX, Stream, item, put


@dataclass(frozen=True)
class Happened:
    """A transaction, its decision and its label."""

    transaction: Transaction
    decision: Decision
    label: Label | None

    @property
    def day(self) -> date:
        return datetime.fromtimestamp(self.transaction.received_at / 1000, UTC).date()

    @property
    def flagged(self) -> bool:
        return self.decision.decision != "APPROVE"

    @property
    def is_fraud(self) -> bool:
        return self.label is not None and self.label.label is Truth.FRAUD

    @property
    def is_legitimate(self) -> bool:
        return self.label is not None and self.label.label is Truth.LEGITIMATE

    @property
    def amount(self) -> float:
        """In the base currency."""
        return self.feature("amountBase") or 0

    @property
    def rules(self) -> list[tuple[str, str]]:
        """Mode and id of each rule that hit."""
        live = [("LIVE", each.source) for each in self.decision.reasons if each.code not in NO_RULES_CODES]
        return live + [("SHADOW", rule) for rule in self.decision.shadow_hits]

    def feature(self, name: str) -> float | None:
        assert self.decision.features
        return unpack(self.decision.features)[NAMES.index(name)]


@cache
def happened() -> tuple[Happened, ...]:
    world = simulate(WorldSettings(seed=5, customers=60, days=50, activity=0.3, episodes=16.0, traps=4.0))
    transactions = [as_transaction(row, number) for number, row in enumerate(world.transactions, start=1)]
    known = {
        truth.transaction_id: KnownOutcome(truth.fraud, truth.report.labeled_at)
        for truth in world.truths
        if truth.report
    }
    judge = Judge(RulesFolder(RULES).load())
    labels = [
        Label(label=truth.report.label, label_source=truth.report.source, labeled_at=truth.report.labeled_at)
        if truth.report
        else None
        for truth in world.truths
    ]
    found = [
        Happened(*pair, label) for pair, label in zip(judge_history(transactions, known, judge), labels, strict=True)
    ]
    declined = [number for number, each in enumerate(found) if each.decision.decision == "DECLINE"]
    for number in declined[::4]:
        # Somebody called, and was who he said he was.
        at = found[number].transaction.received_at + 2 * 24 * HOUR
        cleared = Label(label=Truth.LEGITIMATE, label_source="analyst", labeled_at=at)
        found[number] = replace(found[number], label=cleared)
    return tuple(found)


def days() -> list[date]:
    return sorted({each.day for each in happened()})


def morning_after() -> date:
    """The day after the last one: the day on which questions are asked."""
    return days()[-1] + timedelta(days=1)


def write_log(folder: Path) -> Path:
    """Write the world's log, merged, to a folder, as `fraudstream log pull` would leave it.

    Every tenth transaction was labelled the other way at first.
    """
    stream = Stream()
    for number, each in enumerate(happened()):
        stored, at = item(each.transaction), each.transaction.received_at
        stream.add(stored, at=at)
        known = stored | each.decision.to_item()
        stream.add(known, stored, at=at + 400)
        labels = [each.label] if each.label else []
        if each.label and number % 10 == 0:
            labels.insert(
                0, Label(label=_other(each.label.label), label_source="x", labeled_at=each.label.labeled_at - 1)
            )
        for label in labels:
            labelled = known | label.to_item()
            stream.add(labelled, known, at=label.labeled_at + 1000)
            known = labelled
    return merged_log(stream, folder)


def merged_log(stream: Stream, folder: Path) -> Path:
    """Write the log of a stream, merged, to a folder."""
    raw, made = folder / "raw", folder / "made"
    made.mkdir()
    put(cut(stream.records, PREFIX).segments, raw)
    merged = merge(sorted(raw.rglob("*.jsonl.gz")), made)
    log = folder / "log"
    for (table, day), path in merged.files.items():
        place = log / table / f"date={day}" / f"{day}T00.parquet"
        place.parent.mkdir(parents=True)
        path.rename(place)
    return log


def _other(truth: Truth) -> Truth:
    return Truth.LEGITIMATE if truth is Truth.FRAUD else Truth.FRAUD
