"""A fintech's world: honest life with all in it that looks like fraud, and frauds that adapt to detectors.

It was written from sources on payments and on fraud, which its modules name, before the rules that are measured on it
were changed; `docs/detection.md` has the hash of what it makes. Nothing in it was chosen to be easy or hard to find.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from fraudstream.durations import DAY, HOUR
from fraudstream.transactions.decisions.decision import Truth
from fraudstream_tools.lab.fintech.frauds import FRAUDS
from fraudstream_tools.lab.fintech.life import Today, ordinary_day
from fraudstream_tools.lab.fintech.lookalikes import FRIENDLY, LOOKALIKES, Occasion
from fraudstream_tools.lab.fintech.people import make_town
from fraudstream_tools.lab.world.drafts import Draft
from fraudstream_tools.lab.world.labelling import Report
from fraudstream_tools.lab.world.population import chance
from fraudstream_tools.lab.world.simulate import Simulation, numbered

START: Final = datetime(2025, 9, 8, tzinfo=UTC)
"""Twelve weeks before Black Friday, so that a world of the usual length has one."""
_FIRST_FRAUD_DAY: Final = 3
_MEDIAN_DELAYS: Final[Mapping[str, tuple[float, float]]] = {
    "analyst": (6 * HOUR, 0.7),
    "customer": (3 * DAY, 0.9),
    "chargeback": (28 * DAY, 0.4),
}
"""Median in milliseconds and standard deviation of the logarithm; own."""
_SHARES: Final[Mapping[str, Mapping[str, float]]] = {
    "transfer": {"customer": 0.65, "analyst": 0.1, "": 0.25},
    "card": {"customer": 0.35, "chargeback": 0.45, "analyst": 0.05, "": 0.15},
    "victimless": {"analyst": 0.35, "": 0.65},
}
"""Who reports what; nobody reports the rest. Own."""
_VICTIMLESS: Final = frozenset(
    {"structuring", "mule_ring", "refund_fraud", "slow_card_test", "quick_card_test", "enumeration"}
)


@dataclass(frozen=True, kw_only=True)
class FintechSettings:
    """What makes one such world differ from another."""

    seed: int = 1
    customers: int = 300
    days: int = 90
    episodes: float = 2.6
    """Fraud episodes a day for each 1,000 customers."""
    traps: float = 14.0
    """Honest events that look like fraud and befall several people, or somebody seldom; a day for each 1,000."""
    start: datetime = START


def make_fintech_world(settings: FintechSettings) -> Simulation:
    """Simulate; the same settings give the same transactions.

    Raises:
        ValueError: settings that make no world.
    """
    if settings.customers < 20 or settings.days < 7:  # noqa: PLR2004  (said in the message)
        raise ValueError("a fintech world needs at least 20 customers and 7 days")
    rng = Random(settings.seed)
    start = int(settings.start.timestamp() * 1000)
    town = make_town(rng, people=settings.customers, days=settings.days, start=start)
    frauds, traps = _Turns(rng, FRAUDS), _Turns(rng, LOOKALIKES)
    made: list[Draft] = []
    for day in range(settings.days):
        today = Today(rng, town, day, (settings.start + timedelta(days=day)).date(), start + day * DAY)
        for person in town.people:
            made += ordinary_day(today, person)
        for name, drafts in traps.of_day(today, settings.traps):
            for draft in drafts:
                draft.trap = name
            made += drafts
        for name, drafts in frauds.of_day(today, settings.episodes if day >= _FIRST_FRAUD_DAY else 0):
            for draft in drafts:
                draft.episode = name
            made += drafts
    end = start + settings.days * DAY
    kept = [draft for draft in made if start <= draft.at < end]
    known = set(map(id, kept))
    kept = [draft for draft in kept if draft.original is None or id(draft.original) in known]
    return numbered(rng, f"fin-{settings.seed}", kept, report)


def report(rng: Random, draft: Draft) -> Report | None:
    """Return who labels a transaction, and when; None if nobody ever does."""
    if draft.trap == FRIENDLY:
        return Report(Truth.FRAUD, "chargeback", draft.at + _delay(rng, "chargeback"))
    if not draft.is_fraud:
        return Report(Truth.LEGITIMATE, "analyst", draft.at + _delay(rng, "analyst")) if chance(rng, 0.002) else None
    lossless = draft.episode in _VICTIMLESS or draft.fields["authorizationResult"] == "DECLINED"
    shares = _SHARES["victimless" if lossless else "transfer" if draft.fields["type"] == "TRANSFER" else "card"]
    source = rng.choices(list(shares), list(shares.values()))[0]
    return Report(Truth.FRAUD, source, draft.at + _delay(rng, source)) if source else None


def _delay(rng: Random, source: str) -> int:
    median, deviation = _MEDIAN_DELAYS[source]
    return round(median * rng.lognormvariate(0, deviation))


class _Turns:
    """Makes events happen in rounds, in which each happens as often as its weight says, in any order."""

    def __init__(self, rng: Random, events: Mapping[str, tuple[Callable[[Occasion], list[Draft]], int]]) -> None:
        self._rng = rng
        self._events = events
        self._waiting: list[str] = []
        self._number = 0
        self._due = 0.0

    def of_day(self, today: Today, rate: float) -> list[tuple[str, list[Draft]]]:
        """Return what happens on a day, with `rate` events for each 1,000 people."""
        self._due += rate * len(today.town.people) / 1000
        made: list[tuple[str, list[Draft]]] = []
        while self._due >= 1:
            self._due -= 1
            if not self._waiting:
                self._waiting = [name for name, (_, weight) in self._events.items() for _ in range(weight)]
                self._rng.shuffle(self._waiting)
            name = self._waiting.pop()
            place = Occasion(today, self._number, today.midnight + self._rng.randint(7 * HOUR, 21 * HOUR))
            self._number += 1
            made.append((name, self._events[name][0](place)))
        return made
