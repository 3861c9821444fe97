"""Episodes around an account: whose it is, when it is used, and what for."""

from fraudstream.durations import DAY, HOUR, MINUTE
from fraudstream.transactions.values.money import EXPONENTS
from fraudstream_tools.lab.episodes.scene import Scene
from fraudstream_tools.lab.world import drafts
from fraudstream_tools.lab.world.cities import City
from fraudstream_tools.lab.world.drafts import Draft
from fraudstream_tools.lab.world.habits import usual_amount
from fraudstream_tools.lab.world.population import chance, fraudster_address, minor_units


def structuring(scene: Scene) -> list[Draft]:
    """Cash comes in, again and again, just below the amount from which on it would be reported."""
    rng, made, at = scene.rng, list[Draft](), scene.at
    for n in range(rng.randint(8, 10)):
        # 10,000 euros are some 11,700 dollars: from 93 % to 97 % of that, so that no rounding of rates matters.
        draft = drafts.deposit(at, scene.victim, f"payer-x{scene.number:05}-{n}", dollars=rng.uniform(10_900, 11_300))
        draft.fields |= {"channel": "BRANCH", "customerId": f"cust-x{scene.number:05}"}
        draft.fields["accountOpenedAt"] = scene.at - (40 + 7 * scene.number % 300) * DAY
        made.append(draft)
        at += rng.randint(6 * MINUTE, 25 * MINUTE)
    return made


def dormant_account(scene: Scene) -> list[Draft]:
    """An account that nobody has used for more than a month wakes up, and much is spent."""
    rng, sleepers = scene.rng, scene.sleepers()
    if not sleepers:
        return []
    victim = rng.choice(sleepers)
    address, at, made = fraudster_address(rng), scene.at, list[Draft]()
    for _ in range(rng.randint(1, 3)):
        shop = rng.choice(scene.world.online_shops)
        dollars = victim.spending * rng.uniform(350, 1100)
        card, country = victim.cards[0], victim.home.country
        made.append(
            drafts.online(
                at, victim, card, shop, dollars=dollars, device=scene.device, address=address, country=country
            )
        )
        at += rng.randint(5 * MINUTE, 40 * MINUTE)
    return made


def odd_hour(scene: Scene) -> list[Draft]:
    """Somebody pays at an hour at which the victim has always been asleep."""
    rng, victim = scene.rng, scene.victim
    local_hour = victim.waking_hour + 12 + rng.uniform(-1.5, 1.0)
    at = scene.midnight + int(((local_hour - victim.home.hours_from_utc) % 24) * HOUR) % DAY
    address, made = fraudster_address(rng), list[Draft]()
    for _ in range(rng.randint(2, 4)):
        shop = rng.choice(scene.world.online_shops)
        dollars, card = 1.6 * usual_amount(rng, victim, shop), victim.cards[0]
        country = victim.home.country
        made.append(
            drafts.online(
                at, victim, card, shop, dollars=dollars, device=scene.device, address=address, country=country
            )
        )
        at += rng.randint(2 * MINUTE, 10 * MINUTE)
    return made


def refund_abuse(scene: Scene) -> list[Draft]:
    """Expensive goods are bought, and the money for them is had back without them; the purchases are no fraud yet."""
    rng, made, at = scene.rng, list[Draft](), scene.at
    device, address = scene.victim.devices[0], scene.victim.addresses[0]
    for _ in range(rng.randint(5, 7)):
        shop = rng.choice(scene.world.online_shops)
        bought = drafts.online(
            at,
            scene.victim,
            scene.victim.cards[0],
            shop,
            dollars=rng.uniform(1250, 1900),
            device=device,
            address=address,
            country=scene.victim.home.country,
        )
        bought.innocent = True
        made += [bought, drafts.refund(at + rng.randint(10 * MINUTE, 30 * MINUTE), bought)]
        at += rng.randint(4 * MINUTE, 12 * MINUTE)
    return made


def round_amounts(scene: Scene) -> list[Draft]:
    """A stolen number buys gift cards: several payments of whole hundreds."""
    rng, victim, made, at = scene.rng, scene.victim, list[Draft](), scene.at
    address, shop = fraudster_address(rng), rng.choice(scene.world.online_shops)
    for _ in range(rng.randint(3, 5)):
        draft = drafts.online(
            at,
            victim,
            victim.cards[-1],
            shop,
            dollars=1,
            device=scene.device,
            address=address,
            country=victim.home.country,
        )
        draft.fields["amountMinor"] = _whole_hundreds(rng.choice((100, 200, 300)), victim.home)
        made.append(draft)
        at += rng.randint(2 * MINUTE, 15 * MINUTE)
    return made


def new_device_high_amount(scene: Scene) -> list[Draft]:
    """With the victim's password, on a device that the victim never had, more is spent than ever before."""
    rng, victim = scene.rng, scene.victim
    address, made, at = fraudster_address(rng), list[Draft](), scene.at
    for _ in range(rng.randint(1, 2)):
        dollars = victim.spending * rng.uniform(450, 900)
        shop, card, country = rng.choice(victim.online_shops), victim.cards[0], victim.home.country
        made.append(
            drafts.online(
                at, victim, card, shop, dollars=dollars, device=scene.device, address=address, country=country
            )
        )
        at += rng.randint(3 * MINUTE, 30 * MINUTE)
    return made


def amount_outlier(scene: Scene) -> list[Draft]:
    """A stolen card pays one bill that is far beyond all that its owner ever paid."""
    rng, victim = scene.rng, scene.victim
    shop = rng.choice(scene.world.shops[victim.home])
    draft = drafts.in_shop(
        rng, scene.at, victim, victim.cards[0], shop, dollars=victim.spending * rng.uniform(700, 1500)
    )
    draft.fields["entryMode"] = "MAGSTRIPE" if chance(rng, 0.5) else "CHIP"
    return [draft]


def _whole_hundreds(dollars: int, city: City) -> int:
    unit = 10 ** EXPONENTS[city.currency]
    return max(1, round(minor_units(dollars, city) / unit / 100)) * 100 * unit
