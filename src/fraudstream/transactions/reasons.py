"""Reason codes and their sentences. Codes are stored and keep their meaning; sentences are rendered on reading."""

from collections.abc import Mapping
from types import MappingProxyType

SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "AMOUNT_OUTLIER": "The amount is far above what this customer usually pays.",
        "BLOCKED_ENTITY": "The customer, card, merchant, device or address is on the blocked list.",
        "CARD_TESTING": "Many small or declined payments in a short time look like someone trying out cards.",
        "CARD_VELOCITY": "The card was used unusually often in a short time.",
        "COUNTRY_MISMATCH": "The countries of card, billing, address and merchant do not go together.",
        "CUSTOMER_VELOCITY": "The customer made unusually many transactions in a short time.",
        "IMPOSSIBLE_TRAVEL": "The distance from the customer's last place is too far for the time between.",
        "NEW_DEVICE_HIGH_AMOUNT": "A high amount came from a device that this customer never used before.",
        "NO_EXCHANGE_RATE": "There is no exchange rate for the currency, so the amount was not judged.",
        "REPEATED_DECLINES": "The issuer declined several of the latest attempts.",
        "TRUSTED_ENTITY": "The customer, card, merchant, device or address is on the trusted list.",
    }
)
"""Reason code to the sentence that a client reads."""


def sentence(code: str) -> str:
    """Give the sentence of a reason code; for a code that has none, such as a user's own rule's, its words."""
    return SENTENCES.get(code) or code.replace("_", " ").strip().capitalize() + "."
