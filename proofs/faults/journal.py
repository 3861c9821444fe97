"""What really happened, as only the network can know: which writes were applied, and what the bounds allow for."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fraudstream.contract import SET_ASIDE_PREFIX
from fraudstream.detection.profiles.entities import entities
from fraudstream.detection.profiles.sharded import entity_of
from fraudstream.transactions.transaction import Transaction
from proofs.faults.stream import Record

OWN_WRITES_KNOWN: Final = 8
"""The writes of a profile among which a writer finds its own."""


@dataclass
class JournalEntry:
    """One run of the analyzer."""

    events: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Transactions to judge, with the keys of their profiles."""
    labels: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Labels to learn, by sequence number, with the keys of their transactions' profiles."""
    sent: set[str] = field(default_factory=set[str])
    """Profiles that it tried to write."""
    decided: set[str] = field(default_factory=set[str])
    """Transactions whose decision it wrote."""
    lost: dict[str, int] = field(default_factory=dict[str, int])
    """Profiles that it wrote without an answer, with the version that they got."""


class Journal:
    """Follows what is applied, and counts what the documented bounds allow."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.stored: Counter[str] = Counter()
        """Transactions: how often each was put."""
        self.decided: Counter[str] = Counter()
        self.alerted: Counter[str] = Counter()
        self.allowed: Counter[str] = Counter()
        """How often an event may have been added to a profile once more, by its key."""
        self.allowed_labels: Counter[str] = Counter()
        self.running: dict[str, JournalEntry] = {}
        """By the name of who runs."""
        self.late: set[str] = set()
        """Transactions of which a write arrived late: nobody can count those."""
        self.putting: dict[str, bool] = {}
        """Whether a client's present call has stored its transaction, by who serves it."""
        self._in_flight: defaultdict[str, int] = defaultdict(int)
        self._met: set[str] = set()

    def begin(self, actor: str, batch: Sequence[Record]) -> JournalEntry:
        """Begin a run of the analyzer."""
        run = JournalEntry()
        for record in batch:
            change = record["dynamodb"]
            new, old = change["NewImage"], change.get("OldImage", {})
            try:
                keys = list(entities(Transaction.from_item(new)).values())
            except (ValueError, TypeError, AttributeError):
                continue
            redriven = new.get("redrivenAt") != old.get("redrivenAt")
            if "decision" not in new and (not old or redriven):
                run.events[new["transactionId"]["S"]] = keys
            if new.get("label") != old.get("label") or (redriven and "label" in new):
                run.labels[change["SequenceNumber"]] = keys
        for name in (*run.events, *run.labels):
            self._in_flight[name] += 1
            if self._in_flight[name] > 1:
                self._met.add(name)
        self.running[actor] = run
        return run

    def end(self, actor: str, decided: Mapping[str, bool], failed: set[str] | None) -> None:
        """End a run: what it left undone may be done once more.

        Args:
            actor: who ran.
            decided: which of its transactions have a decision now.
            failed: sequence numbers of failed records; None: it died.
        """
        run = self.running.pop(actor)
        for name, keys in run.events.items():
            self._in_flight[name] -= 1
            if not decided[name] or name in self._met:
                self.allowed.update(key for key in keys if key in run.sent)
        for number, keys in run.labels.items():
            self._in_flight[number] -= 1
            if failed is None or number in failed or number in self._met:
                self.allowed_labels.update(key for key in keys if key in run.sent)

    def on_sent(self, actor: str, operation: str, request: Mapping[str, Any]) -> None:
        """Follow a request on its way."""
        run = self.running.get(actor)
        if run is None or operation != "PutItem" or request["TableName"] != "profiles":
            return
        key = request["Item"]["entity"]["S"]
        if key.startswith(SET_ASIDE_PREFIX):
            return
        entity = entity_of(key)
        run.sent.add(entity)
        version = int(request["Item"]["version"]["N"])
        if key in run.lost and version - 1 - run.lost.pop(key) >= OWN_WRITES_KNOWN:
            self.allowed[entity] += sum(entity in keys for keys in run.events.values())
            self.allowed_labels[entity] += sum(entity in keys for keys in run.labels.values())

    def on_lost(self, actor: str, operation: str, request: Mapping[str, Any]) -> None:
        """Follow a write whose writer gets no answer."""
        if operation == "PutItem" and request["TableName"] == "profiles" and actor in self.running:
            item = request["Item"]
            self.running[actor].lost[item["entity"]["S"]] = int(item.get("version", {"N": "0"})["N"])

    def on_applied(self, actor: str, operation: str, request: Mapping[str, Any]) -> None:
        """Follow a write that was applied."""
        if not actor and request["TableName"] == "transactions":
            self.late.add((request.get("Key") or request["Item"])["transactionId"]["S"])
        match operation, request["TableName"]:
            case "PutItem", "transactions" if request["Item"]["kind"] == {"S": "TXN"}:
                self.stored[request["Item"]["transactionId"]["S"]] += 1
                self.putting[actor] = True
            case "PutItem", "alerts":
                self.alerted[request["Item"]["transactionId"]["S"]] += 1
            case "UpdateItem", "transactions" if ":decision" in request.get("ExpressionAttributeValues", {}):
                name = request["Key"]["transactionId"]["S"]
                self.decided[name] += 1
                if actor in self.running:
                    self.running[actor].decided.add(name)
            case _:
                pass
