"""Create the report of the last day of two simulated weeks, for people and accessibility checks.

    python -m accessibility.example FOLDER

Transactions go through the API's tokenization, the judge, the stream's records, the decision log and the report
generator's own code; each day's report is created the next morning, with the labels that had arrived by then.
"""

import base64
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.progress import track

from fraudstream.contract import ItemKind
from fraudstream.detection.judge import Judge
from fraudstream.detection.models.model import load
from fraudstream.detection.models.selection import ActiveModels
from fraudstream.reporting.daily.reporter import Reporter
from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.storage.object_store import FolderStore
from fraudstream.transactions.decisions.decision import Decision, Label, Truth, Verdict
from fraudstream.transactions.pseudonyms.pseudonymize import pseudonymize
from fraudstream.transactions.pseudonyms.tokens import Tokenizer
from fraudstream.transactions.request import TransactionRequest
from fraudstream.transactions.storage.attributes import Item, to_item
from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.lab.replay.history import KnownOutcome, judge_history
from fraudstream_tools.lab.world.simulate import Simulation, WorldSettings, simulate
from fraudstream_tools.rules.folder import RulesFolder

ROOT: Final = Path(__file__).parents[1]
SETTINGS: Final = WorldSettings(seed=5, customers=300, days=16, warm_up_days=3, episodes=30.0)
KEY: Final = base64.b64encode(bytes(32)).decode()
HOUR: Final = 3_600_000
LOG, REPORTS = "decision-log/", "reports/"

Change = tuple[int, Item, Item | None]
"""When it entered the stream, the new image and the old one."""


def stored_transactions(world: Simulation) -> Iterator[Transaction]:
    """Return what the processor would store of the world's transactions."""
    tokenizer = Tokenizer(KEY)
    for row in world.transactions:
        request = msgspec.convert(row, TransactionRequest)
        yield pseudonymize(request, tokenizer, timestamp=row["timestamp"], received_at=row["timestamp"] + 40)


def labels_of(world: Simulation, decisions: list[tuple[Transaction, Decision]]) -> dict[str, Label]:
    """Return what people say: of what was stopped analysts within hours, of the rest whom the world has speak."""
    rng = Random(SETTINGS.seed)  # noqa: S311  (a simulation)
    found: dict[str, Label] = {}
    for truth, (transaction, decision) in zip(world.truths, decisions, strict=True):
        said = truth.report
        if decision.decision is not Verdict.APPROVE and rng.random() < 0.8:  # noqa: PLR2004  (a share of them)
            at = transaction.received_at + int(rng.uniform(0.5, 9) * HOUR)
            label = Truth.FRAUD if truth.fraud else Truth.LEGITIMATE
            found[transaction.transaction_id] = Label(label=label, label_source="analyst", labeled_at=at)
        elif said:
            label = Label(label=said.label, label_source=said.source, labeled_at=said.labeled_at)
            found[transaction.transaction_id] = label
    return found


def changes(decisions: list[tuple[Transaction, Decision]], labels: dict[str, Label]) -> list[Change]:
    """Return what the table's stream tells, in its order."""
    rng = Random(SETTINGS.seed)  # noqa: S311  (a simulation)
    found: list[Change] = []
    for transaction, decision in decisions:
        new = transaction.to_item() | to_item({"kind": ItemKind.TRANSACTION.value, "expiresAt": 1})
        stored_at = transaction.received_at + 30
        decided_at = stored_at + int(rng.lognormvariate(6, 0.4))
        decided = new | msgspec.structs.replace(decision, decided_at=decided_at).to_item()
        found += [(stored_at, new, None), (decided_at, decided, new)]
        if label := labels.get(transaction.transaction_id):
            found.append((label.labeled_at, decided | label.to_item(), decided))
    return sorted(found, key=itemgetter(0))


def records(part: list[Change], first: int) -> list[dict[str, Any]]:
    """Return changes as the stream's records."""
    return [
        {
            "eventID": f"{number:032x}",
            "eventName": "MODIFY" if old else "INSERT",
            "dynamodb": {
                "SequenceNumber": f"{number:021}",
                "ApproximateCreationDateTime": at / 1000,
                "NewImage": new,
                **({"OldImage": old} if old else {}),
            },
        }
        for number, (at, new, old) in enumerate(part, start=first)
    ]


def make(folder: Path) -> Path:
    """Build the reports of the fortnight, and return the last one's page."""
    world = simulate(SETTINGS)
    shadow = load((ROOT / "models" / "default.json").read_bytes())
    rules = RulesFolder(ROOT / "rules").load().with_models(ActiveModels(shadow=shadow))
    known = {
        truth.transaction_id: KnownOutcome(truth.fraud, truth.report.labeled_at)
        for truth in world.truths
        if truth.report
    }
    decisions = list(judge_history(list(stored_transactions(world)), known, Judge(rules)))
    told = changes(decisions, labels_of(world, decisions))
    store, last, number = FolderStore(folder), date.min, 1
    days = [(day, list(part)) for day, part in groupby(told, key=_morning)]
    for morning, part in track(days[: SETTINGS.days + 1], description="days", console=Console(stderr=True)):
        for segment in cut(records(part, number), LOG).segments:
            store.write(segment.key, segment.body)
        number += len(part)
        now = datetime.combine(morning, datetime.min.time(), UTC) + timedelta(hours=1)
        reporter = Reporter(
            store=store,
            log_prefix=LOG,
            report_prefix=REPORTS,
            sample=lambda _: set(),
            now=now,
            time_left=lambda: 1e9,
            rates=rules.rates,
        )
        last = date.fromisoformat(reporter.yesterday().date)
    return folder / REPORTS / f"date={last}" / "report.html"


def _morning(change: Change) -> date:
    """Return the day on which a change is reported of: all up to one o'clock belongs to the day before."""
    return (datetime.fromtimestamp(change[0] / 1000, UTC) + timedelta(hours=23)).date()


if __name__ == "__main__":
    sys.stdout.write(f"{make(Path(sys.argv[1]))}\n")
