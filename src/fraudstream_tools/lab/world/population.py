"""The simulated world: customers with homes and habits, their cards and devices, merchants and their terminals."""

from dataclasses import dataclass
from random import Random

from fraudstream.durations import DAY
from fraudstream.transactions.values.money import EXPONENTS
from fraudstream_tools.lab.world.cities import CASH_MACHINES, CITIES, ONLINE_TRADES, SHOP_TRADES, City, Trade

_LONG_WORLD = 40
"""Days from which on a world has accounts that fall dormant and wake."""

# Reserved for documentation, so that no address of a simulated world is anyone's (RFC 5737 and RFC 3849).
_CARRIER_NETWORK = "192.0.2."
_OFFICE_NETWORK = "198.51.100."
_FRAUDSTER_NETWORK = "203.0.113."
_HOME_NETWORK = "2001:db8:"


@dataclass(frozen=True, slots=True)
class Card:
    """A customer's card, by the client's token of it."""

    token: str
    bin: str
    last4: str


@dataclass(frozen=True, slots=True)
class Merchant:
    """A shop in a city, or one that sells online from there."""

    merchant_id: str
    trade: Trade
    city: City
    terminals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trip:
    """Days on which a customer is away; on the first and the last one they are on the road and buy nothing."""

    first_day: int
    last_day: int
    city: City


@dataclass(frozen=True, slots=True)
class Customer:
    """A person with habits."""

    customer_id: str
    home: City
    account_opened_at: int
    """Epoch milliseconds."""
    spending: float
    """Factor on a trade's usual amounts."""
    activity: float
    """Mean number of transactions a day."""
    waking_hour: float
    """Local hour around which the day's transactions lie."""
    online_share: float
    cards: tuple[Card, ...]
    devices: tuple[str, ...]
    new_device_day: int
    """Day on which the last of `devices` is bought; before, only the others are used."""
    addresses: tuple[str, ...]
    """Internet addresses: at home, and of the mobile carrier or the office, which many share."""
    shops: tuple[Merchant, ...]
    online_shops: tuple[Merchant, ...]
    payees: tuple[str, ...]
    trip: Trip | None
    quiet_from: int
    """Day from which on the customer does nothing; beyond the world's end for most."""
    quiet_until: int | None
    """Day on which the customer is back; None for never."""

    def is_quiet(self, day: int) -> bool:
        """Return whether the customer does nothing on a day."""
        return day >= self.quiet_from and (self.quiet_until is None or day < self.quiet_until)


@dataclass(frozen=True, slots=True)
class World:
    """Everybody and everything, as one seed makes it."""

    customers: tuple[Customer, ...]
    shops: dict[City, tuple[Merchant, ...]]
    cash_machines: dict[City, Merchant]
    online_shops: tuple[Merchant, ...]


def chance(rng: Random, probability: float) -> bool:
    """Return whether something of this probability (0 to 1) happens."""
    return rng.random() < probability


def minor_units(dollars: float, city: City) -> int:
    """Turn an amount in dollars into minor units of a city's currency, at least one of them."""
    return max(1, round(dollars * city.per_dollar * 10 ** EXPONENTS[city.currency]))


def fraudster_address(rng: Random) -> str:
    """Return an internet address that no customer of the world has."""
    return f"{_FRAUDSTER_NETWORK}{rng.randint(1, 254)}"


def make_card(rng: Random, token: str) -> Card:
    """Build a card: of its number there are only the digits that others than its issuer may keep."""
    return Card(token, f"4{rng.randint(0, 99_999):05}", f"{rng.randint(0, 9999):04}")


