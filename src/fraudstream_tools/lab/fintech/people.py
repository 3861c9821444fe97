"""The people of the fintech world: whom they pay, on what, and what in their lives looks like fraud without being any.

What they do a month follows the Diary of Consumer Payment Choice (Federal Reserve Banks of Boston and Atlanta, 2019 and
2020: 35 to 39 payments a month, of them 8.4 bills, a quarter of purchases not in person). That one address of a mobile
carrier stands for hundreds of people is from Cloudflare ("One IP address, many users", 2025). Other numbers are
ours; what is rare in life (new phones, new landlords, long absences) is more frequent here, so that it can be counted.
"""

from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from fraudstream.durations import DAY
from fraudstream_tools.lab.world.population import Card, chance

CARRIER_ADDRESSES: Final = tuple(f"192.0.2.{n}" for n in range(1, 7))
"""Addresses of all mobile carriers together (RFC 5737: nobody's)."""
_BINS: Final = ("453201", "453202", "535510")


class Region(NamedTuple):
    """Where people live, or go."""

    country: str
    latitude: float
    longitude: float
    currency: str = "EUR"
    per_euro: float = 1.0
    """Units of the currency that a euro buys, roughly."""


HOMES: Final = (
    Region("DE", 52.52, 13.40),
    Region("DE", 48.14, 11.58),
    Region("DE", 50.94, 6.96),
    Region("FR", 48.86, 2.35),
    Region("FR", 45.76, 4.84),
    Region("NL", 52.37, 4.90),
    Region("ES", 40.42, -3.70),
    Region("IE", 53.35, -6.26),
)
DESTINATIONS: Final = (
    Region("GB", 51.51, -0.13, "GBP", 0.86),
    Region("US", 40.71, -74.01, "USD", 1.1),
    Region("CH", 47.37, 8.54, "CHF", 0.95),
    Region("IT", 41.90, 12.50),
    Region("GR", 37.98, 23.73),
    Region("PT", 38.72, -9.14),
    Region("TR", 41.01, 28.98, "EUR"),
    Region("MA", 31.63, -7.99, "EUR"),
)


class Shop(NamedTuple):
    """Where people buy."""

    merchant_id: str
    category: str
    """ISO 18245."""
    place: Region
    euros: float
    """Median of what is paid there."""
    spread: float
    """Standard deviation of the amount's logarithm."""
    terminals: tuple[str, ...] = ()


class Order(NamedTuple):
    """What is paid on the same day of each month."""

    payee: str
    day: int
    euros: float
    by_hand: bool
    """In the app, and not by a standing order that the bank carries out."""
    every: int = 1
    """Months from one to the next."""


class Subscription(NamedTuple):
    """What a seller takes each month from the card on file."""

    shop: Shop
    day: int
    euros: float


class Holiday(NamedTuple):
    """Days abroad; the first and the last one are for the journey."""

    first: int
    last: int
    place: Region


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountHolder:
    """A customer, or the couple that shares an account."""

    customer_id: str
    home: Region
    joined: int
    """The world's day on which the account is opened; below 0 for those who were there before."""
    opened_at: int
    """Epoch milliseconds."""
    pays: float
    """Card payments in shops a day."""
    buys: float
    """Purchases online a day."""
    income: float
    """Euros a month."""
    pay_day: int
    """Day of the month."""
    employer: str
    cards: tuple[Card, ...]
    phones: tuple[str, ...]
    """The second one replaces the first; of couples each has one, and the third replaces the first."""
    new_phone: int
    """Day on which the phone is replaced; beyond the world's end for most."""
    laptop: str
    address: str
    carrier: str
    shops: tuple[Shop, ...]
    sites: tuple[Shop, ...]
    friends: tuple[str, ...]
    rent: Order | None
    new_rent: int
    """Day on which they move to another landlord; beyond the world's end for most."""
    orders: tuple[Order, ...]
    subscriptions: tuple[Subscription, ...]
    trip: Holiday | None
    quiet: range
    """Days without any transaction."""
    joint: bool = False
    behind_vpn: bool = False
    gigs: bool = False
    """Is paid by a platform every few days and sends most of it on to an account elsewhere."""
    trades: bool = False
    """Pays suppliers' invoices of thousands."""

    def phone(self, day: int, owner: int = 0) -> str:
        """Return the phone of one of the owners on a day."""
        if owner:
            return self.phones[1]
        return self.phones[-1] if day >= self.new_phone else self.phones[0]

    def awake(self, day: int) -> bool:
        """Return whether the account is in use on a day."""
        return day >= self.joined and day not in self.quiet


@dataclass(frozen=True, slots=True)
class Town:
    """Everybody and every shop."""

    people: tuple[AccountHolder, ...]
    shops: dict[Region, tuple[Shop, ...]]
    sites: tuple[Shop, ...]
    cash: dict[Region, Shop]
    gyms: tuple[Shop, ...]
    """Sellers that take from all their members within one hour of the month."""


_TRADES: Final = (
    ("5411", 28, 0.7, 30),
    ("5814", 9, 0.5, 22),
    ("5812", 31, 0.6, 12),
    ("5541", 52, 0.4, 8),
    ("5912", 16, 0.7, 6),
    ("4111", 3.2, 0.4, 10),
    ("5651", 48, 0.7, 5),
    ("5200", 60, 0.9, 3),
)
"""Category, median in euros, spread and weight, of shops."""
_SITES: Final = (
    ("5999", 34, 0.8, 30),
    ("5815", 8, 0.6, 18),
    ("5651", 62, 0.7, 16),
    ("5812", 24, 0.4, 14),
    ("5732", 120, 0.9, 6),
    ("4722", 260, 0.8, 2),
    ("4121", 14, 0.5, 10),
)


