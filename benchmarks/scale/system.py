"""A stack as a discrete-event simulation: from requests to decisions, with the limits of AWS in between."""

import random
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from typing import Any, Final, NamedTuple

import simpy

from fraudstream_tools.costs.estimate import WAIT_SECONDS
from fraudstream_tools.sizing.plan import (
    LANES_PER_SHARD,
    POLL_SECONDS,
    REQUESTS_PER_ENVIRONMENT,
    UNITS_PER_PARTITION,
)
from fraudstream_tools.sizing.service import LARGEST_BATCH, ServiceTimes

Events = Generator[simpy.Event, Any, Any]

COLD_START_SECONDS: Final = 1.0
"""Assumed for a function in a network of its own."""
ENVIRONMENTS_PER_TEN_SECONDS: Final = 1000
"""By which Lambda adds to a function (its developer guide, "Lambda scaling behavior")."""
CLIENT_ATTEMPTS: Final = 3
"""Of a client that is refused; it waits for a second, then for two."""
TABLE_ATTEMPTS: Final = 4
"""Of a write that the table refuses; from 50 ms on, doubling, at a random length."""
HOT_WRITE_SECONDS: Final = 0.0077
"""For which one writer holds a profile that many share: without shards of it, some 130 a second were measured."""


class SimulatedStack(NamedTuple):
    """How a stack is set up."""

    times: ServiceTimes
    throttle: float
    """Requests a second that the gateway lets through."""
    burst: int
    processor_concurrency: int
    analyzer_concurrency: int
    partitions: int


class Load(NamedTuple):
    """What comes in."""

    rate: Callable[[float], float]
    """Returns the requests a second at a time."""
    seconds: float
    hot_share: float = 0.0
    """Of the transactions that touch one merchant."""
    hot_shards: int = 1
    """Items over which the merchant's profile is spread."""
    outage: tuple[float, float] = (0.0, 0.0)
    """Since when and until when nothing is decided."""


def constant(rate: float) -> Callable[[float], float]:
    """Return a rate that is the same at any time."""

    def at(_now: float) -> float:
        return rate

    return at


class SimulatedTimes:
    """What a simulation found."""

    def __init__(self) -> None:
        """Begin without anything."""
        self.counts: Counter[str] = Counter()
        self.posts: list[float] = []
        """Seconds from a client's first attempt to its answer."""
        self.decisions: list[float] = []
        """Seconds from the storing of a transaction to its decision."""
        self.decided_at: list[float] = []
        self.busiest = 0
        self.cold_starts = 0
        self.batches = 0


class RequestAllowance:
    """Lets so many a second through, and a burst."""

    def __init__(self, env: simpy.Environment, rate: float, burst: float) -> None:
        """Begin with a whole burst to be used up."""
        self._env, self._rate, self._burst = env, rate, burst
        self._tokens, self._at = burst, 0.0

    def take(self, number: float = 1) -> bool:
        """Use up tokens, and return whether there were as many."""
        self._tokens = min(self._burst, self._tokens + (self._env.now - self._at) * self._rate)
        self._at = self._env.now
        if self._tokens < number:
            return False
        self._tokens -= number
        return True


class Environments:
    """The environments of a function: kept when they are idle, started when there is none, refused above the limit."""

    def __init__(self, env: simpy.Environment, concurrency: int, outcome: SimulatedTimes, *, ready: int = 0) -> None:
        """Begin with some that are ready."""
        self._concurrency, self._outcome = concurrency, outcome
        self._starts = RequestAllowance(env, ENVIRONMENTS_PER_TEN_SECONDS / 10, ENVIRONMENTS_PER_TEN_SECONDS)
        self._calls = RequestAllowance(
            env, REQUESTS_PER_ENVIRONMENT * concurrency, REQUESTS_PER_ENVIRONMENT * concurrency
        )
        self._idle, self.busy = ready, 0

    def enter(self) -> float | None:
        """Return for how long an invocation waits for its environment; None if it is refused."""
        if self.busy >= self._concurrency or not self._calls.take():
            return None
        wait = 0.0
        if self._idle:
            self._idle -= 1
        elif self._starts.take():
            self._outcome.cold_starts += 1
            wait = COLD_START_SECONDS
        else:
            return None
        self.busy += 1
        self._outcome.busiest = max(self._outcome.busiest, self.busy)
        return wait

    def leave(self) -> None:
        """Keep the environment for the next invocation."""
        self.busy -= 1
        self._idle += 1


