"""A transaction: the one declaration of its fields, and how it is stored.

Each line of `Transaction` holds everything that is known of its field; see `fields.FieldSpec` for what is derived.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from fraudstream.contract import EntityKind
from fraudstream.transactions import fields
from fraudstream.transactions.fields import FieldSpec
from fraudstream.transactions.storage.attributes import AttributeValue, Item, own_values, to_item
from fraudstream.transactions.values.countries import COUNTRIES
from fraudstream.transactions.values.money import EXPONENTS, MAX_AMOUNT_MINOR
from fraudstream.transactions.values.times import EARLIEST_ACCOUNT

TRANSACTION_ID_PATTERN: Final = r"^(?!\.{1,2}$)[A-Za-z0-9._:-]{1,64}$"
"""Without `.` and `..`: in a path they name folders, so that nobody could read such a transaction."""
NETWORK_REFERENCE_PATTERN: Final = r"^[A-Za-z0-9._:-]{4,64}$"
MOST_PAYMENTS: Final = 1_000_000
_TIME_IN_RULES: Final = "rules speak of time by features: localHour, arrivalDelaySeconds and the windows of counts"
_AMOUNT_IN_RULES: Final = "minor units differ between currencies: compare amountBase, the amount in the base currency"
_COUNTER_IN_RULES: Final = "it is for the advice on exemptions; rules count by customerCount24h and its like"
_PLACE_IN_RULES: Final = "places are judged by travelKm, travelHours and travelKmPerHour"

Metadata: TypeAlias = dict[
    Annotated[str, Meta(pattern="^[a-z][A-Za-z0-9_]{0,31}$")],
    Annotated[str, Meta(pattern="^[A-Za-z0-9._:/-]{1,32}$")],
]


class TransactionType(StrEnum):
    """What the payment event was."""

    PAYMENT = "PAYMENT"
    TRANSFER = "TRANSFER"
    WITHDRAWAL = "WITHDRAWAL"
    DEPOSIT = "DEPOSIT"
    REFUND = "REFUND"
    REVERSAL = "REVERSAL"


class Channel(StrEnum):
    """Where the customer acted."""

    ECOMMERCE = "ECOMMERCE"
    MOBILE = "MOBILE"
    POS = "POS"
    ATM = "ATM"
    MOTO = "MOTO"
    BRANCH = "BRANCH"


class EntryMode(StrEnum):
    """How the card's or account's data came in."""

    CHIP = "CHIP"
    CONTACTLESS = "CONTACTLESS"
    MAGSTRIPE = "MAGSTRIPE"
    MANUAL = "MANUAL"
    CREDENTIAL_ON_FILE = "CREDENTIAL_ON_FILE"
    ECOMMERCE = "ECOMMERCE"


class AuthorizationResult(StrEnum):
    """What the issuer said, when known."""

    APPROVED = "APPROVED"
    DECLINED = "DECLINED"


class Authentication(StrEnum):
    """What the client knows of the payment's strong customer authentication."""

    STRONG = "STRONG"
    """It was applied to this payment."""
    NONE = "NONE"
    """It was not, or not yet."""
    OUT_OF_SCOPE = "OUT_OF_SCOPE"
    """It is not asked for: the payee initiates the payment, or the other side's provider is outside the EEA."""


def _transaction_id(description: str) -> Meta:
    return fields.text(TRANSACTION_ID_PATTERN, description, "1 to 64 letters, digits and . _ : - (not . or .. alone)")


def _country(description: str) -> FieldSpec:
    return FieldSpec(request=fields.country(description, COUNTRIES), in_rules=True, logged=True)


def _identifier(kind: EntityKind, description: str) -> FieldSpec:
    return FieldSpec(request=fields.identifier(description), identifies=kind, in_rules=True, logged=True)


def _code(description: str) -> FieldSpec:
    return FieldSpec(request=fields.code(description), in_rules=True, logged=True)


