"""Episodes at merchants: many cards at one of them, or one card at many."""

from fraudstream.durations import HOUR, MINUTE
from fraudstream_tools.lab.episodes.scene import Scene
from fraudstream_tools.lab.world import drafts
from fraudstream_tools.lab.world.drafts import Draft
from fraudstream_tools.lab.world.habits import usual_amount
from fraudstream_tools.lab.world.population import chance, fraudster_address, make_card


def merchant_enumeration(scene: Scene) -> list[Draft]:
    """Numbers are guessed at one shop by a crowd of hijacked devices: hardly one is seen twice, but the shop is."""
    rng, shop, made, at = scene.rng, scene.rng.choice(scene.world.online_shops), list[Draft](), scene.at
    for n in range(rng.randint(30, 45)):
        victim = rng.choice(scene.world.customers)
        draft = drafts.online(
            at,
            victim,
            make_card(rng, f"card-x{scene.number:05}-{n}"),
            shop,
            dollars=rng.uniform(1, 12),
            device=f"{scene.device}-{n}",
            address=fraudster_address(rng),
            country=victim.home.country,
        )
        draft.fields |= {"customerId": f"cust-x{scene.number:05}-{n}", "accountOpenedAt": at - HOUR}
        made.append(draft if chance(rng, 0.08) else drafts.declined(draft, rng.choice(("14", "14", "54", "82"))))
        at += rng.randint(20_000, 110_000)
    return made


def many_merchants(scene: Scene) -> list[Draft]:
    """A stolen number is spent in small pieces at one site after the other."""
    rng, victim, made, at = scene.rng, scene.victim, list[Draft](), scene.at
    address = fraudster_address(rng)
    shops = rng.sample(scene.world.online_shops, min(len(scene.world.online_shops), rng.randint(11, 14)))
    for shop in shops:
        made.append(
            drafts.online(
                at,
                victim,
                victim.cards[-1],
                shop,
                dollars=rng.uniform(6, 45),
                device=scene.device,
                address=address,
                country=victim.home.country,
            )
        )
        at += rng.randint(4 * MINUTE, 22 * MINUTE)
    return made


def duplicate_payment(scene: Scene) -> list[Draft]:
    """A shop charges its customers once more than they paid; the first charge is right."""
    rng, made = scene.rng, list[Draft]()
    shop = rng.choice(scene.world.shops[scene.victim.home])
    neighbours = [customer for customer in scene.world.customers if customer.home == scene.victim.home]
    for customer in rng.sample(neighbours, min(len(neighbours), rng.randint(2, 4))):
        at = scene.at + rng.randint(0, 2 * HOUR)
        dollars = 2 * usual_amount(rng, customer, shop)
        paid = drafts.in_shop(rng, at, customer, customer.cards[0], shop, dollars=dollars)
        paid.innocent = True
        again = Draft(at + rng.randint(25_000, 4 * MINUTE), dict(paid.fields))
        made += [paid, again]
    return made
