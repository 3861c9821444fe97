"""The whole of it: clients, three functions, tables and bucket, run against faults until nothing is left to do."""

import base64
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any, Final, ParamSpec, TypeVar
from unittest import mock

from botocore.exceptions import BotoCoreError

from fraudstream.contract import DECISION_LOG_PREFIX, EventType
from fraudstream.detection import batch
from fraudstream.detection.analyzer import Analyzer, first_failure
from fraudstream.detection.features.compute import Calendar
from fraudstream.detection.profiles.sharded import entity_of
from fraudstream.detection.stores.decisions.alerts import AlertStore
from fraudstream.detection.stores.decisions.outbox import Outbox
from fraudstream.detection.stores.decisions.store import DecisionStore
from fraudstream.detection.stores.profiles.store import ProfileStore
from fraudstream.reporting.log import segments
from fraudstream.transactions.pseudonyms.tokens import Tokenizer
from fraudstream.transactions.storage.attributes import from_item, to_item
from fraudstream.transactions.storage.store import TransactionStore
from proofs.faults.actors import Actors
from proofs.faults.checks import ObservedWrites, Remains, whole_profiles
from proofs.faults.expressions import Item
from proofs.faults.journal import Journal
from proofs.faults.kinds import Fault, Faults
from proofs.faults.network import FaultyNetwork
from proofs.faults.people import CLIENTS, Outsiders
from proofs.faults.rules import ruleset
from proofs.faults.stream import ANALYZER_ATTEMPTS, REPORTER_ATTEMPTS, Consumer, Record, Stream
from proofs.faults.tables import MemoryTables
from proofs.faults.vandal import Vandal
from proofs.faults.workload import START, Workload

P = ParamSpec("P")
T = TypeVar("T")

LANES: Final = 4
WRITES_UNTIL_DIVIDED: Final = 2
"""Fewer than in reality, so that profiles are divided all the time."""
_RETENTION_DAYS: Final = 400
_PAUSE_OF_LAMBDA: Final = 60_000
"""Milliseconds between attempts at a batch that fails again and again."""
_UNTIMED: Final = 0.1


