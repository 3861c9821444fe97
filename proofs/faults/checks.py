"""What must be true after every run, whatever went wrong in it."""

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from fraudstream.contract import SET_ASIDE_PREFIX
from fraudstream.detection.profiles.profile import Profile
from fraudstream.detection.profiles.sharded import entity_of
from fraudstream.detection.stores.profiles.items import add_shards, read_items
from proofs.faults.recount import Difference, difference, recount

Plain = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ObservedWrites:
    """What was seen of writes that were applied."""

    decided: Counter[str]
    """How often a decision was written, by transaction."""
    alerted: Counter[str]
    allowed: Counter[str]
    """How often an event may have been added to a profile once more, by its key."""
    allowed_labels: Counter[str]


@dataclass(frozen=True, kw_only=True)
class Remains:
    """Everything that a run has left, and what was meant to come of it."""

    transactions: Sequence[Plain]
    """Items of the table, claims too."""
    alerts: Sequence[Plain]
    events: Sequence[Plain]
    """What other systems were told."""
    profiles: Mapping[str, Profile]
    """Those that can be read, by key, the divided ones whole."""
    segments: Iterable[bytes]
    """Bodies of the decision log's objects."""
    seen: ObservedWrites
    received: set[str]
    """Transactions that a client was told are stored."""
    left: set[str]
    """Transactions that a client has given up."""
    poison: set[str]
    """Items that are no transactions, for good."""
    given_up: set[str]
    """Transactions that the dead letters name."""
    set_aside: set[str]
    """Keys of the entities whose profiles were damaged, or written by a newer version."""
    wrong_answers: Counter[str]
    repaired: set[str] = field(default_factory=set[str])
    """Transactions whose items were none until somebody repaired them."""


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
    """Events that are counted once more, within the documented bounds: of each profile the figure that is off most."""
    residue_labels: int = 0
    """Labels that are counted once more, within the documented bounds, by profile as `residue`."""
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

    def add(self, other: "PromiseVerdict") -> None:
        """Add what another run came to."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


def whole_profiles(items: Iterable[dict[str, Any]]) -> tuple[dict[str, Profile], set[str]]:
    """Return all profiles that can be read, by key, and the keys of those that were divided, which are whole here.

    Args:
        items: of the table, with bytes as bytes.
    """
    kept = [item for item in items if not item["entity"]["S"].startswith(SET_ASIDE_PREFIX)]
    loaded = read_items(kept)
    add_shards(loaded, kept)
    readable = {key: stored for key, stored in loaded.profiles.items() if not stored.damaged}
    return {key: stored.profile for key, stored in readable.items() if key == entity_of(key)}, set(loaded.divided())


def judge(found: Remains) -> PromiseVerdict:
    """Look at everything that a run has left."""
    stored = {item["transactionId"]: item for item in found.transactions if item["kind"] == "TXN"}
    good = {name: item for name, item in stored.items() if name not in found.poison}
    verdict = PromiseVerdict(transactions=len(good))
    transactions = sum(item["kind"] == "TXN" for item in found.transactions)
    claims = {item["transactionId"] for item in found.transactions if item["kind"] == "CLAIM"}
    verdict.orphaned_claims = len(claims - stored.keys())
    verdict.doubled["transactions"] = transactions - len(stored)
    verdict.lost["received, not stored"] = len(found.received - stored.keys())
    verdict.lost["claims of nobody who gave up"] = len(claims - stored.keys() - found.left)
    verdict.lost["undecided"] = sum("decision" not in item for item in good.values())
    verdict.lost["labels not learnt"] = sum(
        "decision" in item and item.get("labeledAt") != item.get("learntLabeledAt") for item in good.values()
    )
    verdict.doubled["decisions"] = sum(number - 1 for number in found.seen.decided.values())
    verdict.wrong.update(found.wrong_answers)
    _judge_log(found, good, verdict)
    _judge_alerts(found, good, verdict)
    _judge_events(found, good, verdict)
    _judge_profiles(found, good, verdict)
    verdict.lost["poison not in the dead letters"] = len((found.poison | found.repaired) - found.given_up)
    return verdict


def _judge_log(found: Remains, good: Mapping[str, Plain], verdict: PromiseVerdict) -> None:
    logged: dict[tuple[str, str], Plain] = {}
    for body in found.segments:
        for line in gzip.decompress(body).splitlines():
            record = json.loads(line)
            known = logged.get((record["transactionId"], record["event"]))
            if known is None or known.get("labeledAt", 0) <= record.get("labeledAt", 0):
                logged[record["transactionId"], record["event"]] = record
    for name, item in good.items():
        stored_as = "UNREADABLE" if name in found.repaired else "STORED"
        verdict.lost["stored, not logged"] += (name, stored_as) not in logged
        decision = logged.get((name, "DECIDED"))
        if "decision" in item:
            verdict.lost["decided, not logged"] += decision is None
            verdict.wrong["logged decision"] += decision is not None and decision["score"] != item["score"]
        if "label" in item:
            label = logged.get((name, "LABELED"))
            verdict.lost["labelled, not logged"] += label is None
            verdict.wrong["logged label"] += label is not None and label["label"] != item["label"]


def _judge_alerts(found: Remains, good: Mapping[str, Plain], verdict: PromiseVerdict) -> None:
    alerts = {item["transactionId"]: item for item in found.alerts}
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
    verdict.doubled["alerts"] = sum(number - 1 for number in found.seen.alerted.values())


def _judge_events(found: Remains, good: Mapping[str, Plain], verdict: PromiseVerdict) -> None:
    """Look whether other systems were told of every decision and label that stands, and of nothing else."""
    events = {item["eventId"]: item for item in found.events}
    alerts = {item["transactionId"] for item in found.alerts}
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


def _judge_profiles(found: Remains, good: Mapping[str, Plain], verdict: PromiseVerdict) -> None:
    expected = recount(item for item in good.values() if "decision" in item)
    verdict.profiles, verdict.set_aside = len(expected), len(found.set_aside)
    for key, count in expected.items():
        if key in found.set_aside:
            continue
        gap = difference(found.profiles[key], count) if key in found.profiles else Difference(other=True)
        if gap.within(found.seen.allowed[key], found.seen.allowed_labels[key]):
            verdict.residue += gap.events
            verdict.residue_labels += gap.frauds
        else:
            verdict.profiles_wrong += 1
            verdict.examples.append(f"{key.partition('#')[0]}: {gap}")
