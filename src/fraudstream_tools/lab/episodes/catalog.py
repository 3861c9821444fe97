"""Named fraud episodes: each is what one fraudster does in one go, and what a rule of its pattern ought to notice."""

from collections.abc import Mapping
from types import MappingProxyType

from fraudstream.durations import DAY, HOUR, MINUTE
from fraudstream_tools.lab.episodes import accounts, merchants
from fraudstream_tools.lab.episodes.scene import Episode, Scene
from fraudstream_tools.lab.world import drafts
from fraudstream_tools.lab.world.cities import CITIES, City
from fraudstream_tools.lab.world.drafts import Draft
from fraudstream_tools.lab.world.habits import usual_amount
from fraudstream_tools.lab.world.population import chance, fraudster_address, make_card


def card_testing(scene: Scene) -> list[Draft]:
    """A list of stolen card numbers is tried with small amounts at one site, from one device; a few are still good."""
    rng, shop = scene.rng, scene.rng.choice(scene.world.online_shops)
    address, place = fraudster_address(rng), scene.elsewhere()
    made: list[Draft] = []
    at = scene.at
    for n in range(rng.randint(9, 16)):
        card = make_card(rng, f"card-x{scene.number:05}-{n}")
        draft = drafts.online(
            at,
            scene.victim,
            card,
            shop,
            dollars=rng.uniform(0.5, 3),
            device=scene.device,
            address=address,
            country=place.country,
        )
        draft.fields |= {"customerId": f"cust-x{scene.number:05}", "accountOpenedAt": scene.at - 2 * HOUR}
        made.append(draft if chance(rng, 0.2) else drafts.declined(draft, rng.choice(("14", "14", "54", "82"))))
        at += rng.randint(15_000, 90_000)
    return made


def account_takeover(scene: Scene) -> list[Draft]:
    """Somebody logs in as the victim, from a new device abroad, and empties the account to new payees."""
    rng, address, place = scene.rng, fraudster_address(scene.rng), scene.elsewhere()
    made: list[Draft] = []
    at = scene.at
    for n in range(rng.randint(2, 4)):
        dollars = scene.victim.spending * rng.uniform(400, 1500)
        payee = f"mule-{scene.number:05}-{n}"
        made.append(
            drafts.transfer(
                at, scene.victim, payee, dollars=dollars, device=scene.device, address=address, country=place.country
            )
        )
        at += rng.randint(4 * MINUTE, 20 * MINUTE)
    return made


def impossible_travel(scene: Scene) -> list[Draft]:
    """A copy of the victim's card is used far away, soon after the victim paid at home."""
    rng, paid = scene.rng, scene.last_in_shop
    if paid is None:
        return []
    card = next(card for card in scene.victim.cards if card.token == paid.fields["cardToken"])
    place = rng.choice([city for city in CITIES if _far_away(city, paid)])
    made: list[Draft] = []
    at = paid.at + rng.randint(20 * MINUTE, 100 * MINUTE)
    for _ in range(rng.randint(1, 3)):
        shop = rng.choice(scene.world.shops[place])
        draft = drafts.in_shop(rng, at, scene.victim, card, shop, dollars=rng.uniform(60, 400))
        draft.fields["entryMode"] = "MAGSTRIPE"
        made.append(draft)
        at += rng.randint(6 * MINUTE, 25 * MINUTE)
    return made


def stolen_card(scene: Scene) -> list[Draft]:
    """The victim's purse is gone: shop after shop in the same town, below the amount that asks for a PIN."""
    rng, card = scene.rng, scene.victim.cards[0]
    made: list[Draft] = []
    at = scene.at
    for _ in range(rng.randint(6, 11)):
        shop = rng.choice(scene.world.shops[scene.victim.home])
        draft = drafts.in_shop(rng, at, scene.victim, card, shop, dollars=rng.uniform(25, 95))
        draft.fields["entryMode"] = "CONTACTLESS"
        made.append(draft)
        at += rng.randint(3 * MINUTE, 12 * MINUTE)
    return made


