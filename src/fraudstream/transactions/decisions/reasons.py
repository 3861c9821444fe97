"""Reason codes and their sentences. Codes are stored and keep their meaning; sentences are rendered on reading."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

STRICTER_THAN_INLINE: Final = "STRICTER_THAN_INLINE"
"""Reason of alerts alone: what the client was answered at once was less strict."""

HELD_BACK: Final = "MODEL_HELD_BACK"
"""Reason of decisions by a live model that has lost its power to decline; the source is its version."""

SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "ACCOUNT_TAKEOVER": "A payee, country and device that are all new for this customer came together.",
        "AMOUNT_OUTLIER": "The amount is far above what this customer usually spends.",
        "BLOCKED_ENTITY": "One of those involved, such as the customer or the card, is on the blocked list.",
        "CARD_TESTING": "Cards seem to be tried out: several were declined here, or a stranger pays very little.",
        "CARD_VELOCITY": "The card was used unusually often in a short time.",
        "COMPROMISED_MERCHANT": "Much of what was paid at this merchant lately turned out to be fraud.",
        "COMPROMISED_TERMINAL": "Several recent transactions at this terminal turned out to be fraud.",
        "COPIED_CARD": "A magnetic stripe was used in a country where the card was not issued, as copies are.",
        "COUNTRY_MISMATCH": "The countries of card, billing address and internet address do not go together.",
        "CUSTOMER_VELOCITY": "The customer made unusually many transactions in a short time.",
        "DORMANT_ACCOUNT": "The account was idle for long and woke up with a high amount.",
        "DUPLICATE_PAYMENT": "The same amount was paid at the same merchant with this card just before.",
        "IMPOSSIBLE_TRAVEL": "The customer's last place is too far away for the time between.",
        "KNOWN_FRAUD": "The card, device or other side took part in something that is known to be fraud.",
        "LARGE_NEW_PAYEE": "An unusually high amount goes to somebody who is new to this customer, as far as is known.",
        "LIST_UNREADABLE": "On which lists one of those involved is could not be read, and was left aside.",
        "MANY_MERCHANTS": "The card was used at unusually many merchants.",
        "MODEL_ACCOUNT": "The model weighs how old the account is, or how long it was idle.",
        "MODEL_ADDRESS_ACTIVITY": "The model weighs what came from this internet address lately.",
        "MODEL_AMOUNT": "The model weighs the amount, by itself or beside what is usual here.",
        "MODEL_CARD_ACTIVITY": "The model weighs how the card was used lately.",
        "MODEL_COUNTERPARTY_ACTIVITY": "The model weighs who else paid the other side lately, and since when.",
        "MODEL_CUSTOMER_ACTIVITY": "The model weighs what the customer did lately.",
        "MODEL_DECLINES": "The model weighs recent declines.",
        "MODEL_DEVICE_ACTIVITY": "The model weighs what was done on this device lately.",
        HELD_BACK: "The model would decline, and is held back: it flags more than it promised.",
        "MODEL_KNOWN_FRAUD": "The model weighs earlier fraud that is known of those involved.",
        "MODEL_MERCHANT_ACTIVITY": "The model weighs what happened at this merchant lately.",
        "MODEL_NEW_TO_CUSTOMER": "The model weighs that the device, country or payee is new for this customer.",
        "MODEL_OTHER": "The model weighs another feature of the transaction.",
        "MODEL_TERMINAL_ACTIVITY": "The model weighs what happened at this terminal lately.",
        "MODEL_TIME": "The model weighs the hour or day, or how late the transaction came in.",
        "MODEL_TRANSACTION": "The model weighs the kind of transaction: type, channel, merchant's category, countries.",
        "MODEL_TRAVEL": "The model weighs how far and how fast the customer would have travelled.",
        "MULE_PASS_THROUGH": "Most of what came in goes out again within a day.",
        "NEW_DEVICE_ABROAD": "A device that is new for this customer pays from a country that the card is not of.",
        "NEW_DEVICE_HIGH_AMOUNT": "An unusually high amount came from a device that is new for this customer.",
        "NEW_DEVICE_NEW_PAYEE": "Money goes to a new payee from a device that is new for this customer.",
        "NO_EXCHANGE_RATE": "There is no exchange rate for the currency, so the amount was not judged.",
        "ODD_HOUR": "The customer is hardly ever active at this hour.",
        "PROFILE_DAMAGED": "What was known of one of those involved could not be read, and is being learnt anew.",
        "PROFILE_NEWER": "What is known of one of those involved was written by a newer version, and was left aside.",
        "REFUND_ABUSE": "The customer had unusually many or high refunds in a week.",
        "REFUND_MISMATCH": "The refund is higher than its payment, goes to another card, or its payment is not known.",
        "REPEATED_DECLINES": "The issuer declined several recent attempts of this card or customer.",
        "ROTATING_DEVICES": "The customer's payments come from one new device after the other.",
        "ROUND_AMOUNT": "The amount is a whole number of hundreds, as gift cards are.",
        "SHARED_DEVICE": "Several customers, of whom this one's account is young, share one device.",
        STRICTER_THAN_INLINE: "The client that waited was answered at once with a decision that was less strict.",
        "STRUCTURING": "Several recent amounts lie just below the reporting threshold.",
        "TRUSTED_ENTITY": "One of those involved, such as the customer or the card, is on the trusted list.",
    }
)
"""Reason code to the sentence that a client reads."""


NO_RULES_CODES: Final = frozenset(
    {"LIST_UNREADABLE", "NO_EXCHANGE_RATE", "PROFILE_DAMAGED", "PROFILE_NEWER", STRICTER_THAN_INLINE}
    | {code for code in SENTENCES if code.startswith("MODEL_")}
)
"""Reasons whose source is no rule: a feature of the model, a profile's key, or a file."""


def sentence(code: str) -> str:
    """Return the sentence of a reason code; for a code that has none, such as a user's own rule's, its words."""
    return SENTENCES.get(code) or code.replace("_", " ").strip().capitalize() + "."