def make_town(rng: Random, *, people: int, days: int, start: int) -> Town:
    """Build the world's people and shops.

    Args:
        rng: where chance comes from.
        people: how many accounts there are, those opened later counted.
        days: of the world.
        start: its first day, epoch milliseconds.
    """
    places = (*HOMES, *DESTINATIONS)
    shops = {
        place: tuple(_shop(rng, f"shop-{number}-{n}", place, _TRADES, tills=rng.randint(1, 4)) for n in range(25))
        for number, place in enumerate(places)
    }
    sites = tuple(_shop(rng, f"site-{n}", rng.choice(places), _SITES, tills=0) for n in range(max(30, people // 8)))
    cash = {
        place: Shop(f"cash-{n}", "6011", place, 80, 0.5, tuple(f"atm-{n}-{each}" for each in range(5)))
        for n, place in enumerate(places)
    }
    gyms = tuple(Shop(f"gym-{n}", "7997", rng.choice(HOMES), 29, 0.2) for n in range(max(2, people // 150)))
    streams = tuple(Shop(f"stream-{n}", "4899", rng.choice(places), 11, 0.3) for n in range(12))
    world = Town((), shops, sites, cash, gyms)
    made = tuple(_person(rng, n, people, world, streams, days=days, start=start) for n in range(people))
    return Town(made, shops, sites, cash, gyms)


def new_card(rng: Random, token: str) -> Card:
    """Build a card of one of the few ranges that a fintech issues."""
    return Card(token, rng.choice(_BINS), f"{rng.randint(0, 9999):04}")


def _shop(
    rng: Random, name: str, place: Region, trades: tuple[tuple[str, float, float, int], ...], *, tills: int
) -> Shop:
    category, euros, spread, _ = rng.choices(trades, [trade[-1] for trade in trades])[0]
    own = euros * rng.lognormvariate(0, 0.2)
    return Shop(name, category, place, own, spread, tuple(f"{name}-till-{n}" for n in range(tills)))


def _person(
    rng: Random, number: int, people: int, town: Town, streams: tuple[Shop, ...], *, days: int, start: int
) -> AccountHolder:
    home, name = rng.choice(HOMES), f"person-{number:05}"
    joined = rng.randrange(1, days) if chance(rng, 0.12) else -rng.randint(1, 2500)
    joint = chance(rng, 0.12)
    income = rng.lognormvariate(7.6, 0.35) * (1.6 if joint else 1)
    quiet = range(0)
    if joined < 0 and chance(rng, 0.15) and days > 50:  # noqa: PLR2004  (else there is no room for the absence)
        quiet = range(3, rng.randint(40, max(41, days - 5)))
    landlord = f"landlord-{rng.randrange(max(2, people // 4))}"
    rent = Order(landlord, rng.randint(1, 4), round(income * rng.uniform(0.25, 0.4), 2), chance(rng, 0.5))
    first_trip = rng.randrange(-3, days)
    return AccountHolder(
        customer_id=name,
        home=home,
        joined=joined,
        opened_at=start + joined * DAY,
        pays=rng.lognormvariate(-0.35, 0.5) * (1.7 if joint else 1),
        buys=rng.lognormvariate(-1.6, 0.6),
        income=income,
        pay_day=rng.choice((1, 15, 25, 26, 27, 27, 28, 28)),
        employer=f"employer-{rng.randrange(max(2, people // 10))}",
        cards=tuple(new_card(rng, f"{name}-card-{n}") for n in range(2 if joint or chance(rng, 0.15) else 1)),
        phones=tuple(f"{name}-phone-{n}" for n in range(3 if joint else 2)),
        new_phone=rng.randrange(1, days) if chance(rng, days / 200) else days,
        laptop=f"{name}-laptop",
        address=f"2001:db8:{number // 65536:x}:{number % 65536:x}::1",
        carrier=rng.choice(CARRIER_ADDRESSES),
        shops=tuple(rng.sample(town.shops[home], 9)),
        sites=tuple(rng.sample(town.sites, 7)),
        friends=tuple(f"person-{rng.randrange(people):05}" for _ in range(rng.randint(5, 14))),
        rent=rent if chance(rng, 0.65) else None,
        new_rent=rng.randrange(5, days) if days > 10 and chance(rng, days / 300) else days,  # noqa: PLR2004  (as said)
        orders=tuple(_order(rng, name, n, income) for n in range(rng.randint(2, 7))),
        subscriptions=_subscriptions(rng, town, streams),
        trip=Holiday(first_trip, first_trip + rng.randint(4, 14), rng.choice(DESTINATIONS))
        if chance(rng, days / 250)
        else None,
        quiet=quiet,
        joint=joint,
        behind_vpn=chance(rng, 0.07),
        gigs=chance(rng, 0.04),
        trades=chance(rng, 0.03),
    )


def _order(rng: Random, name: str, number: int, income: float) -> Order:
    payee = f"utility-{rng.randrange(20)}" if chance(rng, 0.7) else f"{name}-elsewhere-{number}"
    euros = round(income * rng.uniform(0.01, 0.12), 2)
    return Order(payee, rng.randint(1, 28), euros, chance(rng, 0.15), rng.choice((1, 1, 1, 1, 3)))


def _subscriptions(rng: Random, town: Town, streams: tuple[Shop, ...]) -> tuple[Subscription, ...]:
    chosen = rng.sample(streams, rng.randint(1, 4))
    made = [Subscription(shop, rng.randint(1, 28), round(shop.euros * rng.uniform(0.8, 1.6), 2)) for shop in chosen]
    if chance(rng, 0.5):
        gym = rng.choice(town.gyms)
        made.append(Subscription(gym, 1, round(gym.euros, 2)))
    return tuple(made)
