"""A seeded world of transactions, with named fraud episodes in it and the truth about every one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import floor
from random import Random
from typing import Any

from fraudstream.durations import DAY, HOUR
from fraudstream_tools.lab.episodes.catalog import EPISODES
from fraudstream_tools.lab.episodes.lookalikes import LOOKALIKES
from fraudstream_tools.lab.episodes.scene import Episode, Scene
from fraudstream_tools.lab.world.drafts import Draft
from fraudstream_tools.lab.world.habits import customer_day
from fraudstream_tools.lab.world.labelling import Report, report
from fraudstream_tools.lab.world.population import Customer, World, make_world

START = datetime(2026, 1, 5, tzinfo=UTC)
"""First simulated day where nobody asks for another: fixed, so that a seed alone names a world."""


@dataclass(frozen=True, kw_only=True)
class WorldSettings:
    """What makes one simulated world differ from another."""

    seed: int = 1
    customers: int = 1000
    days: int = 7
    warm_up_days: int = 0
    """Days before the first one, of which only each customer's first transaction and the first with each device are
    kept: enough for them to be known."""
    activity: float = 2.5
    """Mean number of transactions of a customer on a day."""
    episodes: float = 4.0
    """Fraud episodes a day for each 1,000 customers."""
    traps: float = 1.0
    """Honest events that look like fraud, a day for each 1,000 customers."""
    start: datetime = START


@dataclass(frozen=True, slots=True)
class SimulatedTruth:
    """What is true of one simulated transaction."""

    transaction_id: str
    fraud: bool
    episode: str = ""
    """Name of the fraud episode that it belongs to; empty for none."""
    trap: str = ""
    """Name of the honest event that looks like fraud; empty for what is ordinary."""
    report: Report | None = None
    """How somebody labels it later; None for what nobody ever speaks of."""

    def as_row(self) -> dict[str, Any]:
        """Return it as a row of the truth file; what does not apply is left out."""
        row: dict[str, Any] = {"transactionId": self.transaction_id, "fraud": self.fraud}
        if self.episode:
            row["episode"] = self.episode
        if self.trap:
            row["trap"] = self.trap
        if self.report:
            row |= {
                "label": self.report.label.value,
                "source": self.report.source,
                "labeledAt": self.report.labeled_at,
            }
        return row


@dataclass(frozen=True)
class Simulation:
    """Transactions in order of time, and the truth about each, in the same order."""

    transactions: list[dict[str, Any]]
    """As the API takes them."""
    truths: list[SimulatedTruth]


def simulate(settings: WorldSettings) -> Simulation:
    """Simulate; the same settings give the same transactions, to the last digit.

    Raises:
        ValueError: settings that make no world.
    """
    if settings.customers < 1 or settings.days < 1 or settings.warm_up_days < 0:
        raise ValueError("a world needs at least one customer and one day")
    rng = Random(settings.seed)
    start = int(settings.start.timestamp() * 1000)
    world = make_world(
        rng,
        customers=settings.customers,
        days=settings.days,
        start=start,
        activity=settings.activity,
        warm_up_days=settings.warm_up_days,
    )
    made = list(_warm_up(rng, world, settings.warm_up_days, start))
    frauds = _Happening(rng, world, EPISODES)
    traps = _Happening(rng, world, LOOKALIKES)
    for day in range(settings.days):
        midnight = start + day * DAY
        honest = {c.customer_id: customer_day(rng, world, c, day, midnight) for c in world.customers}
        made.extend(draft for drafts in honest.values() for draft in drafts)
        for _ in range(_of_day(day, settings.episodes * settings.customers / 1000)):
            name, drafts = frauds.happen(honest, day, midnight)
            for draft in drafts:
                draft.episode = name
            made.extend(drafts)
        for _ in range(_of_day(day, settings.traps * settings.customers / 1000)):
            name, drafts = traps.happen(honest, day, midnight)
            for draft in drafts:
                draft.trap = name
            made.extend(drafts)
    end = start + settings.days * DAY
    return numbered(rng, f"sim-{settings.seed}", [draft for draft in made if draft.at < end], report)


def _of_day(day: int, rate: float) -> int:
    """Return how many events a day has.

    Of at least one in two days, it is their number rounded, by which the shipped sample and the world of the default
    model were made. Fewer are spread over the days, so that a small world has some as well.
    """
    return round(rate) or floor((day + 1) * rate) - floor(day * rate)


def _warm_up(rng: Random, world: World, days: int, start: int) -> Iterator[Draft]:
    for customer in world.customers:
        known: set[str] = set()
        for day in range(-days, 0):
            for draft in sorted(customer_day(rng, world, customer, day, start + day * DAY), key=lambda draft: draft.at):
                device = str(draft.fields.get("deviceId", ""))
                if draft.original is None and (not known or (device and device not in known)):
                    known.add(device)
                    yield draft


class _Happening:
    """Runs the episodes one after the other, so that every pattern occurs even if there are few episodes."""

    def __init__(self, rng: Random, world: World, episodes: Mapping[str, Episode]) -> None:
        self._rng = rng
        self._world = world
        self._episodes = episodes
        self._number = 0

    def happen(self, honest: Mapping[str, list[Draft]], day: int, midnight: int) -> tuple[str, list[Draft]]:
        """Return the next episode's name, and its transactions."""
        rng, number = self._rng, self._number
        self._number += 1
        name = list(self._episodes)[number % len(self._episodes)]
        victim: Customer = rng.choice(self._world.customers)
        in_shop: list[Draft] = []
        # Patterns that need a payment to follow look for a victim who made one; half of the people do on any day.
        for _ in range(20):
            in_shop = [d for d in honest[victim.customer_id] if "terminalId" in d.fields and d.original is None]
            if in_shop:
                break
            victim = rng.choice(self._world.customers)
        last = max(in_shop, key=lambda draft: draft.at, default=None)
        # Not before the world has had some hours of honest life: fraud in an empty world cannot be told from the rest.
        at = midnight + rng.randint(6 * HOUR, DAY - 2 * HOUR)
        return name, self._episodes[name](Scene(rng, self._world, victim, last, at, number, day))


def numbered(
    rng: Random, prefix: str, made: list[Draft], reported: Callable[[Random, Draft], Report | None]
) -> Simulation:
    """Order drafts by time, number them, and add the truth about each.

    Args:
        rng: where chance comes from.
        prefix: what all ids begin with.
        made: all that happened.
        reported: says who labels a transaction, and when.
    """
    made.sort(key=lambda draft: draft.at)
    ids = {id(draft): f"{prefix}-{number:07}" for number, draft in enumerate(made)}
    transactions: list[dict[str, Any]] = []
    truths: list[SimulatedTruth] = []
    for draft in made:
        transaction = {"transactionId": ids[id(draft)], "timestamp": draft.at, **draft.fields}
        if draft.original is not None:
            transaction["originalTransactionId"] = ids[id(draft.original)]
        transactions.append(transaction)
        truths.append(SimulatedTruth(ids[id(draft)], draft.is_fraud, draft.episode, draft.trap, reported(rng, draft)))
    return Simulation(transactions, truths)
