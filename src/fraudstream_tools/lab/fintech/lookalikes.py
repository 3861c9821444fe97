"""Honest events that look like fraud and befall many people at once, or somebody seldom.

Sources: outages coded as declines, and what they look like to detectors (hyperswitch, issues 7112 and 9876); sales days
(Mastercard and Adobe report about twice an ordinary day's orders from Black Friday to Cyber Monday); a customer's
chargeback of an honest purchase, by Mastercard's estimate the larger part of all ("friendly fraud"). Sizes are ours.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from fraudstream.durations import HOUR, MINUTE
from fraudstream_tools.lab.fintech import payments
from fraudstream_tools.lab.fintech.life import NO_MONEY, Today, device_of, spend
from fraudstream_tools.lab.fintech.people import HOMES, AccountHolder, Shop, new_card
from fraudstream_tools.lab.world.drafts import Draft, declined
from fraudstream_tools.lab.world.population import chance

OUTAGE_CODES: Final = ("91", "96", "68")
FRIENDLY: Final = "friendly_fraud"
"""Honest, and labelled as fraud by a chargeback."""


class Occasion(NamedTuple):
    """Where and when something happens."""

    today: Today
    number: int
    """The event's, so that its devices and guests are nobody else's."""
    at: int

    def somebody(self) -> AccountHolder:
        """Return one of the people who are there."""
        return self.today.rng.choice(self.awake())

    def awake(self) -> list[AccountHolder]:
        """Return all who are there."""
        return [person for person in self.today.town.people if person.awake(self.today.day)]


def processor_outage(occasion: Occasion) -> list[Draft]:
    """A processor answers nothing, or declines everything without a reason; everybody tries again, and pays later."""
    rng, made = occasion.today.rng, list[Draft]()
    shop, length = rng.choice(occasion.today.town.sites), rng.randint(20, 50) * MINUTE
    # Half of the outages look like the issuer's refusal of each card ("do not honor", or "not permitted").
    codes = OUTAGE_CODES if chance(rng, 0.5) else (rng.choice(("05", "57")),)
    people = occasion.awake()
    for person in rng.sample(people, min(len(people), rng.randint(12, 40))):
        device, euros = device_of(rng, person, occasion.today.day), spend(rng, shop)
        at = occasion.at + rng.randint(0, length)
        while at < occasion.at + length:
            draft = payments.online(at, person, person.cards[0], shop, euros=euros, device=device)
            made.append(declined(draft, rng.choice(codes)))
            at += rng.randint(MINUTE, 12 * MINUTE)
        if chance(rng, 0.7):
            later = occasion.at + length + rng.randint(MINUTE, 3 * HOUR)
            made.append(payments.online(later, person, person.cards[0], shop, euros=euros, device=device))
    return made


def shared_tablet(occasion: Occasion) -> list[Draft]:
    """A stall or a charity takes orders on one tablet: many cards on one device, and a few of them are declined."""
    rng, made = occasion.today.rng, list[Draft]()
    shop, people = rng.choice(occasion.today.town.sites), occasion.awake()
    device = (f"tablet-{occasion.number % 7}", f"2001:db8:b:{occasion.number % 7:x}::1", "DE")
    for person in rng.sample(people, min(len(people), rng.randint(8, 25))):
        at = occasion.at + rng.randint(0, 5 * HOUR)
        draft = payments.online(
            at, person, person.cards[0], shop, euros=round(rng.choice((5, 10, 20, 25, 50)) * 1.0, 2), device=device
        )
        if chance(rng, 0.08):
            made.append(declined(Draft(at - 40_000, dict(draft.fields)), rng.choice(NO_MONEY)))
        made.append(draft)
    return made


def sales_day(occasion: Occasion) -> list[Draft]:
    """Somebody buys presents on one evening, at many sites, and meets the card's limit."""
    rng, person, at = occasion.today.rng, occasion.somebody(), occasion.at
    made, device = list[Draft](), device_of(rng, person, occasion.today.day)
    for _ in range(rng.randint(4, 9)):
        shop = rng.choice(occasion.today.town.sites)
        draft = payments.online(
            at, person, person.cards[0], shop, euros=round(spend(rng, shop) * rng.uniform(1, 2.5), 2), device=device
        )
        made.append(declined(draft, "61") if chance(rng, 0.06) else draft)
        at += rng.randint(4 * MINUTE, 45 * MINUTE)
    return made


