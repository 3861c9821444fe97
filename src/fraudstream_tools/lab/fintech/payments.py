"""How a transaction of the fintech world looks to the API, whoever makes it."""

from random import Random
from typing import Any

from fraudstream_tools.lab.fintech.people import AccountHolder, Region, Shop
from fraudstream_tools.lab.world.drafts import Draft
from fraudstream_tools.lab.world.population import Card, chance


def _common(person: AccountHolder, kind: str, euros: float, place: Region | None = None) -> dict[str, Any]:
    place = place or person.home
    return {
        "type": kind,
        "customerId": person.customer_id,
        "accountOpenedAt": person.opened_at,
        "amountMinor": max(1, round(euros * place.per_euro * 100)),
        "currency": place.currency,
        "authorizationResult": "APPROVED",
        "responseCode": "00",
    }


def _card(person: AccountHolder, card: Card, shop: Shop) -> dict[str, Any]:
    return {
        "cardToken": card.token,
        "cardBin": card.bin,
        "cardLast4": card.last4,
        "cardCountry": person.home.country,
        "merchantId": shop.merchant_id,
        "merchantCategoryCode": shop.category,
        "merchantCountry": shop.place.country,
    }


def in_shop(rng: Random, at: int, person: AccountHolder, card: Card, shop: Shop, *, euros: float) -> Draft:
    """Pay at a till, or take cash at a machine; amounts are rounded to tens there."""
    cash = shop.category == "6011"
    return Draft(
        at,
        {
            **_common(
                person, "WITHDRAWAL" if cash else "PAYMENT", max(10, round(euros, -1)) if cash else euros, shop.place
            ),
            **_card(person, card, shop),
            "terminalId": rng.choice(shop.terminals),
            "channel": "ATM" if cash else "POS",
            "entryMode": "CHIP" if cash or chance(rng, 0.3) else "CONTACTLESS",
            "latitude": round(shop.place.latitude + rng.uniform(-0.1, 0.1), 2),
            "longitude": round(shop.place.longitude + rng.uniform(-0.1, 0.1), 2),
        },
    )


def online(
    at: int, person: AccountHolder, card: Card, shop: Shop, *, euros: float, device: tuple[str, str, str]
) -> Draft:
    """Pay on a site; `device` is the device, its address and the address's country."""
    return Draft(
        at,
        {
            **_common(person, "PAYMENT", euros),
            **_card(person, card, shop),
            "billingCountry": person.home.country,
            "channel": "ECOMMERCE",
            "entryMode": "ECOMMERCE",
            **on(device),
        },
    )


def collected(at: int, person: AccountHolder, card: Card, shop: Shop, euros: float) -> Draft:
    """Charge the card on file for a seller, without the customer."""
    return Draft(
        at,
        {
            **_common(person, "PAYMENT", euros),
            **_card(person, card, shop),
            "channel": "ECOMMERCE",
            "entryMode": "CREDENTIAL_ON_FILE",
        },
    )


def transfer(at: int, person: AccountHolder, payee: str, euros: float, device: tuple[str, str, str] | None) -> Draft:
    """Send money; without a device the bank carries out a standing order."""
    fields = {**_common(person, "TRANSFER", euros), "counterpartyToken": payee}
    return Draft(at, fields if device is None else {**fields, "channel": "MOBILE", **on(device)})


def deposit(at: int, person: AccountHolder, payer: str, euros: float) -> Draft:
    """Receive money."""
    return Draft(at, {**_common(person, "DEPOSIT", euros), "counterpartyToken": payer})


def refund(at: int, original: Draft, share: float = 1.0) -> Draft:
    """Refund a share of a payment."""
    fields = {
        key: value
        for key, value in original.fields.items()
        if key not in {"entryMode", "deviceId", "ipAddress", "ipCountry"}
    }
    amount = max(1, round(original.fields["amountMinor"] * share))
    return Draft(at, {**fields, "type": "REFUND", "amountMinor": amount}, original=original)


def on(device: tuple[str, str, str]) -> dict[str, str]:
    """Return the fields that say which device was used, and from where."""
    return {"deviceId": device[0], "ipAddress": device[1], "ipCountry": device[2]}
