"""What the proxy and the invocations tell of a run: which writes were applied, and what the documented bounds allow.

Which process sent a write is not known here, so a write is ascribed to every invocation under way that may have sent
it: the bounds are at most a little wider than in the experiment in memory, never narrower.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fraudstream.contract import SET_ASIDE_PREFIX
from fraudstream.detection.profiles.entities import entities
from fraudstream.detection.profiles.sharded import entity_of
from fraudstream.transactions.transaction import Transaction
from proofs.faults.checks import ObservedWrites
from proofs.faults.journal import OWN_WRITES_KNOWN
from proofs.faults.tables import parts


@dataclass(eq=False)
class InvocationEntry:
    """One invocation of the analyzer."""

    events: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Transactions to judge, with the keys of their profiles."""
    labels: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Labels to learn, by sequence number, with the keys of their transactions' profiles."""
    sent: set[str] = field(default_factory=set[str])
    """Profiles that were written while it ran, and that it may have written."""
    lost: dict[str, int] = field(default_factory=dict[str, int])
    """Items of profiles whose writer got no answer, with the version that they got."""

    profiles: set[str] = field(default_factory=set[str])
    """Keys of all profiles that it may write."""


class StackJournal:
    """Follows a run; threads share it."""

    def __init__(self, tables: Mapping[str, str]) -> None:
        """Begin with nothing.

        Args:
            tables: what each table is for, by its name.
        """
        self._tables = tables
        self._lock = threading.Lock()
        self.seen = ObservedWrites(decided=Counter(), alerted=Counter(), allowed=Counter(), allowed_labels=Counter())
        self.stored: Counter[str] = Counter()
        """How often each transaction was put."""
        self._running: set[InvocationEntry] = set()
        self._in_flight: Counter[str] = Counter()
        self._met: set[str] = set()
        self._transactions: set[str] = set()
        """Tokens of DynamoDB's transactions that were applied."""

    def analyzed(self, batch: Sequence[Mapping[str, Any]], invoke: Callable[[], set[str] | None]) -> None:
        """Follow an invocation of the analyzer.

        Args:
            batch: its stream records.
            invoke: invokes it, and returns the sequence numbers of the records that failed; None: it ended otherwise.
        """
        entry = _entry(batch)
        names = [*entry.events, *entry.labels]
        with self._lock:
            self._running.add(entry)
            for name in names:
                self._in_flight[name] += 1
                if self._in_flight[name] > 1:
                    self._met.add(name)
        failed: set[str] | None = None
        try:
            failed = invoke()
        finally:
            with self._lock:
                self._running.discard(entry)
                self._in_flight.subtract(names)
                self._end(entry, failed)

    def _end(self, entry: InvocationEntry, failed: set[str] | None) -> None:
        """Note what an invocation left undone: it may be done once more."""
        for name, keys in entry.events.items():
            if not self.seen.decided[name] or name in self._met or failed is None:
                self.seen.allowed.update(key for key in keys if key in entry.sent)
        for number, keys in entry.labels.items():
            if failed is None or failed or number in self._met:
                self.seen.allowed_labels.update(key for key in keys if key in entry.sent)

    def on_sent(self, operation: str, parameters: Mapping[str, Any]) -> None:
        """Follow a request on its way."""
        if (write := self._profile(operation, parameters)) is None:
            return
        key, version = write
        entity = entity_of(key)
        with self._lock:
            for entry in self._running:
                if entity not in entry.profiles:
                    continue
                entry.sent.add(entity)
                if key in entry.lost and version - 1 - entry.lost[key] >= OWN_WRITES_KNOWN:
                    del entry.lost[key]
                    self.seen.allowed[entity] += sum(entity in keys for keys in entry.events.values())
                    self.seen.allowed_labels[entity] += sum(entity in keys for keys in entry.labels.values())

    def on_lost(self, operation: str, parameters: Mapping[str, Any]) -> None:
        """Follow a write whose writer gets no answer."""
        if (write := self._profile(operation, parameters)) is None:
            return
        key, version = write
        entity = entity_of(key)
        with self._lock:
            for entry in self._running:
                if entity in entry.profiles:
                    entry.lost.setdefault(key, version)

    def on_applied(self, operation: str, parameters: Mapping[str, Any]) -> None:
        """Follow a request that was carried out.

        A transaction of DynamoDB that comes again with its token succeeds once more and changes nothing.
        """
        token = parameters.get("ClientRequestToken")
        with self._lock:
            if token in self._transactions:
                return
            if token is not None:
                self._transactions.add(token)
            for write, request in parts(operation, parameters) if operation in _WRITES else ():
                self._applied(write, request)

    def _applied(self, write: str, request: Mapping[str, Any]) -> None:
        match write, self._tables.get(request["TableName"]):
            case "PutItem", "transactions" if request["Item"]["kind"] == {"S": "TXN"}:
                self.stored[request["Item"]["transactionId"]["S"]] += 1
            case "PutItem", "alerts":
                self.seen.alerted[request["Item"]["transactionId"]["S"]] += 1
            case "UpdateItem", "transactions" if _decides(request):
                self.seen.decided[request["Key"]["transactionId"]["S"]] += 1
            case _:
                pass

    def contested_by(self, operation: str, parameters: Mapping[str, Any]) -> tuple[str, int] | None:
        """Return what a request writes that only one writer can: a profile's version, or a decision, as version 0."""
        for write, request in parts(operation, parameters) if operation in _WRITES else ():
            if write == "UpdateItem" and _decides(request):
                return request["Key"]["transactionId"]["S"], 0
        return self._profile(operation, parameters)

    def _profile(self, operation: str, parameters: Mapping[str, Any]) -> tuple[str, int] | None:
        """Return the key of the profile's item that a request writes, and its version; None for any other request."""
        if operation != "PutItem" or self._tables.get(parameters["TableName"]) != "profiles":
            return None
        item = parameters["Item"]
        if item["entity"]["S"].startswith(SET_ASIDE_PREFIX) or "version" not in item:
            return None
        return item["entity"]["S"], int(item["version"]["N"])


_WRITES = frozenset({"PutItem", "UpdateItem", "TransactWriteItems"})


def _decides(request: Mapping[str, Any]) -> bool:
    return ":decision" in request.get("ExpressionAttributeValues", {})


def _entry(batch: Sequence[Mapping[str, Any]]) -> InvocationEntry:
    entry = InvocationEntry()
    for record in batch:
        change = record["dynamodb"]
        new, old = change.get("NewImage", {}), change.get("OldImage", {})
        try:
            keys = list(entities(Transaction.from_item(new)).values())
        except (ValueError, TypeError, AttributeError, KeyError):
            continue
        redriven = new.get("redrivenAt") != old.get("redrivenAt")
        if "decision" not in new and (not old or redriven):
            entry.events[new["transactionId"]["S"]] = keys
            entry.profiles.update(keys)
        if new.get("label") != old.get("label") or (redriven and "label" in new):
            entry.labels[change["SequenceNumber"]] = keys
            entry.profiles.update(keys)
    return entry
