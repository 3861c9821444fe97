"""What honest customers do on a day. Some of it looks odd: trips, new phones, large purchases, empty accounts."""

from math import exp
from random import Random

from fraudstream.durations import DAY, HOUR
from fraudstream_tools.lab.world import drafts
from fraudstream_tools.lab.world.cities import CASH_MACHINES, City
from fraudstream_tools.lab.world.drafts import Draft
from fraudstream_tools.lab.world.population import Customer, Merchant, World, chance

DECLINE_CODES = ("51", "51", "51", "61", "65", "55")
"""What an honest card is declined with: no money, limits, a wrong PIN."""


def customer_day(rng: Random, world: World, customer: Customer, day: int, midnight: int) -> list[Draft]:
    """Return a customer's transactions of one day, in no order.

    Args:
        rng: where chance comes from.
        world: where the customer lives.
        customer: who acts.
        day: the day's number, for trips and new devices.
        midnight: the day's first millisecond in UTC.
    """
    if customer.is_quiet(day):
        return []
    trip = customer.trip
    away = trip is not None and trip.first_day <= day <= trip.last_day
    if away and trip is not None and day in (trip.first_day, trip.last_day):
        return []
    city = trip.city if away and trip is not None else customer.home
    made: list[Draft] = []
    for _ in range(poisson(rng, customer.activity)):
        draft = _transaction(rng, world, customer, city, day=day, at=_time(rng, customer, city, midnight))
        if draft.fields["type"] == "PAYMENT" and chance(rng, 0.012):
            drafts.declined(draft, rng.choice(DECLINE_CODES))
        made.append(draft)
        back_at = draft.at + rng.randint(HOUR, 9 * HOUR)
        if _is_taken_back(rng, draft) and back_at < midnight + DAY:
            made.append(drafts.refund(back_at, draft))
    return made


def usual_amount(rng: Random, customer: Customer, merchant: Merchant) -> float:
    """Return an amount in dollars that the customer may well spend there; now and then a large one."""
    trade = merchant.trade
    amount = trade.median_dollars * customer.spending * rng.lognormvariate(0, trade.spread)
    if trade == CASH_MACHINES:
        return max(20.0, round(amount / 20) * 20.0)
    return amount * rng.uniform(4, 10) if chance(rng, 0.004) else amount


def device_of(rng: Random, customer: Customer, day: int) -> str:
    """Return the device that the customer uses: mostly the first."""
    owned = customer.devices if day >= customer.new_device_day else customer.devices[:-1]
    return owned[0] if chance(rng, 0.8) else rng.choice(owned)


def poisson(rng: Random, mean: float) -> int:
    """Return how often something happens that does so `mean` times on average, by Knuth's method."""
    floor, product, count = exp(-mean), rng.random(), 0
    while product > floor:
        product *= rng.random()
        count += 1
    return count


def _time(rng: Random, customer: Customer, city: City, midnight: int) -> int:
    local_hour = rng.gauss(customer.waking_hour, 3.6)
    return midnight + int(((local_hour - city.hours_from_utc) % 24) * HOUR) % DAY


def _is_taken_back(rng: Random, draft: Draft) -> bool:
    approved_payment = draft.fields["type"] == "PAYMENT" and draft.fields["authorizationResult"] == "APPROVED"
    return approved_payment and chance(rng, 0.03 if "deviceId" in draft.fields else 0.006)


def _transaction(rng: Random, world: World, customer: Customer, city: City, *, day: int, at: int) -> Draft:
    kind = rng.choices(("card", "transfer", "deposit", "cash"), (89, 5, 2, 4))[0]
    card = customer.cards[0 if chance(rng, 0.85) else -1]
    if kind == "cash":
        machine = world.cash_machines[city]
        return drafts.in_shop(rng, at, customer, card, machine, dollars=usual_amount(rng, customer, machine))
    if kind == "deposit":
        payer = f"payer-{customer.customer_id[-4:]}"
        return drafts.deposit(at, customer, payer, dollars=900 * customer.spending * rng.lognormvariate(0, 0.5))
    if kind == "card" and not chance(rng, customer.online_share):
        usual = city == customer.home and chance(rng, 0.8)
        shop = rng.choice(customer.shops if usual else world.shops[city])
        return drafts.in_shop(rng, at, customer, card, shop, dollars=usual_amount(rng, customer, shop))
    at_home = city == customer.home and chance(rng, 0.7)
    device, address = device_of(rng, customer, day), customer.addresses[0 if at_home else -1]
    if kind == "transfer":
        payee, dollars = rng.choice(customer.payees), 45 * customer.spending * rng.lognormvariate(0, 0.8)
        return drafts.transfer(
            at, customer, payee, dollars=dollars, device=device, address=address, country=city.country
        )
    shop = rng.choice(customer.online_shops if chance(rng, 0.85) else world.online_shops)
    dollars = usual_amount(rng, customer, shop)
    return drafts.online(
        at, customer, card, shop, dollars=dollars, device=device, address=address, country=city.country
    )