class _AtOnce(Executor):
    """Runs in the caller's thread: which call comes first is for the experiment to say."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class System:
    """One run of the experiment."""

    def __init__(
        self,
        seed: int,
        transactions: int,
        rate: float,
        only: frozenset[Fault] = frozenset(Fault),
        *,
        days: float = 12,
    ) -> None:
        """Set everything up.

        Args:
            seed: the same seed gives the same run.
            transactions: how many are posted.
            rate: faults for each attempt to call AWS.
            only: kinds of faults that may happen.
            days: over which the transactions are spread.
        """
        self.chance = random.Random(seed)
        self.faults = Faults(random.Random(seed + 1), rate, only)
        self.actors = Actors(random.Random(seed + 2))
        self.journal = Journal()
        self.workload = Workload(random.Random(seed + 3), transactions, days, untimed=_UNTIMED)
        self.stream = Stream(self.faults, self.chance)
        self.tables = MemoryTables(self._on_change)
        self.network = FaultyNetwork(self.tables, self.actors, self.faults, self.chance)
        self.network.on_sent = self.journal.on_sent
        self.network.on_lost = self.journal.on_lost
        self.network.on_applied = self.journal.on_applied
        dynamodb, pool = self.network.client("dynamodb"), _AtOnce()
        self._s3 = self.network.client("s3")
        self.transactions = TransactionStore(
            client=dynamodb,
            table="transactions",
            tokenizer=Tokenizer(base64.b64encode(bytes(range(32))).decode()),
            retention_days=_RETENTION_DAYS,
        )
        self.analyzer = Analyzer(
            profiles=ProfileStore(dynamodb, "profiles", _RETENTION_DAYS, pool, wait=lambda _: self.actors.turn()),
            decisions=DecisionStore(dynamodb, "transactions", pool),
            alerts=AlertStore(dynamodb, "alerts", _RETENTION_DAYS),
            pool=pool,
            calendar=Calendar(),
            clock=self.clock,
            outbox=Outbox(dynamodb, "outbox", types=EventType, environment="test"),
        )
        self._rulesets = [ruleset(-4), ruleset(-3.2)]
        lanes = [deque[Record]() for _ in range(LANES)]
        self.analysis = Consumer(self._analyze, wants_analysis, lanes, 40, ANALYZER_ATTEMPTS)
        self.log = Consumer(self._write_log, lambda _: True, [deque[Record]()], 500, REPORTER_ATTEMPTS)
        self.stream.consumers = [self.analysis, self.log]
        self.now = START
        self._looks = 0
        self.outsiders = Outsiders(self, self.workload, self.chance)
        self.vandal = Vandal(self.tables, self.faults, self.chance)
        self.network.is_s3_away = lambda: self.now < self.vandal.s3_away_until
        self.divided: set[str] = set()
        """Keys of profiles that were divided."""
        self.wrong_answers = self.outsiders.wrong_answers

    def run(self) -> None:
        """Run until all that was posted and said is done, or given up; then redrive what was given up."""
        fewer_writes = mock.patch.object(batch, "WRITES_UNTIL_DIVIDED", WRITES_UNTIL_DIVIDED)
        with self.network.without_waiting(), self.network.repeatable(), fewer_writes:
            clients = {f"processor-{number}": self.outsiders.post for number in range(CLIENTS)}
            self.vandal.functions = [*clients, *self._functions()]
            self.actors.run(clients | self._functions() | {"people": self.outsiders.label, "vandal": self._vandal})
            # Roll forward again: what the newer version wrote can be read, if nobody has touched it.
            if overwritten := self.vandal.overwritten():
                self.wrong_answers["newer profile overwritten"] += overwritten
            self._look_into_dead_letters()
            for _ in range(3):
                self._redrive()
                self.actors.run(self._functions())
            self.network.arrive(all_of_it=True)
            self.faults.rate = 0
            self._redrive()
            self.actors.run(self._functions())

    def clock(self) -> int:
        """Return the time by the clock of who runs, epoch milliseconds that differ as those of two functions do."""
        self._looks += 1
        return self.own_time() + self._looks % 1000

    def own_time(self) -> int:
        """Return the time by the clock of who runs: epoch milliseconds."""
        return self.now + self.vandal.off[self.actors.current]

    def _on_change(self, table: str, old: Item | None, new: Item | None) -> None:
        if table == "outbox" and old is not None:
            self.wrong_answers["told event changed"] += 1
        if table == "transactions" and new is not None:
            self.stream.add({name: new[name] for name in ("transactionId", "timestamp")}, old, new)

    def _functions(self) -> dict[str, Callable[[], None]]:
        lanes = {f"analyzer-{lane}": lambda lane=lane: self._follow(self.analysis, lane) for lane in range(LANES)}
        return lanes | {"reporter": lambda: self._follow(self.log, 0)}

    def _follow(self, consumer: Consumer, lane: int) -> None:
        while self.outsiders.posting or not self.analysis.idle() or not self.log.idle():
            if not self.stream.deliver(consumer, lane):
                self.actors.turn()

    def _analyze(self, records: Sequence[Record]) -> str | None:
        actor = self.actors.current
        run = self.journal.begin(actor, records)
        failed: set[str] | None = None
        try:
            # The rules change every 40 attempts: a retry may judge by others.
            active = self._rulesets[self.network.attempts // 40 % 2]
            analysis = self.analyzer.analyze(records, active)
            failed = {failure.sequence_number for failure in analysis.failures}
            if not failed and len(analysis.latencies) != len(run.decided) and self.journal.late.isdisjoint(run.events):
                self.wrong_answers["decisions counted"] += 1
            return first_failure(records, analysis.failures)
        finally:
            decided = {name: self.journal.decided[name] > 0 for name in run.events}
            self.journal.end(actor, decided, failed)

    def _write_log(self, records: Sequence[Record]) -> None:
        try:
            segments.write(self._s3, "bucket", segments.cut(records, DECISION_LOG_PREFIX).segments)
        except BotoCoreError:
            self.now += _PAUSE_OF_LAMBDA
            raise

    def pass_time_until(self, at: int) -> None:
        """Have it be a time, if it is not later already: epoch milliseconds."""
        self.now = max(self.now, at)
        self.stream.seconds = self.now // 1000

    def _vandal(self) -> None:
        while self.outsiders.posting:
            self.actors.turn()
            self.vandal.act(self.now)

    def _look_into_dead_letters(self) -> None:
        """Check that whatever was given up can be found there, before anything is redriven."""
        given_up = {record["dynamodb"]["NewImage"]["transactionId"]["S"] for record in self.analysis.dead_letters}
        for item in self.tables.all("transactions"):
            if item["kind"] == {"S": "TXN"} and "decision" not in item and item["transactionId"]["S"] not in given_up:
                self.wrong_answers["undecided, and not in the dead letters"] += 1

    def _redrive(self) -> None:
        """Send what has no decision through the analyzer again, as `fraudstream redrive` does."""
        self.now += 60_000
        for item in self.tables.all("transactions"):
            if item["kind"] == {"S": "TXN"} and (
                "decision" not in item or item.get("labeledAt") != item.get("learntLabeledAt")
            ):
                self.tables.put("transactions", item | to_item({"redrivenAt": self.now}))

    def remains(self) -> Remains:
        """Return what the run has left."""
        items = [{name: _in_bytes(value) for name, value in item.items()} for item in self.tables.all("profiles")]
        profiles, self.divided = whole_profiles(items)
        journal = self.journal
        return Remains(
            transactions=[from_item(item) for item in self.tables.all("transactions")],
            alerts=[from_item(item) for item in self.tables.all("alerts")],
            events=[from_item(item) for item in self.tables.all("outbox")],
            profiles=profiles,
            segments=self.network.objects.values(),
            seen=ObservedWrites(
                decided=journal.decided,
                alerted=journal.alerted,
                allowed=journal.allowed,
                allowed_labels=journal.allowed_labels,
            ),
            received=self.outsiders.received,
            left=self.outsiders.left,
            poison=self.vandal.poison,
            given_up={record["dynamodb"]["NewImage"]["transactionId"]["S"] for record in self.analysis.dead_letters},
            set_aside=self.vandal.set_aside | {entity_of(key) for key in self.vandal.newer},
            wrong_answers=self.wrong_answers,
        )


def _in_bytes(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"B": base64.b64decode(value["B"])} if "B" in value else value


def wants_analysis(record: Record) -> bool:
    """Do what the analyzer's filter does."""
    new = record["dynamodb"]["NewImage"]
    if new["kind"] != {"S": "TXN"}:
        return False
    return record["eventName"] == "INSERT" or "label" in new or "redrivenAt" in new
