"""Transactions that come at a rate, whether or not they are decided, and the lanes that decide them."""

import random
import zlib
from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError

from benchmarks.hot.clock import SimulatedClock, SimulatedPool
from benchmarks.hot.table import SimulatedTable
from fraudstream.detection.batch import Batch, Judged
from fraudstream.detection.batch_steps import BatchStep
from fraudstream.detection.judge import Judge
from fraudstream.detection.stores.decisions.store import DecisionStore
from fraudstream.detection.stores.profiles.reads import ProfilesUnavailableError
from fraudstream.detection.stores.profiles.store import ProfileStore
from fraudstream.transactions.transaction import AuthorizationResult, Transaction, TransactionType

LANES: Final = 40
BATCH: Final = 100
"""Records of a batch, as many as the analyzer's event source mapping takes."""
BACKLOG_SECONDS: Final = 10
START: Final = 1_793_600_000_000
"""Epoch milliseconds."""
CUSTOMERS: Final = 20_000
OTHERS: Final = 5_000
"""Merchants, devices and addresses of spread load."""
_RETENTION_DAYS: Final = 400
_DECLINED: Final = 0.05
_POLL_SECONDS: Final = 0.002
"""How often a lane with nothing to do looks again."""


class Scenario(NamedTuple):
    """What comes."""

    name: str
    rate: int
    """Transactions a second."""
    fields: tuple[str, ...]
    """Entities of each transaction beside its customer."""
    is_hot: bool
    """All of them have the same ones."""


@dataclass
class LoadOutcome:
    """What became of it."""

    latencies: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """Of each transaction when it came and how long it took until it was decided, seconds."""
    failed_batches: int = 0
    why: Counter[str] = field(default_factory=Counter[str])
    """Failed batches by the names of their errors."""
    seconds: float = 0.0
    """From the first batch to the last decision."""
    counted: dict[str, float] = field(default_factory=dict[str, float])
    divided: int = 0


class Arrival(NamedTuple):
    """One transaction of the stream."""

    at: float
    """Seconds; below 0 for the backlog."""
    transaction: Transaction


def arrivals(scenario: Scenario, seconds: float, chance: random.Random) -> list[Arrival]:
    """Return what comes in so many seconds, and in those of the backlog before."""
    found: list[Arrival] = []
    at = -float(BACKLOG_SECONDS)
    while (at := at + chance.expovariate(scenario.rate)) < seconds:
        found.append(Arrival(at, _transaction(scenario, len(found), at, chance)))
    return found


def _transaction(scenario: Scenario, number: int, at: float, chance: random.Random) -> Transaction:
    moment = START + int(at * 1000)
    customer = f"tok_c{chance.randrange(CUSTOMERS)}"
    entities: dict[str, Any] = {
        name: f"tok_{name}{0 if scenario.is_hot else chance.randrange(OTHERS)}" for name in scenario.fields
    }
    if "card_token" in entities:
        # A card has one holder.
        customer = f"tok_of_{entities['card_token']}"
    return Transaction(
        transaction_id=f"t-{number:08d}",
        timestamp=moment - chance.randrange(500),
        received_at=moment,
        amount_minor=round(chance.lognormvariate(8, 1)),
        currency="EUR",
        type=TransactionType.PAYMENT,
        customer_id=customer,
        authorization_result=AuthorizationResult.DECLINED if chance.random() < _DECLINED else None,
        **entities,
    )


class LoadSimulation:
    """One scenario, decided by the real batch, store and judge."""

    def __init__(self, scenario: Scenario, judge: Judge, seconds: float, seed: int) -> None:
        """Set everything up.

        Args:
            scenario: what comes.
            judge: judges by one ruleset.
            seconds: for which it goes on coming after the backlog.
            seed: the same seed gives the same run.
        """
        self._chance = random.Random(seed)
        self._judge = judge
        self._clock = SimulatedClock()
        self._table = SimulatedTable(self._clock, self._chance)
        self._lanes = [deque[Arrival]() for _ in range(LANES)]
        for arrival in arrivals(scenario, seconds, self._chance):
            self._lanes[zlib.crc32(arrival.transaction.transaction_id.encode()) % LANES].append(arrival)
        self.outcome = LoadOutcome()

    def run(self) -> LoadOutcome:
        """Run until all is decided."""
        self._clock.run([self._lane(waiting) for waiting in self._lanes])
        self.outcome.seconds = self._clock.now
        self.outcome.counted = dict(self._table.counted)
        return self.outcome

    def _lane(self, waiting: deque[Arrival]) -> Callable[[], None]:
        pool = SimulatedPool(self._clock)
        client: Any = self._table
        store = ProfileStore(client, "profiles", _RETENTION_DAYS, pool, wait=self._pause)
        decisions = DecisionStore(client, "transactions", pool)

        def follow() -> None:
            self._clock.sleep(self._chance.random() * _POLL_SECONDS)
            while waiting:
                if waiting[0].at > self._clock.now:
                    self._clock.sleep(waiting[0].at - self._clock.now)
                    continue
                batch = [each for each, _ in zip(waiting, range(BATCH), strict=False) if each.at <= self._clock.now]
                decided = self._take(batch, store, decisions, pool)
                for _ in batch:
                    waiting.popleft()
                waiting.extendleft(reversed([each for each in batch if each.transaction.transaction_id not in decided]))

        return follow

    def _take(
        self, arrived: list[Arrival], store: ProfileStore, decisions: DecisionStore, pool: SimulatedPool
    ) -> set[str]:
        """Process a batch; return the ids of what was decided."""
        steps = [BatchStep(each.transaction.transaction_id, each.transaction) for each in arrived]
        batch = Batch(store, self._judge, steps, START + int(self._clock.now * 1000))
        try:
            judged = batch.run(decisions)
        except (ClientError, ProfilesUnavailableError) as error:
            self._failed([error])
            return set()

        def decide(each: Judged) -> None:
            decisions.decide(each.transaction, each.decision)

        list(pool.map(decide, judged.values()))
        self._failed(batch.failed.values())
        self.outcome.divided += len(batch.divided)
        now = self._clock.now
        self.outcome.latencies += [
            (each.at, now - each.at) for each in arrived if each.transaction.transaction_id in judged
        ]
        return set(judged)

    def _failed(self, errors: Collection[Exception]) -> None:
        self.outcome.failed_batches += bool(errors)
        self.outcome.why.update({type(error).__name__ for error in errors})

    def _pause(self, attempt: int) -> None:
        self._clock.sleep(self._chance.uniform(0, 0.02 * 2**attempt))
