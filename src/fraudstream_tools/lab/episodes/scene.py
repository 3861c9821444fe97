"""What an episode has to work with: where it happens, when, and to whom."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from fraudstream.durations import DAY
from fraudstream_tools.lab.world.cities import CITIES, City
from fraudstream_tools.lab.world.drafts import Draft
from fraudstream_tools.lab.world.population import Customer, World

DORMANT_DAYS = 31
"""Whole days without a transaction after which an account is dormant; rules begin to say so at 30."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What an episode has to work with."""

    rng: Random
    world: World
    victim: Customer
    last_in_shop: Draft | None
    """The victim's last honest payment in a shop on that day, if there was one."""
    at: int
    """When the episode begins, epoch milliseconds."""
    number: int
    """The episode's, so that its devices and accounts are nobody else's."""
    day: int
    """The world's day."""

    @property
    def device(self) -> str:
        """The fraudster's device."""
        return f"dev-x{self.number:05}"

    @property
    def midnight(self) -> int:
        """The day's first millisecond in UTC."""
        return self.at // DAY * DAY

    def elsewhere(self) -> City:
        """Return a city in another country than the victim's."""
        return self.rng.choice([city for city in CITIES if city.country != self.victim.home.country])

    def awake(self) -> list[Customer]:
        """Return the customers who are not quiet on this day."""
        return [customer for customer in self.world.customers if not customer.is_quiet(self.day)]

    def sleepers(self) -> list[Customer]:
        """Return the customers who have been quiet so long that their accounts are dormant, and who stay so."""
        return [
            customer
            for customer in self.world.customers
            if customer.quiet_until is None and self.day - customer.quiet_from >= DORMANT_DAYS
        ]


Episode: TypeAlias = Callable[[Scene], list[Draft]]
"""What happens in a scene; it may find nothing to do there, and then gives an empty list."""
