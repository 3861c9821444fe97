"""Reason codes and their sentences. Codes are stored and keep their meaning; sentences are rendered on reading."""

from collections.abc import Mapping
from types import MappingProxyType

SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "AMOUNT_OUTLIER": "The amount is far above what this customer usually spends.",
        "BLOCKED_ENTITY": "The customer, card, merchant, device or address is on the blocked list.",
        "CARD_TESTING": "Several cards were declined on this device or address in a short time, as if being tried out.",
        "CARD_VELOCITY": "The card was used unusually often in a short time.",
        "COUNTRY_MISMATCH": "The countries of card, billing address and internet address do not go together.",
        "CUSTOMER_VELOCITY": "The customer made unusually many transactions in a short time.",
        "IMPOSSIBLE_TRAVEL": "The customer's last place is too far away for the time between.",
        "NEW_DEVICE_HIGH_AMOUNT": "An unusually high amount came from a device that is new for this customer.",
        "NO_EXCHANGE_RATE": "There is no exchange rate for the currency, so the amount was not judged.",
        "REPEATED_DECLINES": "The issuer declined several recent attempts of this card or customer.",
        "TRUSTED_ENTITY": "The customer, card, merchant, device or address is on the trusted list.",
    }
)
"""Reason code to the sentence that a client reads."""


def sentence(code: str) -> str:
    """Give the sentence of a reason code; for a code that has none, such as a user's own rule's, its words."""
    return SENTENCES.get(code) or code.replace("_", " ").strip().capitalize() + "."
