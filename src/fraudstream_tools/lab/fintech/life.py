"""What honest people do on a day, each deed named by what it could be taken for: `Draft.trap` is empty for the rest."""

from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Final

from fraudstream.durations import DAY, HOUR, MINUTE
from fraudstream_tools.lab.fintech import payments
from fraudstream_tools.lab.fintech.people import CARRIER_ADDRESSES, AccountHolder, Order, Region, Shop, Town
from fraudstream_tools.lab.world.drafts import Draft, declined
from fraudstream_tools.lab.world.habits import poisson
from fraudstream_tools.lab.world.population import Card, chance

NO_MONEY: Final = ("51", "51", "51", "61", "65")
"""No funds, or limits (ISO 8583)."""
_VPN_COUNTRIES: Final = ("NL", "US", "GB", "SE")
_PAYDAY_RUSH: Final = 3
_NEW: Final = 3
"""Days for which a phone or a customer counts as new."""


@dataclass(frozen=True, slots=True)
class Today:
    """The day that is lived."""

    rng: Random
    town: Town
    day: int
    """The world's, from 0."""
    date: date
    midnight: int
    """Epoch milliseconds."""

    @property
    def month(self) -> int:
        """A number that each month has for itself."""
        return self.date.year * 12 + self.date.month

    def at(self, hour: float, spread: float = 0.0) -> int:
        """Return a moment of the day around an hour, epoch milliseconds."""
        return self.midnight + int((self.rng.gauss(hour, spread) % 24) * HOUR)

    def sale(self) -> bool:
        """Return whether it is one of the days from Black Friday to Cyber Monday."""
        first = date(self.date.year, 11, 1)
        friday = 1 + (3 - first.weekday()) % 7 + 22
        return 0 <= (self.date - first).days + 1 - friday <= 3  # noqa: PLR2004  (Friday to Monday)


def ordinary_day(today: Today, person: AccountHolder) -> list[Draft]:
    """Return what a person does on a day, in no order."""
    if not person.awake(today.day):
        return []
    made = [*_income(today, person), *_obligations(today, person), *_collections(today, person)]
    trip = person.trip
    if trip is not None and trip.first <= today.day <= trip.last:
        made += [] if today.day in {trip.first, trip.last} else _abroad(today, person, trip.place)
    else:
        made += _at_home(today, person)
    if person.joined == today.day:
        made += _welcome(today, person)
    newcomer = person.joined >= 0 and today.day - person.joined <= 2 * _NEW
    returned = len(person.quiet) > 0 and 0 <= today.day - person.quiet.stop <= _NEW
    for draft in made:
        if not draft.trap:
            draft.trap = _also(draft, today, person, newcomer=newcomer, returned=returned)
    return made


def _also(draft: Draft, today: Today, person: AccountHolder, *, newcomer: bool, returned: bool) -> str:
    """Return what an ordinary deed looks like because of who does it, when or from where."""
    on_new_phone = (
        person.new_phone <= today.day < person.new_phone + _NEW and draft.fields.get("deviceId") == person.phones[-1]
    )
    kinds = {
        "new_phone": on_new_phone,
        "newcomer": newcomer,
        "dormant_return": returned,
        "vpn": draft.fields.get("ipCountry", person.home.country) != person.home.country,
        "joint_account": person.joint,
        "carrier_address": draft.fields.get("ipAddress") in CARRIER_ADDRESSES,
    }
    return next((kind for kind, applies in kinds.items() if applies), "")


def device_of(rng: Random, person: AccountHolder, day: int, owner: int = 0) -> tuple[str, str, str]:
    """Return what a person orders with: device, its address, and the country of that."""
    phone = chance(rng, 0.75)
    device = person.phone(day, owner) if phone else person.laptop
    if person.behind_vpn and chance(rng, 0.5):
        return device, f"2001:db8:f000:{rng.randrange(40):x}::1", rng.choice(_VPN_COUNTRIES)
    return device, person.carrier if phone and chance(rng, 0.45) else person.address, person.home.country


def spend(rng: Random, shop: Shop) -> float:
    """Return what is spent in a shop."""
    return max(0.5, round(shop.euros * rng.lognormvariate(0, shop.spread), 2))


def _named(kind: str, *drafts: Draft) -> list[Draft]:
    for draft in drafts:
        draft.trap = kind
    return list(drafts)


