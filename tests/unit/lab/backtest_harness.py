"""Small worlds, logs and rulesets for the tests of backtests."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from fraudstream.contract import RULESET_FILES
from fraudstream.detection.judge import Judge
from fraudstream.reporting.log.record import LogEvent, read_stream_record
from fraudstream.transactions.decisions.decision import Decision, Label
from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.lab.backtest.run import Contestant
from fraudstream_tools.lab.files.writing import write_rows
from fraudstream_tools.lab.replay.history import KnownOutcome, as_transaction, judge_history
from fraudstream_tools.lab.world.simulate import Simulation, WorldSettings, simulate
from fraudstream_tools.rules.folder import RulesFolder
from tests.unit.detection.model_harness import small_model

RULES = Path("rules").resolve()
UNRATED = "VUV"
"""A currency that `rules/` has no rate of."""
_, RATES, LISTS = (RULES.joinpath(name).read_bytes() for name in RULESET_FILES)


def ruleset_file(rules: Sequence[tuple[str, str, float]], *, shadow: Iterable[str] = ()) -> bytes:
    """Give a ruleset.yaml of rules by id, condition and points."""
    return json.dumps(
        {
            "schemaVersion": 1,
            "baseLogOdds": -4,
            "thresholds": {"review": 30, "decline": 80},
            "rules": [
                {
                    "id": name,
                    "description": name,
                    "when": when,
                    "points": points,
                    "reasonCode": "AMOUNT_OUTLIER",
                    "severity": "low",
                    "source": "own",
                    "mode": "shadow" if name in shadow else "live",
                }
                for name, when, points in rules
            ],
        }
    ).encode()


SHIPPED = Contestant(*(RULES.joinpath(name).read_bytes() for name in RULESET_FILES))
OTHER = Contestant(
    ruleset_file(
        [
            ("large", "amountBase > 100 and not listed('trusted')", 3),
            ("ratio", "amountBase / customerAmountMean >= min(3, cardCount7d)", 2.5),
            ("abroad", "merchantCountry != cardCountry or channel == 'ATM'", 1),
            ("far", "max(travelKm, merchantAmountRatio * 10) > 50", 0.7),
            ("quiet", "customerIdleDays > 3", 1),
        ],
        shadow=["quiet"],
    ),
    RATES,
    LISTS,
)
MODELLED = OTHER._replace(live_model=small_model(own_labels=True).to_json())
DELAY = 5.0
"""Days after which a transaction without a label counts as honest."""


def write_rules(folder: Path, ruleset: bytes, rates: bytes = RATES) -> Path:
    """Write a ruleset's three files."""
    folder.mkdir()
    for name, content in zip(RULESET_FILES, (ruleset, rates, LISTS), strict=True):
        folder.joinpath(name).write_bytes(content)
    return folder


@cache
def world() -> Simulation:
    """A world with labels that come while it goes on, and with amounts that have no exchange rate."""
    made = simulate(WorldSettings(seed=21, customers=120, days=12, activity=1.5, episodes=30.0, traps=8.0))
    for row in made.transactions[4::9]:
        row["currency"] = UNRATED
    return made


def write_world(folder: Path) -> tuple[Path, Path]:
    """Write the world's transactions and truth."""
    write_rows(folder / "world.jsonl", world().transactions)
    write_rows(folder / "world.truth.jsonl", (truth.as_row() for truth in world().truths))
    return folder / "world.jsonl", folder / "world.truth.jsonl"


@cache
def decided() -> tuple[tuple[Transaction, Decision], ...]:
    """The world, judged by the shipped rules, one transaction after the other."""
    transactions = [as_transaction(row, number) for number, row in enumerate(world().transactions, start=1)]
    known = {
        truth.transaction_id: KnownOutcome(truth.fraud, truth.report.labeled_at)
        for truth in world().truths
        if truth.report
    }
    judge = Judge(RulesFolder(RULES).load())
    return tuple(judge_history(transactions, known, judge))


def log_records() -> list[dict[str, Any]]:
    """The world as the decision log has it: each decision, and each label in a record of its own."""
    records: list[dict[str, Any]] = []
    for (transaction, decision), truth in zip(decided(), world().truths, strict=True):
        image = {**transaction.to_item(), **decision.to_item(), "kind": {"S": "TXN"}}
        if truth.report:
            label = Label(
                label=truth.report.label, label_source=truth.report.source, labeled_at=truth.report.labeled_at
            )
            image |= label.to_item()
        change = {"NewImage": image, "ApproximateCreationDateTime": transaction.timestamp // 1000 + 1}
        records += [
            msgspec.to_builtins(record)
            for record in read_stream_record({"dynamodb": change})
            if record.event is not LogEvent.STORED
        ]
    return records
