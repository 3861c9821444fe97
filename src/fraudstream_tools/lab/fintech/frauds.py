"""Fraud of the fintech world, by people who know what detectors count: they stay small, slow, near and spread.

Sources: EBA and ECB, Report on Payment Fraud (2024 and 2025: four fifths of card fraud is remote and most of it
crosses borders; the payer is manipulated in more than half of the value of fraudulent transfers, about 2,000 euros
each); Stripe's and hyperswitch's descriptions of card testing, and of testers who rotate addresses and drip under
windows; Experian's and Prove's of bust-outs (a sleeper behaves well until the limits are high); FATF, Illicit Financial
Flows from Cyber-Enabled Fraud (2023) and Europol's EMMA on mules and their rings; FinCEN on structuring (2005-6);
the Merchant Risk Council on refund fraud. Numbers without a source are ours.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from fraudstream.durations import DAY, HOUR, MINUTE
from fraudstream_tools.lab.fintech import payments
from fraudstream_tools.lab.fintech.frauds_in_rings import bust_out_ring, mule_ring, own_person
from fraudstream_tools.lab.fintech.life import device_of, spend
from fraudstream_tools.lab.fintech.lookalikes import Occasion
from fraudstream_tools.lab.fintech.people import CARRIER_ADDRESSES, DESTINATIONS, new_card
from fraudstream_tools.lab.world.drafts import Draft, declined
from fraudstream_tools.lab.world.population import chance

_BAD_NUMBER: Final = ("14", "54", "82", "05", "51", "41")


def proxy(occasion: Occasion) -> str:
    """Return an address that is rented for minutes: seldom the same twice."""
    return f"2001:db8:d:{occasion.today.rng.randrange(65_536):x}::1"


def remote_access(occasion: Occasion) -> list[Draft]:
    """The victim's own phone or laptop is steered from afar: device, address and country are the victim's."""
    rng, victim, at = occasion.today.rng, occasion.somebody(), occasion.at
    device, made = (victim.laptop, victim.address, victim.home.country), list[Draft]()
    for n in range(rng.randint(1, 3)):
        made.append(
            payments.transfer(at, victim, f"mule-{occasion.number % 40}-{n}", round(rng.uniform(180, 1900), 2), device)
        )
        at += rng.randint(3 * MINUTE, 50 * MINUTE)
    return made


def manipulated_payer(occasion: Occasion) -> list[Draft]:
    """The victim pays a swindler, as they believe for safety, for an investment or for love."""
    rng, victim = occasion.today.rng, occasion.somebody()
    euros = round(rng.lognormvariate(7.3, 0.7), -1)
    made = [
        payments.transfer(
            occasion.at, victim, f"mule-{occasion.number % 40}", euros, device_of(rng, victim, occasion.today.day)
        )
    ]
    if chance(rng, 0.4):
        more = round(euros * rng.uniform(0.5, 1.5), -1)
        later = occasion.at + rng.randint(HOUR, 3 * DAY)
        made.append(
            payments.transfer(
                later, victim, f"mule-{occasion.number % 40}", more, device_of(rng, victim, occasion.today.day)
            )
        )
    return made


def domestic_takeover(occasion: Occasion) -> list[Draft]:
    """A phished account is opened on the thief's phone, behind a carrier's address: a small test, and then the rest."""
    rng, victim, at = occasion.today.rng, occasion.somebody(), occasion.at
    device = (f"burner-{occasion.number}", rng.choice(CARRIER_ADDRESSES), victim.home.country)
    payee = f"mule-{occasion.number % 40}"
    made = [payments.transfer(at, victim, payee, round(rng.uniform(1, 20), 2), device)]
    for _ in range(rng.randint(1, 4)):
        at += rng.randint(10 * MINUTE, 6 * HOUR)
        made.append(payments.transfer(at, victim, payee, round(rng.uniform(150, 950), 2), device))
    return made


def foreign_takeover(occasion: Occasion) -> list[Draft]:
    """The loud kind: new phone, foreign address, new payee and a lot of money at once."""
    rng, victim, at = occasion.today.rng, occasion.somebody(), occasion.at
    device = (f"burner-{occasion.number}", proxy(occasion), rng.choice(("NG", "RU", "RO", "US")))
    made = list[Draft]()
    for n in range(rng.randint(1, 3)):
        made.append(
            payments.transfer(at, victim, f"mule-{occasion.number % 40}-{n}", round(rng.uniform(600, 3500), 2), device)
        )
        at += rng.randint(MINUTE, 20 * MINUTE)
    return made


def slow_card_test(occasion: Occasion) -> list[Draft]:
    """Stolen numbers are tried one an hour, each from another address, device and site, for less than a coffee."""
    rng, at, made = occasion.today.rng, occasion.at, list[Draft]()
    for n in range(rng.randint(6, 12)):
        victim, shop = own_person(occasion, n), rng.choice(occasion.today.town.sites)
        card = new_card(rng, f"stolen-{occasion.number}-{n}")
        device = (f"bot-{occasion.number}-{n}", proxy(occasion), victim.home.country)
        draft = payments.online(at, victim, card, shop, euros=round(rng.uniform(0.5, 4), 2), device=device)
        made.append(declined(draft, rng.choice(_BAD_NUMBER)) if chance(rng, 0.6) else draft)
        at += rng.randint(40 * MINUTE, 2 * HOUR)
    return made


def quick_card_test(occasion: Occasion) -> list[Draft]:
    """A bot tries many numbers from one device, as fast as the site lets it."""
    rng, at, made = occasion.today.rng, occasion.at, list[Draft]()
    shop, device = rng.choice(occasion.today.town.sites), (f"bot-{occasion.number}", proxy(occasion), "US")
    for n in range(rng.randint(12, 25)):
        victim = own_person(occasion, n)
        draft = payments.online(
            at, victim, new_card(rng, f"stolen-{occasion.number}-{n}"), shop, euros=1.0, device=device
        )
        made.append(declined(draft, rng.choice(_BAD_NUMBER)) if chance(rng, 0.8) else draft)
        at += rng.randint(5_000, 90_000)
    return made


def enumeration(occasion: Occasion) -> list[Draft]:
    """Numbers of one range are guessed at one site by a crowd of hijacked devices."""
    rng, at, made = occasion.today.rng, occasion.at, list[Draft]()
    shop = rng.choice(occasion.today.town.sites)
    for n in range(rng.randint(20, 35)):
        victim = own_person(occasion, n)
        card = new_card(rng, f"guessed-{occasion.number}-{n}")
        device = (f"crowd-{occasion.number}-{n}", proxy(occasion), rng.choice(("US", "DE", "BR", "ID")))
        draft = payments.online(at, victim, card, shop, euros=round(rng.uniform(1, 9), 2), device=device)
        made.append(declined(draft, "14") if chance(rng, 0.88) else draft)
        at += rng.randint(20_000, 150_000)
    return made


def rotating_number(occasion: Occasion) -> list[Draft]:
    """A stolen number buys little things for days, each time from another address and device, within the country."""
    rng, victim, at, made = occasion.today.rng, occasion.somebody(), occasion.at, list[Draft]()
    for n in range(rng.randint(4, 9)):
        shop, euros = rng.choice(occasion.today.town.sites), round(rng.uniform(15, 110), 2)
        device = (f"bot-{occasion.number}-{n}", proxy(occasion), victim.home.country)
        made.append(payments.online(at, victim, victim.cards[0], shop, euros=euros, device=device))
        at += rng.randint(2 * HOUR, 20 * HOUR)
    return made


def foreign_number(occasion: Occasion) -> list[Draft]:
    """A stolen number buys what can be sold again, on a foreign device, until it is declined."""
    rng, victim, at, made = occasion.today.rng, occasion.somebody(), occasion.at, list[Draft]()
    device = (f"bot-{occasion.number}", proxy(occasion), rng.choice(("US", "RU", "VN", "BR")))
    attempts = rng.randint(2, 6)
    for n in range(attempts):
        shop = rng.choice(occasion.today.town.sites)
        draft = payments.online(at, victim, victim.cards[0], shop, euros=round(rng.uniform(180, 900), 2), device=device)
        made.append(declined(draft, "51") if n and n == attempts - 1 else draft)
        at += rng.randint(2 * MINUTE, 30 * MINUTE)
    return made


def lost_card(occasion: Occasion) -> list[Draft]:
    """A found card pays without its PIN in the shops around, each time for less than fifty euros."""
    rng, victim, at, made = occasion.today.rng, occasion.somebody(), occasion.at, list[Draft]()
    for _ in range(rng.randint(4, 9)):
        shop = rng.choice(occasion.today.town.shops[victim.home])
        draft = payments.in_shop(rng, at, victim, victim.cards[0], shop, euros=round(rng.uniform(18, 49.9), 2))
        draft.fields["entryMode"] = "CONTACTLESS"
        made.append(draft)
        at += rng.randint(4 * MINUTE, 25 * MINUTE)
    return made


def skimmed_card(occasion: Occasion) -> list[Draft]:
    """A copy of the card takes cash abroad while its owner goes on paying at home."""
    rng, victim, at, made = occasion.today.rng, occasion.somebody(), occasion.at, list[Draft]()
    machine = occasion.today.town.cash[
        rng.choice([each for each in DESTINATIONS if each.country in {"US", "TR", "MA"}])
    ]
    for n in range(rng.randint(2, 4)):
        draft = payments.in_shop(rng, at, victim, victim.cards[0], machine, euros=rng.choice((200, 300, 400)))
        draft.fields["entryMode"] = "MAGSTRIPE"
        made.append(declined(draft, "61") if n == 3 else draft)  # noqa: PLR2004  (the day's limit)
        at += rng.randint(2 * MINUTE, 9 * MINUTE)
    return made


def structuring(occasion: Occasion) -> list[Draft]:
    """Cash is paid in below the sum that is reported, and sent on: every day or two, for two weeks."""
    rng, launderer, at, made = occasion.today.rng, occasion.somebody(), occasion.at, list[Draft]()
    for _ in range(rng.randint(6, 10)):
        euros = round(rng.uniform(8200, 9950), -1)
        cash = payments.deposit(at, launderer, "cash-desk", euros)
        cash.fields["channel"] = "BRANCH"
        made.append(cash)
        if chance(rng, 0.4):
            later = at + rng.randint(HOUR, 20 * HOUR)
            made.append(
                payments.transfer(
                    later,
                    launderer,
                    f"company-{occasion.number}",
                    euros - 50,
                    device_of(rng, launderer, occasion.today.day),
                )
            )
        at += rng.randint(14 * HOUR, 40 * HOUR)
    return made


def refund_fraud(occasion: Occasion) -> list[Draft]:
    """Somebody at a till gives money back that nobody paid: beyond a payment, of another customer's, or of none."""
    rng, thief, at, made = occasion.today.rng, occasion.somebody(), occasion.at, list[Draft]()
    shop = rng.choice(thief.shops)
    for n in range(rng.randint(3, 6)):
        payer = thief if chance(rng, 0.5) else occasion.somebody()
        paid = payments.in_shop(
            rng, at - rng.randint(HOUR, 2 * DAY), payer, payer.cards[0], shop, euros=spend(rng, shop)
        )
        paid.innocent = True
        back = payments.refund(at, paid, rng.uniform(2, 8))
        back.fields |= {
            key: value
            for key, value in payments.in_shop(rng, at, thief, thief.cards[0], shop, euros=1).fields.items()
            if key.startswith("card") or key == "customerId"
        }
        if n % 3 == 0:
            back.original = None
            back.fields["originalTransactionId"] = f"never-{occasion.number}-{n}"
            made.append(back)
        else:
            made += [paid, back]
        at += rng.randint(3 * HOUR, 30 * HOUR)
    return made


Episode = Callable[[Occasion], list[Draft]]
FRAUDS: Final[Mapping[str, tuple[Episode, int]]] = MappingProxyType(
    {
        "remote_access": (remote_access, 6),
        "manipulated_payer": (manipulated_payer, 7),
        "domestic_takeover": (domestic_takeover, 4),
        "foreign_takeover": (foreign_takeover, 4),
        "slow_card_test": (slow_card_test, 2),
        "quick_card_test": (quick_card_test, 1),
        "enumeration": (enumeration, 1),
        "rotating_number": (rotating_number, 3),
        "foreign_number": (foreign_number, 5),
        "lost_card": (lost_card, 3),
        "skimmed_card": (skimmed_card, 4),
        "structuring": (structuring, 2),
        "refund_fraud": (refund_fraud, 3),
        "mule_ring": (mule_ring, 1),
        "bust_out_ring": (bust_out_ring, 1),
    }
)
"""By name, with how often they happen, relative to each other."""
