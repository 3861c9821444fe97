"""Fraud by accounts opened for it: mules who pass money on, and rings that vanish with what they were lent."""

from dataclasses import replace

from fraudstream.durations import DAY, HOUR, MINUTE
from fraudstream_tools.lab.fintech import payments
from fraudstream_tools.lab.fintech.life import spend
from fraudstream_tools.lab.fintech.lookalikes import Occasion
from fraudstream_tools.lab.fintech.people import AccountHolder, new_card
from fraudstream_tools.lab.world.drafts import Draft
from fraudstream_tools.lab.world.population import chance

_SLEEP_DAYS = 35
_NIGHT = 9 * HOUR


def own_person(occasion: Occasion, number: int, *, age: int = 0) -> AccountHolder:
    """Build an account that exists for the fraud alone, like a person of the world in all other things."""
    rng = occasion.today.rng
    name = f"alias-{occasion.number}-{number}"
    return replace(
        occasion.somebody(),
        customer_id=name,
        opened_at=occasion.at - age * DAY - rng.randint(0, DAY),
        cards=(new_card(rng, f"{name}-card"),),
        address=f"2001:db8:e:{occasion.number % 65_536:x}::1",
        joint=False,
    )


def mule_ring(occasion: Occasion) -> list[Draft]:
    """Young accounts on two phones take in what victims lose, and pass it on within hours to one collector."""
    rng, made = occasion.today.rng, list[Draft]()
    phones = [(f"ring-{occasion.number}-{n}", f"2001:db8:e:{occasion.number % 65_536:x}::1", "DE") for n in range(2)]
    for n in range(rng.randint(3, 6)):
        mule, at = own_person(occasion, n, age=rng.randint(2, 20)), occasion.at + rng.randint(0, 3 * DAY)
        # They look like anybody for some days first.
        for early in range(rng.randint(2, 5)):
            shop = rng.choice(mule.shops)
            paid = payments.in_shop(
                rng, at - (early + 1) * DAY + rng.randint(0, _NIGHT), mule, mule.cards[0], shop, euros=spend(rng, shop)
            )
            paid.innocent = True
            made.append(paid)
        for _ in range(rng.randint(1, 3)):
            euros = round(rng.uniform(250, 2200), 2)
            made.append(payments.deposit(at, mule, occasion.somebody().customer_id, euros))
            left, at = euros * rng.uniform(0.75, 0.97), at + rng.randint(15 * MINUTE, 3 * HOUR)
            for part in (0.55, 0.45):
                amount = round(left * part, 2)
                if chance(rng, 0.2):
                    made.append(
                        payments.in_shop(
                            rng, at, mule, mule.cards[0], occasion.today.town.cash[mule.home], euros=amount
                        )
                    )
                else:
                    made.append(payments.transfer(at, mule, f"collector-{occasion.number}", amount, phones[n % 2]))
                at += rng.randint(10 * MINUTE, 4 * HOUR)
            at += rng.randint(4 * HOUR, 2 * DAY)
    return made


def bust_out_ring(occasion: Occasion) -> list[Draft]:
    """Invented people share a phone, behave for five weeks, and spend all that they were lent within two days."""
    rng, made = occasion.today.rng, list[Draft]()
    phone = (f"ring-{occasion.number}", f"2001:db8:e:{occasion.number % 65_536:x}::1", "DE")
    for n in range(rng.randint(3, 5)):
        sleeper = own_person(occasion, n, age=_SLEEP_DAYS + 2)
        card_day = occasion.at + rng.randint(0, 3 * DAY) - _SLEEP_DAYS * DAY
        for day in range(_SLEEP_DAYS):
            for _ in range(rng.randint(0, 1)):
                at = card_day + day * DAY + rng.randint(0, _NIGHT)
                if chance(rng, 0.5):
                    shop = rng.choice(sleeper.shops)
                    made.append(payments.in_shop(rng, at, sleeper, sleeper.cards[0], shop, euros=spend(rng, shop)))
                else:
                    shop = rng.choice(sleeper.sites)
                    made.append(
                        payments.online(at, sleeper, sleeper.cards[0], shop, euros=spend(rng, shop), device=phone)
                    )
                made[-1].innocent = True
        at = card_day + _SLEEP_DAYS * DAY
        for _ in range(rng.randint(4, 8)):
            if chance(rng, 0.3):
                cash = occasion.today.town.cash[sleeper.home]
                made.append(
                    payments.in_shop(rng, at, sleeper, sleeper.cards[0], cash, euros=rng.choice((200, 300, 500)))
                )
            else:
                shop = rng.choice(occasion.today.town.sites)
                made.append(
                    payments.online(
                        at, sleeper, sleeper.cards[0], shop, euros=round(rng.uniform(250, 1400), 2), device=phone
                    )
                )
            at += rng.randint(20 * MINUTE, 7 * HOUR)
    return made