def guest_order(occasion: Occasion) -> list[Draft]:
    """Guests order: each has an account, a card and a device that nobody has seen, and is never seen again."""
    rng, made = occasion.today.rng, list[Draft]()
    for n in range(rng.randint(3, 8)):
        model, name, home = occasion.somebody(), f"guest-{occasion.number}-{n}", rng.choice(HOMES)
        fields = {"customerId": name, "cardCountry": home.country, "billingCountry": home.country}
        address = model.carrier if chance(rng, 0.4) else f"2001:db8:c:{rng.randrange(60_000):x}::1"
        shop = rng.choice(occasion.today.town.sites)
        card = new_card(rng, f"{name}-card")
        euros = round(spend(rng, shop) * (rng.uniform(4, 9) if chance(rng, 0.05) else 1), 2)
        draft = payments.online(
            occasion.at + rng.randint(0, 8 * HOUR),
            model,
            card,
            shop,
            euros=euros,
            device=(f"{name}-phone", address, home.country),
        )
        draft.fields |= fields
        del draft.fields["accountOpenedAt"]
        made.append(declined(draft, rng.choice(NO_MONEY)) if chance(rng, 0.03) else draft)
    return made


def many_returns(occasion: Occasion) -> list[Draft]:
    """Clothes are ordered in all sizes and most are sent back: several refunds within a week."""
    rng, person = occasion.today.rng, occasion.somebody()
    made = list[Draft]()
    shop = next((each for each in occasion.today.town.sites if each.category == "5651"), occasion.today.town.sites[0])
    for _ in range(rng.randint(2, 4)):
        at = occasion.at + rng.randint(0, 2 * HOUR)
        order = payments.online(
            at,
            person,
            person.cards[0],
            shop,
            euros=round(spend(rng, shop) * 2.5, 2),
            device=device_of(rng, person, occasion.today.day),
        )
        made.append(order)
        made += [payments.refund(at + rng.randint(4, 9) * 24 * HOUR, order, share) for share in (0.4, 0.35)]
    return made


def tickets_for_friends(occasion: Occasion) -> list[Draft]:
    """The same is bought two to four times in a row, on purpose."""
    rng, person = occasion.today.rng, occasion.somebody()
    shop: Shop = rng.choice(person.shops)
    first = payments.in_shop(rng, occasion.at, person, person.cards[0], shop, euros=spend(rng, shop))
    again = [
        Draft(occasion.at + n * rng.randint(15_000, 50_000), dict(first.fields)) for n in range(1, rng.randint(2, 4))
    ]
    return [first, *again]


def charged_back(occasion: Occasion) -> list[Draft]:
    """An ordinary purchase that its buyer will dispute: friendly fraud, which nothing in the payment tells."""
    rng, person = occasion.today.rng, occasion.somebody()
    shop = rng.choice(person.sites)
    return [
        payments.online(
            occasion.at,
            person,
            person.cards[0],
            shop,
            euros=spend(rng, shop),
            device=device_of(rng, person, occasion.today.day),
        )
    ]


def split_bill(occasion: Occasion) -> list[Draft]:
    """Friends send their parts of a bill to one of them, who passes the sum on to whoever paid: the landlord's flat."""
    rng, person, at = occasion.today.rng, occasion.somebody(), occasion.at
    made, total = list[Draft](), 0.0
    for friend in person.friends[: rng.randint(2, 5)]:
        euros = round(rng.uniform(40, 320), 2)
        total += euros
        made.append(payments.deposit(at, person, friend, euros))
        at += rng.randint(5 * MINUTE, 3 * HOUR)
    payee = person.friends[-1] if chance(rng, 0.6) else f"host-{occasion.number}"
    made.append(
        payments.transfer(
            at, person, payee, round(total * rng.uniform(0.9, 1.25), 2), device_of(rng, person, occasion.today.day)
        )
    )
    return made


Event = Callable[[Occasion], list[Draft]]
LOOKALIKES: Final[Mapping[str, tuple[Event, int]]] = MappingProxyType(
    {
        "outage": (processor_outage, 1),
        "shared_tablet": (shared_tablet, 3),
        "black_friday": (sales_day, 6),
        "guest": (guest_order, 8),
        "many_returns": (many_returns, 5),
        "tickets_for_friends": (tickets_for_friends, 10),
        FRIENDLY: (charged_back, 14),
        "split_bill": (split_bill, 8),
    }
)
"""By name, with how often they happen, relative to each other."""