class Transaction(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One payment event. Times are epoch milliseconds, amounts minor units, identifiers tokens (`tok_…`)."""

    # The order of the fields is a contract: the hash of a request, by which a repeat is known, is of the fields that
    # were posted in this order. A new field may be added anywhere.
    transaction_id: Annotated[
        str,
        FieldSpec(
            request=_transaction_id(
                "The client's own id, and the key of idempotency: the same call again changes nothing."
            )
        ),
    ]
    timestamp: Annotated[
        int,
        FieldSpec(
            request=fields.time(0, "When it happened, in epoch milliseconds; when left out, the time of receipt."),
            optional_in_request=True,
            instead_in_rules=_TIME_IN_RULES,
        ),
    ]
    """When it happened, by the client's clock."""
    received_at: Annotated[int, FieldSpec(instead_in_rules=_TIME_IN_RULES)]
    """When it was received, by the API's clock."""
    amount_minor: Annotated[
        int,
        FieldSpec(
            request=fields.number(
                0,
                MAX_AMOUNT_MINOR,
                "Amount in minor units of the currency: 1234 of EUR are 12.34. 0 is a card check.",
                f"an integer of minor units from 0 to {MAX_AMOUNT_MINOR}",
            ),
            instead_in_rules=_AMOUNT_IN_RULES,
        ),
    ]
    currency: Annotated[
        str,
        FieldSpec(
            request=fields.text(
                "^[A-Z]{3}$",
                "Currency, ISO 4217 alphabetic code.",
                "a currency code of ISO 4217, in capitals",
                EXPONENTS,
            ),
            in_rules=True,
        ),
    ]
    type: Annotated[TransactionType, _code("What the payment event was.")]
    customer_id: Annotated[str, _identifier(EntityKind.CUSTOMER, "Who pays, or is paid on a deposit or refund.")]
    card_token: Annotated[
        str | None, _identifier(EntityKind.CARD, "The client's token of the card, never its number.")
    ] = None
    card_bin: Annotated[
        str | None,
        FieldSpec(
            request=fields.text(
                "^[0-9]{6,8}$",
                "The first 6 to 8 digits of the card's number, which name its issuer.",
                "6 to 8 digits, as a text",
            ),
            in_rules=True,
        ),
    ] = None
    card_last4: Annotated[
        str | None,
        FieldSpec(request=fields.text("^[0-9]{4}$", "The last 4 digits of the card's number.", "4 digits, as a text")),
    ] = None
    merchant_id: Annotated[str | None, _identifier(EntityKind.MERCHANT, "Where the money goes.")] = None
    merchant_category_code: Annotated[
        str | None,
        FieldSpec(
            request=fields.text(
                "^[0-9]{4}$", "Merchant category, ISO 18245.", "a merchant category code of 4 digits, as a text"
            ),
            in_rules=True,
            logged=True,
        ),
    ] = None
    merchant_country: Annotated[str | None, _country("Where the merchant is")] = None
    card_country: Annotated[str | None, _country("Where the card was issued")] = None
    billing_country: Annotated[str | None, _country("Country of the billing address")] = None
    ip_country: Annotated[str | None, _country("Where the address of the customer's device is")] = None
    terminal_id: Annotated[str | None, _identifier(EntityKind.TERMINAL, "The terminal or cash machine.")] = None
    device_id: Annotated[str | None, _identifier(EntityKind.DEVICE, "The customer's device.")] = None
    ip_address: Annotated[
        str | None,
        FieldSpec(
            request=Meta(
                min_length=2,
                max_length=45,
                description="IPv4 or IPv6 address of the customer's device. Stored as a keyed token only.",
                extra={"must_be": "an IPv4 or IPv6 address"},
            ),
            identifies=EntityKind.IP,
            in_rules=True,
            logged=True,
        ),
    ] = None
    latitude: Annotated[
        float | None,
        FieldSpec(
            request=fields.number(
                -90,
                90,
                "Degrees north of where the customer is, not of an address; to two decimals. Only with longitude.",
                "a number from -90 to 90",
            ),
            instead_in_rules=_PLACE_IN_RULES,
            is_coarse=True,
        ),
    ] = None
    longitude: Annotated[
        float | None,
        FieldSpec(
            request=fields.number(
                -180,
                180,
                "Degrees east; stored rounded to two decimals. Only together with latitude.",
                "a number from -180 to 180",
            ),
            instead_in_rules=_PLACE_IN_RULES,
            is_coarse=True,
        ),
    ] = None
    channel: Annotated[Channel | None, _code("Where the customer acted.")] = None
    entry_mode: Annotated[EntryMode | None, _code("How the card's or account's data came in.")] = None
    authorization_result: Annotated[AuthorizationResult | None, _code("What the issuer said, when known.")] = None
    response_code: Annotated[
        str | None,
        FieldSpec(
            request=fields.text(
                "^[0-9A-Z]{2,4}$",
                "The issuer's response code, ISO 8583 data element 39.",
                "a response code of 2 to 4 capitals and digits, as a text",
            ),
            in_rules=True,
            logged=True,
        ),
    ] = None
    original_transaction_id: Annotated[
        str | None,
        FieldSpec(
            request=_transaction_id("The transaction that this one takes back; required for REFUND and REVERSAL."),
            in_rules=True,
        ),
    ] = None
    network_reference: Annotated[
        str | None,
        FieldSpec(
            request=fields.text(
                NETWORK_REFERENCE_PATTERN,
                "The payment's id at the card scheme, acquirer or processor, which chargebacks name.",
                "4 to 64 letters, digits and . _ : - as a text",
            ),
            instead_in_rules="it names the payment, and says nothing of it",
        ),
    ] = None
    """Such as an acquirer reference number (ARN) or a network transaction id; the client's, of one payment."""
    counterparty_token: Annotated[
        str | None, _identifier(EntityKind.COUNTERPARTY, "The other side's account or customer.")
    ] = None
    authentication: Annotated[
        Authentication | None, _code("What you know of the payment's strong customer authentication (PSD2).")
    ] = None
    payments_since_strong: Annotated[
        int | None,
        FieldSpec(
            request=fields.number(
                0,
                MOST_PAYMENTS,
                "The payer's earlier remote payments since strong customer authentication was last applied.",
                f"a whole number from 0 to {MOST_PAYMENTS}",
            ),
            instead_in_rules=_COUNTER_IN_RULES,
        ),
    ] = None
    amount_since_strong_minor: Annotated[
        int | None,
        FieldSpec(
            request=fields.number(
                0,
                MAX_AMOUNT_MINOR,
                "Their sum, in minor units of this payment's currency.",
                f"an integer of minor units from 0 to {MAX_AMOUNT_MINOR}",
            ),
            instead_in_rules=_COUNTER_IN_RULES,
        ),
    ] = None
    account_opened_at: Annotated[
        int | None,
        FieldSpec(
            request=fields.time(
                EARLIEST_ACCOUNT,
                "When the customer's account was opened, in epoch milliseconds.",
                "epoch milliseconds, as an integer, since 1900 and not in the future",
            ),
            instead_in_rules="use accountAgeDays",
        ),
    ] = None
    metadata: Annotated[
        dict[str, str] | None,
        FieldSpec(
            request=Meta(
                max_length=10,
                description="Short codes of the client's own; never a name, an address or a card number.",
                extra={
                    "must_be": "an object of at most 10 codes: names of 1 to 32 letters, digits and _ that start with "
                    "a small letter, texts of 1 to 32 letters, digits and . _ : / -"
                },
            ),
            request_type=Metadata,
            instead_in_rules="metadata is stored for the client and not judged",
        ),
    ] = None

    def to_item(self) -> Item:
        """Return the transaction's part of its DynamoDB item."""
        return to_item(msgspec.to_builtins(self))

    @classmethod
    def from_item(cls, item: Mapping[str, AttributeValue]) -> "Transaction":
        """Read a transaction from its DynamoDB item or stream image; what else the item holds is passed over.

        Raises:
            msgspec.ValidationError: the item is not a transaction.
        """
        return msgspec.convert(own_values(item, cls), cls)


FIELDS: Final = fields.declared_fields(Transaction)
"""Every field of a transaction, as declared above."""