def _income(today: Today, person: AccountHolder) -> list[Draft]:
    rng, made = today.rng, list[Draft]()
    if person.gigs and (today.day + person.opened_at // DAY) % 4 == 0:
        # Paid by the platform, and sent to the bank where the rent is paid from: most of it, and at once.
        euros, at = rng.uniform(90, 420), today.at(14, 3)
        made += _named(
            "gig_payout",
            payments.deposit(at, person, "platform-1", round(euros, 2)),
            payments.transfer(
                at + rng.randint(10 * MINUTE, 5 * HOUR),
                person,
                f"{person.customer_id}-elsewhere-0",
                round(euros * rng.uniform(0.85, 1), 2),
                device_of(rng, person, today.day),
            ),
        )
    if today.date.day != person.pay_day or person.gigs:
        return made
    euros = person.income * (1.9 if chance(rng, 0.06) else rng.uniform(0.97, 1.03))
    at = today.midnight + rng.randint(2 * HOUR, 9 * HOUR)
    made += _named("salary", payments.deposit(at, person, person.employer, round(euros, 2)))
    if chance(rng, 0.6):
        # What is saved or shared goes out on the day on which the salary comes in.
        for n in range(rng.randint(1, 3)):
            payee = rng.choice((f"{person.customer_id}-elsewhere-{n}", person.friends[0]))
            amount = round(euros * rng.uniform(0.08, 0.35), -1)
            moment = at + rng.randint(HOUR, 12 * HOUR)
            made += _named(
                "pay_day", payments.transfer(moment, person, payee, amount, device_of(rng, person, today.day))
            )
    return made


def _order(today: Today, person: AccountHolder, order: Order, kind: str) -> list[Draft]:
    hand = device_of(today.rng, person, today.day) if order.by_hand else None
    at = today.at(18, 2.5) if hand else today.midnight + today.rng.randint(HOUR, 6 * HOUR)
    return _named(kind, payments.transfer(at, person, order.payee, order.euros, hand))


def _obligations(today: Today, person: AccountHolder) -> list[Draft]:
    rng, made = today.rng, list[Draft]()
    rent = person.rent
    if rent is not None:
        if today.day == person.new_rent:
            # The deposit of three rents and the first one, to somebody who was never paid before.
            new = f"{rent.payee}-next"
            for times in (1, 3):
                order = rent._replace(payee=new, euros=round(times * rent.euros * 1.1, 2), by_hand=True)
                made += _order(today, person, order, "new_landlord")
        elif today.date.day == rent.day:
            payee = rent.payee if today.day < person.new_rent else f"{rent.payee}-next"
            made += _order(today, person, rent._replace(payee=payee), "rent")
    for order in person.orders:
        if today.date.day == order.day and today.month % order.every == 0:
            made += _order(today, person, order, "standing_order")
    if person.trades and today.date.weekday() in {1, 3}:
        for n in range(rng.randint(1, 2)):
            euros = round(rng.uniform(7000, 11_500), 2)
            payee = f"supplier-{(int(person.customer_id[-5:]) + n) % 4}"
            moment = today.at(11, 2)
            made += _named(
                "supplier_invoice", payments.transfer(moment, person, payee, euros, device_of(rng, person, today.day))
            )
    return made


def _collections(today: Today, person: AccountHolder) -> list[Draft]:
    rng, made, gyms = today.rng, list[Draft](), {gym.merchant_id for gym in today.town.gyms}
    card = person.cards[0]
    for shop, day, euros in person.subscriptions:
        gym = shop.merchant_id in gyms
        late = (today.date.day - day) % 31
        if late not in (0, 2, 4):
            continue
        # Who had no money on the day is asked again two and four days later: about one member in five of a gym, on the
        # first of the month.
        failing = Random(f"{person.customer_id} {shop.merchant_id} {today.month}").random() < (0.2 if gym else 0.05)
        if late and not failing:
            continue
        at = today.midnight + (4 * HOUR + rng.randint(0, 40 * MINUTE) if gym else rng.randint(2 * HOUR, 7 * HOUR))
        draft = payments.collected(at, person, card, shop, euros)
        if failing and (late < 4 or chance(rng, 0.3)):  # noqa: PLR2004  (the third attempt)
            declined(draft, rng.choice((*NO_MONEY, "54")))
        made += _named("subscription_batch" if gym else "subscription", draft)
    return made


def _at_home(today: Today, person: AccountHolder) -> list[Draft]:
    rng, made = today.rng, list[Draft]()
    rush = 1.4 if 0 <= today.date.day - person.pay_day < _PAYDAY_RUSH else 0.95
    weekend = 1.3 if today.date.weekday() == 5 else 0.95  # noqa: PLR2004  (Saturday)
    for _ in range(poisson(rng, person.pays * rush * weekend)):
        owner = 1 if person.joint and chance(rng, 0.45) else 0
        shop = rng.choice(person.shops if chance(rng, 0.8) else today.town.shops[person.home])
        made += _paid(
            today, payments.in_shop(rng, today.at(14.5, 3.7), person, person.cards[owner], shop, euros=spend(rng, shop))
        )
    sale = 2.0 if today.sale() else 1.0
    for _ in range(poisson(rng, person.buys * rush * sale)):
        owner = 1 if person.joint and chance(rng, 0.45) else 0
        made += _ordered(today, person, person.cards[owner], owner)
    if chance(rng, 0.06):
        machine = today.town.cash[person.home]
        draft = payments.in_shop(
            rng, today.at(15, 3), person, person.cards[0], machine, euros=rng.choice((20, 50, 50, 100, 150, 200, 300))
        )
        if chance(rng, 0.02):
            declined(draft, "55")
        made.append(draft)
    if chance(rng, 0.11):
        payee = rng.choice(person.friends) if chance(rng, 0.9) else f"person-{rng.randrange(len(today.town.people)):05}"
        euros = round(rng.lognormvariate(3.4, 0.9), rng.choice((0, 0, 2)))
        made.append(payments.transfer(today.at(17, 4), person, payee, max(euros, 1), device_of(rng, person, today.day)))
    return made


def _paid(today: Today, draft: Draft) -> list[Draft]:
    if chance(today.rng, 0.01):
        declined(draft, today.rng.choice((*NO_MONEY, "55")))
    return [draft]


def _ordered(today: Today, person: AccountHolder, card: Card, owner: int) -> list[Draft]:
    rng = today.rng
    shop = rng.choice(person.sites if chance(rng, 0.75) else today.town.sites)
    euros, at = spend(rng, shop), today.at(19, 3.5)
    large = chance(rng, 0.025)
    if large:
        euros = round(euros * rng.uniform(6, 18), 2)
    draft = payments.online(at, person, card, shop, euros=euros, device=device_of(rng, person, today.day, owner))
    made = [draft]
    if large:
        _named("large_purchase", draft)
    if chance(rng, 0.03):
        # No money, or a wrong number: tried again, two or three times, at last with success.
        tries = [
            Draft(at - n * rng.randint(MINUTE, 4 * MINUTE), dict(draft.fields)) for n in range(1, rng.randint(2, 4))
        ]
        code = rng.choice((*NO_MONEY, "82", "05"))
        made = _named("retry", *[declined(each, code) for each in tries], draft)
    elif chance(rng, 0.07):
        share = 1.0 if chance(rng, 0.6) else round(rng.uniform(0.2, 0.9), 2)
        made += _named("refund", payments.refund(at + rng.randint(3 * DAY, 15 * DAY), draft, share))
    return made


def _abroad(today: Today, person: AccountHolder, place: Region) -> list[Draft]:
    rng, made = today.rng, list[Draft]()
    for _ in range(poisson(rng, 1.6 + person.pays)):
        shop = rng.choice(today.town.shops[place])
        made += _paid(
            today, payments.in_shop(rng, today.at(15, 3.5), person, person.cards[0], shop, euros=spend(rng, shop) * 1.4)
        )
    if chance(rng, 0.25):
        made.append(
            payments.in_shop(
                rng, today.at(12, 3), person, person.cards[0], today.town.cash[place], euros=rng.choice((100, 200, 300))
            )
        )
    if chance(rng, 0.3):
        shop = rng.choice(person.sites if chance(rng, 0.5) else today.town.sites)
        device = (person.phone(today.day), f"2001:db8:a:{rng.randrange(4000):x}::1", place.country)
        made.append(
            payments.online(today.at(20, 3), person, person.cards[0], shop, euros=spend(rng, shop), device=device)
        )
    return _named("holiday", *made)


def _welcome(today: Today, person: AccountHolder) -> list[Draft]:
    """Return what a new customer does first: money comes from an account elsewhere, and much of it is spent."""
    rng, at = today.rng, today.at(15, 2)
    euros = round(rng.choice((50, 100, 100, 200, 500, 1000, 2500)) * 1.0, 2)
    made = [payments.deposit(at, person, f"{person.customer_id}-elsewhere-0", euros)]
    if chance(rng, 0.5):
        later = at + rng.randint(20 * MINUTE, 8 * HOUR)
        made.append(
            payments.transfer(
                later,
                person,
                rng.choice(person.friends),
                round(euros * rng.uniform(0.3, 0.95), 2),
                device_of(rng, person, today.day),
            )
        )
    return _named("newcomer", *made)