def make_world(rng: Random, *, customers: int, days: int, start: int, activity: float, warm_up_days: int = 0) -> World:
    """Build a world.

    Args:
        rng: where chance comes from; the same state makes the same world.
        customers: how many there are.
        days: how many days will be simulated.
        start: first day, epoch milliseconds.
        activity: mean number of transactions of a customer on a day.
        warm_up_days: days before the first one that are simulated too.
    """
    span = range(-warm_up_days, days)
    shops = {city: _shops(rng, number, city, customers) for number, city in enumerate(CITIES)}
    online = tuple(
        Merchant(f"web-{number:04}", _pick(rng, ONLINE_TRADES), _home(rng), ())
        for number in range(20 + customers // 40)
    )
    cash = {
        city: Merchant(f"cash-{number:02}", CASH_MACHINES, city, tuple(f"atm-{number:02}-{n}" for n in range(6)))
        for number, city in enumerate(CITIES)
    }
    people = tuple(
        _customer(rng, number, customers, span=span, start=start, activity=activity, shops=shops, online=online)
        for number in range(customers)
    )
    return World(people, shops, cash, online)


def _pick(rng: Random, trades: tuple[Trade, ...]) -> Trade:
    return rng.choices(trades, [trade.weight for trade in trades])[0]


def _home(rng: Random) -> City:
    return rng.choices(CITIES, [city.weight for city in CITIES])[0]


def _shops(rng: Random, number: int, city: City, customers: int) -> tuple[Merchant, ...]:
    made: list[Merchant] = []
    for n in range(12 + customers * city.weight // 800):
        merchant_id = f"shop-{number:02}-{n:03}"
        terminals = tuple(f"pos-{number:02}-{n:03}-{t}" for t in range(rng.randint(1, 4)))
        made.append(Merchant(merchant_id, _pick(rng, SHOP_TRADES), city, terminals))
    return tuple(made)


def _trip(rng: Random, home: City, days: int) -> Trip | None:
    # Trips may have begun before the first day; one customer in thirty is away on any given day.
    if rng.random() > (days + 9) / 300:
        return None
    first = rng.randint(-9, days - 1)
    return Trip(first, first + rng.randint(3, 10), rng.choice([city for city in CITIES if city != home]))


def _customer(
    rng: Random,
    number: int,
    customers: int,
    *,
    span: range,
    start: int,
    activity: float,
    shops: dict[City, tuple[Merchant, ...]],
    online: tuple[Merchant, ...],
) -> Customer:
    home = _home(rng)
    cards = tuple(make_card(rng, f"card-{number:06}-{n}") for n in range(1 if chance(rng, 0.65) else 2))
    quiet_from, quiet_until = _quiet_days(rng, span)
    return Customer(
        customer_id=f"cust-{number:06}",
        home=home,
        account_opened_at=start - rng.randint(60, 3000) * DAY,
        spending=rng.lognormvariate(0, 0.35),
        activity=activity * min(rng.lognormvariate(-0.08, 0.4), 2.5),
        waking_hour=rng.gauss(14.5, 1.5),
        online_share=min(rng.betavariate(2, 5), 0.8),
        cards=cards,
        devices=tuple(f"dev-{number:06}-{n}" for n in range(2 if chance(rng, 0.75) else 3)),
        new_device_day=rng.randint(1, 400),
        addresses=(
            f"{_HOME_NETWORK}{number // 65_536:x}:{number % 65_536:x}::{rng.randint(1, 65_535):x}",
            f"{_CARRIER_NETWORK if chance(rng, 0.8) else _OFFICE_NETWORK}{4 * CITIES.index(home) + rng.randint(1, 4)}",
        ),
        shops=tuple(rng.sample(shops[home], 8)),
        online_shops=tuple(rng.sample(online, 5)),
        payees=tuple(f"cust-{rng.randrange(customers):06}" for _ in range(3)),
        trip=_trip(rng, home, span.stop),
        quiet_from=quiet_from,
        quiet_until=quiet_until,
    )


def _quiet_days(rng: Random, span: range) -> tuple[int, int | None]:
    # One customer in twenty falls quiet after some days; half of them come back by themselves, after a month or two.
    if len(span) <= _LONG_WORLD or chance(rng, 0.95):
        return span.stop, None
    quiet_from = span.start + rng.randint(4, 7)
    return quiet_from, quiet_from + rng.randint(31, 50) if chance(rng, 0.5) else None