def country_mismatch(scene: Scene) -> list[Draft]:
    """A stolen number is used online: card, billing address and internet address are in three countries."""
    rng, address, card = scene.rng, fraudster_address(scene.rng), scene.victim.cards[-1]
    countries = [city.country for city in CITIES if city.country != scene.victim.home.country]
    billing, place = rng.sample(sorted(set(countries)), 2)
    made: list[Draft] = []
    at = scene.at
    for _ in range(rng.randint(1, 3)):
        shop = rng.choice(scene.world.online_shops)
        dollars = rng.uniform(80, 500)
        draft = drafts.online(
            at, scene.victim, card, shop, dollars=dollars, device=scene.device, address=address, country=place
        )
        draft.fields |= {"billingCountry": billing, "entryMode": "ECOMMERCE"}
        made.append(draft)
        at += rng.randint(3 * MINUTE, 40 * MINUTE)
    return made


def repeated_declines(scene: Scene) -> list[Draft]:
    """One stolen number is tried again and again with smaller and smaller amounts, until one goes through."""
    rng, address, card = scene.rng, fraudster_address(scene.rng), scene.victim.cards[0]
    shop, dollars, at = rng.choice(scene.world.online_shops), rng.uniform(300, 900), scene.at
    made: list[Draft] = []
    attempts = rng.randint(4, 8)
    for n in range(attempts):
        draft = drafts.online(
            at,
            scene.victim,
            card,
            shop,
            dollars=dollars,
            device=scene.device,
            address=address,
            country=scene.victim.home.country,
        )
        made.append(draft if n == attempts - 1 else drafts.declined(draft, rng.choice(("51", "05", "61"))))
        dollars *= rng.uniform(0.4, 0.8)
        at += rng.randint(30_000, 5 * MINUTE)
    return made


def compromised_terminal(scene: Scene) -> list[Draft]:
    """A till was tampered with: within hours, cards of several customers pay there without their owners."""
    rng = scene.rng
    shop = rng.choice(scene.world.shops[scene.victim.home])
    terminal = rng.choice(shop.terminals)
    neighbours = [customer for customer in scene.world.customers if customer.home == scene.victim.home]
    made: list[Draft] = []
    for customer in rng.sample(neighbours, min(len(neighbours), rng.randint(3, 6))):
        at = scene.at + rng.randint(0, 3 * HOUR)
        draft = drafts.in_shop(
            rng, at, customer, customer.cards[0], shop, dollars=usual_amount(rng, customer, shop) * 3
        )
        draft.fields |= {"terminalId": terminal, "entryMode": "MAGSTRIPE"}
        made.append(draft)
    return made


def money_mule(scene: Scene) -> list[Draft]:
    """A fresh account takes money in and sends nearly all of it on at once."""
    rng, at = scene.rng, scene.at
    made: list[Draft] = []
    total = 0.0
    for n in range(rng.randint(2, 4)):
        dollars = rng.uniform(300, 1200)
        total += dollars
        made.append(drafts.deposit(at, scene.victim, f"payer-x{scene.number:05}-{n}", dollars=dollars))
        at += rng.randint(5 * MINUTE, 30 * MINUTE)
    address, country = fraudster_address(rng), scene.victim.home.country
    for n in range(2):
        payee = f"mule-{scene.number:05}-{n}"
        made.append(
            drafts.transfer(
                at, scene.victim, payee, dollars=total * 0.46, device=scene.device, address=address, country=country
            )
        )
        at += rng.randint(5 * MINUTE, 30 * MINUTE)
    own = {"customerId": f"cust-x{scene.number:05}", "accountOpenedAt": scene.at - 3 * DAY}
    for draft in made:
        draft.fields |= own
    return made


EPISODES: Mapping[str, Episode] = MappingProxyType(
    {
        episode.__name__: episode
        for episode in (
            card_testing,
            account_takeover,
            impossible_travel,
            stolen_card,
            country_mismatch,
            repeated_declines,
            compromised_terminal,
            money_mule,
            accounts.structuring,
            merchants.merchant_enumeration,
            merchants.many_merchants,
            accounts.odd_hour,
            accounts.refund_abuse,
            merchants.duplicate_payment,
            accounts.new_device_high_amount,
            accounts.amount_outlier,
            accounts.round_amounts,
            accounts.dormant_account,
        )
    }
)
"""By name: at least one for each pattern that rules know."""


def _far_away(city: City, paid: Draft) -> bool:
    # 40 degrees of latitude and longitude together are more than 2,000 km wherever a city of this world is.
    apart = abs(city.latitude - paid.fields["latitude"]) + abs(city.longitude - paid.fields["longitude"])
    return apart > 40  # noqa: PLR2004  (said above)