class StackSimulation:
    """One run."""

    def __init__(self, stack: SimulatedStack, load: Load, seed: int, *, warm: bool = True) -> None:
        """Build a stack, warm or without any environment."""
        self._env, self._random = simpy.Environment(), random.Random(seed)
        self._stack, self._load = stack, load
        self.outcome = SimulatedTimes()
        self._gateway = RequestAllowance(self._env, stack.throttle, stack.burst)
        ready = stack.processor_concurrency if warm else 0
        self._processor = Environments(self._env, stack.processor_concurrency, self.outcome, ready=ready)
        self._partitions = [
            RequestAllowance(self._env, UNITS_PER_PARTITION, UNITS_PER_PARTITION) for _ in range(stack.partitions)
        ]
        self._analyzers = simpy.Resource(self._env, stack.analyzer_concurrency)
        self._hot = [simpy.Resource(self._env, 1) for _ in range(load.hot_shards)]
        self._lanes: list[deque[tuple[float, bool]]] = [deque() for _ in range(stack.partitions * LANES_PER_SHARD)]
        self._wakers: list[simpy.Event] = [self._env.event() for _ in self._lanes]

    def run(self, drain_seconds: float = 60) -> SimulatedTimes:
        """Run until all requests have come in, and for some time after."""
        for lane in range(len(self._lanes)):
            self._env.process(self._work(lane))
        self._env.process(self._arrive())
        self._env.run(until=self._load.seconds + drain_seconds)
        self.outcome.counts["undecided"] = self.outcome.counts["stored"] - len(self.outcome.decisions)
        return self.outcome

    def _arrive(self) -> Events:
        while True:
            yield self._env.timeout(self._random.expovariate(max(self._load.rate(self._env.now), 1e-9)))
            if self._env.now > self._load.seconds:
                return
            self._env.process(self._post())

    def _post(self) -> Events:
        came_at = self._env.now
        self.outcome.counts["requests"] += 1
        for attempt in range(CLIENT_ATTEMPTS):
            if not self._gateway.take():
                self.outcome.counts["throttled"] += 1
            elif (wait := self._processor.enter()) is None:
                self.outcome.counts["no environment"] += 1
            else:
                place = self._random.randrange(len(self._partitions))
                stored = yield from self._store(place, wait)
                self._processor.leave()
                if stored:
                    self.outcome.posts.append(self._env.now - came_at)
                    self._hand_on(place)
                    return
            yield self._env.timeout(2.0**attempt)
        self.outcome.counts["given up"] += 1

    def _store(self, place: int, wait: float) -> Events:
        """Claim and put; what is not the table's time is the processor's."""
        computing = max(self._stack.times.post - 2 * WAIT_SECONDS, 0)
        yield self._env.timeout(wait + computing + sum(self._random.expovariate(1 / WAIT_SECONDS) for _ in range(2)))
        return (yield from self._write(place, 2))

    def _write(self, place: int, units: int) -> Events:
        for attempt in range(TABLE_ATTEMPTS):
            if self._partitions[place].take(units):
                return True
            self.outcome.counts["table refused"] += 1
            yield self._env.timeout(self._random.uniform(0, 0.05 * 2**attempt))
        return False

    def _hand_on(self, place: int) -> None:
        self.outcome.counts["stored"] += 1
        lane = place * LANES_PER_SHARD + self._random.randrange(LANES_PER_SHARD)
        self._lanes[lane].append((self._env.now, self._random.random() < self._load.hot_share))
        if not self._wakers[lane].triggered:
            self._wakers[lane].succeed()

    def _work(self, lane: int) -> Events:
        """Handle the batches of one lane, one after the other."""
        queue, since, until = self._lanes[lane], *self._load.outage
        while True:
            if not queue:
                self._wakers[lane] = self._env.event()
                yield self._wakers[lane]
                yield self._env.timeout(self._random.uniform(0, POLL_SECONDS))
            if since <= self._env.now < until:
                # What fails is tried again; it is waited for no longer than until the end.
                yield self._env.timeout(min(until - self._env.now, 5))
                continue
            batch = [queue.popleft() for _ in range(min(len(queue), LARGEST_BATCH))]
            one = self._analyzers.request()
            yield one
            yield from self._decide(batch, lane // LANES_PER_SHARD)
            self._analyzers.release(one)

    def _decide(self, batch: Sequence[tuple[float, bool]], place: int) -> Events:
        yield self._env.timeout(self._stack.times.batch + len(batch) * self._stack.times.decision)
        if any(is_hot for _, is_hot in batch):
            item = self._random.choice(self._hot)
            turn = item.request()
            yield turn
            yield self._env.timeout(HOT_WRITE_SECONDS)
            item.release(turn)
        yield from self._write(place, len(batch))
        self.outcome.batches += 1
        self.outcome.decisions.extend(self._env.now - stored_at for stored_at, _ in batch)
        self.outcome.decided_at.extend(self._env.now for _ in batch)
