"""Transactions in the making: the ways to pay that both honest and dishonest people have."""

from dataclasses import dataclass
from random import Random
from typing import Any

from fraudstream_tools.lab.world.cities import CASH_MACHINES, City
from fraudstream_tools.lab.world.population import Card, Customer, Merchant, chance, minor_units


@dataclass(slots=True)
class Draft:
    """A simulated transaction before it has an id."""

    at: int
    """Epoch milliseconds."""
    fields: dict[str, Any]
    """The API's fields, but for id and time."""
    episode: str = ""
    """Name of the fraud episode; empty for what has nothing to do with one."""
    innocent: bool = False
    """It belongs to the episode, and is no fraud itself."""
    trap: str = ""
    """Name of the honest event that looks like fraud; empty for what is ordinary."""
    original: "Draft | None" = None
    """What a refund or reversal takes back."""

    @property
    def is_fraud(self) -> bool:
        """Whether it is fraud."""
        return bool(self.episode) and not self.innocent


def _of_customer(customer: Customer, kind: str, dollars: float, city: City) -> dict[str, Any]:
    return {
        "type": kind,
        "customerId": customer.customer_id,
        "accountOpenedAt": customer.account_opened_at,
        "amountMinor": minor_units(dollars, city),
        "currency": city.currency,
        "authorizationResult": "APPROVED",
        "responseCode": "00",
    }


def _of_card(customer: Customer, card: Card) -> dict[str, Any]:
    return {
        "cardToken": card.token,
        "cardBin": card.bin,
        "cardLast4": card.last4,
        "cardCountry": customer.home.country,
    }


def _of_merchant(merchant: Merchant) -> dict[str, Any]:
    return {
        "merchantId": merchant.merchant_id,
        "merchantCategoryCode": merchant.trade.category,
        "merchantCountry": merchant.city.country,
    }


def in_shop(rng: Random, at: int, customer: Customer, card: Card, merchant: Merchant, *, dollars: float) -> Draft:
    """Pay with the card in hand; at a cash machine, withdraw."""
    cash = merchant.trade == CASH_MACHINES
    return Draft(
        at,
        {
            **_of_customer(customer, "WITHDRAWAL" if cash else "PAYMENT", dollars, merchant.city),
            **_of_card(customer, card),
            **_of_merchant(merchant),
            "terminalId": rng.choice(merchant.terminals),
            "channel": "ATM" if cash else "POS",
            "entryMode": "CHIP" if cash or chance(rng, 0.4) else "CONTACTLESS",
            "latitude": round(merchant.city.latitude + rng.uniform(-0.08, 0.08), 2),
            "longitude": round(merchant.city.longitude + rng.uniform(-0.08, 0.08), 2),
        },
    )


def online(
    at: int,
    customer: Customer,
    card: Card,
    merchant: Merchant,
    *,
    dollars: float,
    device: str,
    address: str,
    country: str,
) -> Draft:
    """Pay on the merchant's site, in the customer's currency.

    Args:
        at: when, epoch milliseconds.
        customer: whose account it is.
        card: the card that is charged.
        merchant: who sells.
        dollars: the amount.
        device: what it is ordered with.
        address: the device's internet address.
        country: where that address is.
    """
    return Draft(
        at,
        {
            **_of_customer(customer, "PAYMENT", dollars, customer.home),
            **_of_card(customer, card),
            **_of_merchant(merchant),
            "billingCountry": customer.home.country,
            "channel": "ECOMMERCE",
            "entryMode": "CREDENTIAL_ON_FILE",
            **on_device(device, address, country),
        },
    )


def transfer(
    at: int, customer: Customer, payee: str, *, dollars: float, device: str, address: str, country: str
) -> Draft:
    """Send money from the app; arguments as for `online`."""
    return Draft(
        at,
        {
            **_of_customer(customer, "TRANSFER", dollars, customer.home),
            "counterpartyToken": payee,
            "channel": "MOBILE",
            **on_device(device, address, country),
        },
    )


def deposit(at: int, customer: Customer, payer: str, *, dollars: float) -> Draft:
    """Receive money."""
    return Draft(at, {**_of_customer(customer, "DEPOSIT", dollars, customer.home), "counterpartyToken": payer})


def refund(at: int, original: Draft) -> Draft:
    """Refund a payment in full."""
    fields = {key: value for key, value in original.fields.items() if key != "entryMode"}
    return Draft(at, {**fields, "type": "REFUND"}, original=original)


def declined(draft: Draft, code: str) -> Draft:
    """Mark it as declined by the issuer, with a response code of ISO 8583 (data element 39)."""
    draft.fields.update(authorizationResult="DECLINED", responseCode=code)
    return draft


def on_device(device: str, address: str, country: str) -> dict[str, Any]:
    """Return the fields that say which device was used, and from where."""
    return {"deviceId": device, "ipAddress": address, "ipCountry": country}
