"""Honest events that look like fraud: what other people's detectors have raised false alarms about."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from fraudstream.durations import HOUR, MINUTE
from fraudstream_tools.lab.episodes.scene import Episode, Scene
from fraudstream_tools.lab.world import drafts
from fraudstream_tools.lab.world.drafts import Draft
from fraudstream_tools.lab.world.habits import DECLINE_CODES, device_of, usual_amount
from fraudstream_tools.lab.world.population import Customer, Merchant

OUTAGE_CODES = ("91", "91", "96")
"""Issuer or switch inoperative, system malfunction (ISO 8583:1987, data element 39): they say nothing of the card."""

_DECLINED = 7
"""One in so many of those behind a carrier's address is declined."""


def processor_outage(scene: Scene) -> list[Draft]:
    """A shop's processor is down for half an hour: every card is declined, and everybody tries again."""
    rng, made = scene.rng, list[Draft]()
    shop = rng.choice(scene.world.online_shops)
    up_again = scene.at + 30 * MINUTE
    customers = scene.awake()
    for customer in rng.sample(customers, min(len(customers), 40)):
        at = scene.at + rng.randint(0, 25 * MINUTE)
        paid = _order(scene, customer, shop, at=up_again + rng.randint(0, 2 * HOUR))
        while at < up_again:
            made.append(drafts.declined(Draft(at, dict(paid.fields)), rng.choice(OUTAGE_CODES)))
            at += rng.randint(MINUTE, 12 * MINUTE)
        made.append(paid)
    return made


def wallet_tokens(scene: Scene) -> list[Draft]:
    """A wallet makes a new token of the same card for each attempt: seven tokens on one device, and one card."""
    rng, victim, at = scene.rng, scene.victim, scene.at
    shop, made = rng.choice(victim.online_shops), list[Draft]()
    for n in range(7):
        draft = _order(scene, victim, shop, at=at)
        draft.fields["cardToken"] = f"{victim.cards[0].token}-w{scene.number}-{n}"
        made.append(drafts.declined(draft, "51") if n < 2 else draft)  # noqa: PLR2004  (a limit that is raised then)
        at += rng.randint(3 * MINUTE, 30 * MINUTE)
    return made


def carrier_address(scene: Scene) -> list[Draft]:
    """Everybody in town who uses one mobile carrier comes from one address; a few of so many are declined."""
    rng, made = scene.rng, list[Draft]()
    awake = scene.awake()
    users = Counter(customer.addresses[-1] for customer in awake)
    address = max(sorted(users), key=users.__getitem__)
    for customer in awake:
        if customer.addresses[-1] == address:
            shop = rng.choice(customer.online_shops)
            draft = _order(scene, customer, shop, at=scene.at + rng.randint(0, HOUR))
            draft.fields["ipAddress"] = address
            made.append(drafts.declined(draft, rng.choice(DECLINE_CODES)) if len(made) % _DECLINED == 0 else draft)
    return made


def rent_after_salary(scene: Scene) -> list[Draft]:
    """The salary comes in, and most of it goes out as rent and bills to payees who have been known for long."""
    rng, victim, at = scene.rng, scene.victim, scene.at
    salary = 900 * victim.spending
    made = [drafts.deposit(at, victim, f"payer-{victim.customer_id[-4:]}", dollars=salary)]
    for payee, share in zip(victim.payees, (0.55, 0.2, 0.1), strict=False):
        at += rng.randint(10 * MINUTE, HOUR)
        made.append(
            drafts.transfer(
                at,
                victim,
                payee,
                dollars=share * salary,
                device=victim.devices[0],
                address=victim.addresses[0],
                country=victim.home.country,
            )
        )
    return made


def tickets_for_friends(scene: Scene) -> list[Draft]:
    """The same ticket is bought for two friends too, one after the other: equal payments, all of them meant."""
    paid = scene.last_in_shop
    if paid is None or paid.fields["channel"] != "POS" or paid.fields["authorizationResult"] != "APPROVED":
        return []
    return [Draft(paid.at + n * scene.rng.randint(20_000, 50_000), dict(paid.fields)) for n in (1, 2)]


LOOKALIKES: Mapping[str, Episode] = MappingProxyType(
    {
        trap.__name__: trap
        for trap in (processor_outage, wallet_tokens, carrier_address, rent_after_salary, tickets_for_friends)
    }
)
"""By name."""


def _order(scene: Scene, customer: Customer, shop: Merchant, *, at: int) -> Draft:
    return drafts.online(
        at,
        customer,
        customer.cards[0],
        shop,
        dollars=usual_amount(scene.rng, customer, shop),
        device=device_of(scene.rng, customer, scene.day),
        address=customer.addresses[0],
        country=customer.home.country,
    )
