"""What must be true after every run, whatever went wrong in it."""

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fraudstream.detection.profiles.sharded import entity_of
from fraudstream.transactions.storage.attributes import from_item
from proofs.faults.recount import Difference, difference, recount
from proofs.faults.system import System

Plain = Mapping[str, Any]


@dataclass
class PromiseVerdict:
    """What a run came to."""

    transactions: int = 0
    """Stored."""
    lost: Counter[str] = field(default_factory=Counter[str])
    """What is missing, by where."""
    doubled: Counter[str] = field(default_factory=Counter[str])
    profiles: int = 0
    profiles_wrong: int = 0
    """Beyond the documented bounds."""
    residue: int = 0
    """Events that are counted once more, within them: of each profile the figure that is off most."""
    residue_labels: int = 0
    """The same of labels."""
    set_aside: int = 0
    """Profiles that were damaged, or that a newer version wrote: counted apart."""
    wrong: Counter[str] = field(default_factory=Counter[str])
    """Whatever else does not fit."""
    examples: list[str] = field(default_factory=list[str])
    orphaned_claims: int = 0
    """Of clients that gave up."""

    @property
    def faultless(self) -> bool:
        """Nothing was lost, nothing doubled, and every figure is right within its bound."""
        return not (self.lost.total() or self.doubled.total() or self.profiles_wrong or self.wrong.total())


def judge(system: System) -> PromiseVerdict:
    """Look at everything that a run has left."""
    items = [from_item(item) for item in system.tables.all("transactions")]
    stored = {item["transactionId"]: item for item in items if item["kind"] == "TXN"}
    good = {name: item for name, item in stored.items() if name not in system.vandal.poison}
    verdict = PromiseVerdict(transactions=len(good))
    transactions = sum(item["kind"] == "TXN" for item in items)
    claims = {item["transactionId"] for item in items if item["kind"] == "CLAIM"}
    verdict.orphaned_claims = len(claims - stored.keys())
    verdict.doubled["transactions"] = transactions - len(stored)
    verdict.lost["received, not stored"] = len(system.received - stored.keys())
    verdict.lost["claims of nobody who gave up"] = len(claims - stored.keys() - system.left)
    verdict.lost["undecided"] = sum("decision" not in item for item in good.values())
    verdict.doubled["decisions"] = sum(number - 1 for number in system.journal.decided.values())
    verdict.wrong.update(system.wrong_answers)
    _judge_log(system, good, verdict)
    _judge_alerts(system, good, verdict)
    _judge_events(system, good, verdict)
    _judge_profiles(system, good, verdict)
    given_up = {record["dynamodb"]["NewImage"]["transactionId"]["S"] for record in system.analysis.dead_letters}
    verdict.lost["poison not in the dead letters"] = len(system.vandal.poison - given_up)
    return verdict


def _judge_log(system: System, good: Mapping[str, Plain], verdict: PromiseVerdict) -> None:
    logged: dict[tuple[str, str], Plain] = {}
    for body in system.network.objects.values():
        for line in gzip.decompress(body).splitlines():
            record = json.loads(line)
            known = logged.get((record["transactionId"], record["event"]))
            if known is None or known.get("labeledAt", 0) <= record.get("labeledAt", 0):
                logged[record["transactionId"], record["event"]] = record
    for name, item in good.items():
        verdict.lost["stored, not logged"] += (name, "STORED") not in logged
        decision = logged.get((name, "DECIDED"))
        if "decision" in item:
            verdict.lost["decided, not logged"] += decision is None
            verdict.wrong["logged decision"] += decision is not None and decision["score"] != item["score"]
        if "label" in item:
            label = logged.get((name, "LABELED"))
            verdict.lost["labelled, not logged"] += label is None
            verdict.wrong["logged label"] += label is not None and label["label"] != item["label"]


def _judge_alerts(system: System, good: Mapping[str, Plain], verdict: PromiseVerdict) -> None:
    alerts = {item["transactionId"]: item for item in map(from_item, system.tables.all("alerts"))}
    for name, item in good.items():
        alert, flagged = alerts.get(name), item.get("decision") in {"REVIEW", "DECLINE"}
        if alert is None:
            verdict.lost["alerts"] += flagged and "label" not in item
            continue
        if alert["decision"] != item.get("decision") or alert["score"] != item.get("score"):
            verdict.wrong["alert differs from its decision"] += 1
        if flagged and "label" in item and alert["status"] != "CLOSED":
            verdict.wrong["alert of a labelled transaction is open"] += 1
        if not flagged and alert["status"] == "OPEN":
            verdict.wrong["alert of an approved transaction is open"] += 1
    verdict.doubled["alerts"] = sum(number - 1 for number in system.journal.alerted.values())


def _judge_events(system: System, good: Mapping[str, Plain], verdict: PromiseVerdict) -> None:
    """Look whether other systems were told of every decision and label that stands, and of nothing else."""
    events = {item["eventId"]: item for item in map(from_item, system.tables.all("outbox"))}
    alerts = {item["transactionId"] for item in map(from_item, system.tables.all("alerts"))}
    for name, item in good.items():
        flagged = item.get("decision") in {"REVIEW", "DECLINE"}
        told = events.get(f"{name}:TRANSACTION_FLAGGED")
        verdict.lost["flagged, not told"] += flagged and told is None
        verdict.wrong["approved, told as flagged"] += told is not None and not flagged
        if told is not None and flagged:
            same = (told["decision"], told["score"]) == (item["decision"], str(item["score"]))
            verdict.wrong["told decision"] += not same
        if "label" in item:
            label = f"{name}:LABEL_SET:{item['labeledAt']}:{item['label']}"
            verdict.lost["labelled, not told"] += label not in events
            verdict.lost["closed, not told"] += flagged and name in alerts and f"{name}:CASE_CLOSED" not in events


def _judge_profiles(system: System, good: Mapping[str, Plain], verdict: PromiseVerdict) -> None:
    expected = recount(item for item in good.values() if "decision" in item)
    stored = system.profiles()
    apart = system.vandal.set_aside | {entity_of(key) for key in system.vandal.newer}
    verdict.profiles, verdict.set_aside = len(expected), len(apart)
    for key, count in expected.items():
        if key in apart:
            continue
        found = difference(stored[key], count) if key in stored else Difference(other=True)
        if found.within(system.journal.allowed[key], system.journal.allowed_labels[key]):
            verdict.residue += found.events
            verdict.residue_labels += found.frauds
        else:
            verdict.profiles_wrong += 1
            verdict.examples.append(f"{key.partition('#')[0]}: {found}")
