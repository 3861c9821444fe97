"""What a client may post: one struct that validation and the published schema are both made from.

Each field's type carries its bounds, which msgspec checks and publishes, and in `extra` what msgspec can't say: the
sentence that a client reads when the field is wrong (`must_be`), and the list that a code must stand in (`codes`).
Optional fields may be left out; null is not a way to leave them out.
"""

from collections.abc import Iterable
from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from fraudstream.transactions.countries import COUNTRIES
from fraudstream.transactions.money import EXPONENTS, MAX_AMOUNT_MINOR
from fraudstream.transactions.transaction import AuthorizationResult, Channel, EntryMode, TransactionType

MAX_BODY_BYTES = 16_384
"""Largest body of a request: every field at its longest fits, in four-byte characters too."""

TRANSACTION_ID_PATTERN = "^[A-Za-z0-9._:-]{1,64}$"

_EPOCH_MILLISECONDS_1900 = -2_208_988_800_000
_EPOCH_MILLISECONDS_2100 = 4_102_444_800_000


def _text(pattern: str, description: str, must_be: str, codes: Iterable[str] | None = None) -> Meta:
    extra: dict[str, object] = {"must_be": must_be}
    if codes is not None:
        extra["codes"] = frozenset(codes)
    return Meta(pattern=pattern, description=description, extra=extra)


def _number(low: int, high: int, description: str, must_be: str) -> Meta:
    return Meta(ge=low, le=high, description=description, extra={"must_be": must_be})


def _time(low: int, description: str, must_be: str = "epoch milliseconds, as an integer") -> Meta:
    return _number(low, _EPOCH_MILLISECONDS_2100, description, must_be)


def _transaction_id(description: str) -> Meta:
    return _text(TRANSACTION_ID_PATTERN, description, "1 to 64 letters, digits and . _ : -")


def _country(description: str) -> Meta:
    return _text(
        "^[A-Z]{2}$",
        f"{description}, ISO 3166-1 alpha-2.",
        "a country code of ISO 3166-1 alpha-2, in capitals",
        COUNTRIES,
    )


def _entity(description: str) -> Meta:
    return Meta(
        min_length=1,
        max_length=128,
        description=f"{description} Stored as a keyed token only.",
        extra={"must_be": "a text of 1 to 128 printable characters"},
    )


Metadata: TypeAlias = dict[
    Annotated[str, Meta(pattern="^[a-z][A-Za-z0-9_]{0,31}$")],
    Annotated[str, Meta(pattern="^[A-Za-z0-9._:/-]{1,32}$")],
]

TransactionId: TypeAlias = Annotated[
    str, _transaction_id("The client's own id, and the key of idempotency: the same call again changes nothing.")
]


class TransactionRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One payment event, as a client posts it."""

    transaction_id: TransactionId
    amount_minor: Annotated[
        int,
        _number(
            0,
            MAX_AMOUNT_MINOR,
            "Amount in minor units of the currency: 1234 of EUR are 12.34. 0 is a card check.",
            f"an integer of minor units from 0 to {MAX_AMOUNT_MINOR}",
        ),
    ]
    currency: Annotated[
        str,
        _text(
            "^[A-Z]{3}$",
            "Currency, ISO 4217 alphabetic code.",
            "a currency code of ISO 4217, in capitals",
            EXPONENTS,
        ),
    ]
    type: Annotated[TransactionType, Meta(description="What the payment event was.")]
    customer_id: Annotated[str, _entity("Who pays, or is paid on a deposit or refund.")]
    timestamp: (
        Annotated[int, _time(0, "When it happened, in epoch milliseconds; when left out, the time of receipt.")]
        | UnsetType
    ) = UNSET
    card_token: Annotated[str, _entity("The client's token of the card, never its number.")] | UnsetType = UNSET
    card_bin: (
        Annotated[
            str,
            _text(
                "^[0-9]{6,8}$",
                "The first 6 to 8 digits of the card's number, which name its issuer.",
                "6 to 8 digits, as a text",
            ),
        ]
        | UnsetType
    ) = UNSET
    card_last4: (
        Annotated[str, _text("^[0-9]{4}$", "The last 4 digits of the card's number.", "4 digits, as a text")]
        | UnsetType
    ) = UNSET
    merchant_id: Annotated[str, _entity("Where the money goes.")] | UnsetType = UNSET
    merchant_category_code: (
        Annotated[
            str,
            _text("^[0-9]{4}$", "Merchant category, ISO 18245.", "a merchant category code of 4 digits, as a text"),
        ]
        | UnsetType
    ) = UNSET
    merchant_country: Annotated[str, _country("Where the merchant is")] | UnsetType = UNSET
    card_country: Annotated[str, _country("Where the card was issued")] | UnsetType = UNSET
    billing_country: Annotated[str, _country("Where the bill goes")] | UnsetType = UNSET
    ip_country: Annotated[str, _country("Where the address of the customer's device is")] | UnsetType = UNSET
    terminal_id: Annotated[str, _entity("The terminal or cash machine.")] | UnsetType = UNSET
    device_id: Annotated[str, _entity("The customer's device.")] | UnsetType = UNSET
    ip_address: (
        Annotated[
            str,
            Meta(
                min_length=2,
                max_length=45,
                description="IPv4 or IPv6 address of the customer's device. Stored as a keyed token only.",
                extra={"must_be": "an IPv4 or IPv6 address"},
            ),
        ]
        | UnsetType
    ) = UNSET
    latitude: (
        Annotated[
            float,
            _number(
                -90,
                90,
                "Degrees north; stored rounded to two decimals. Only together with longitude.",
                "a number from -90 to 90",
            ),
        ]
        | UnsetType
    ) = UNSET
    longitude: (
        Annotated[
            float,
            _number(
                -180,
                180,
                "Degrees east; stored rounded to two decimals. Only together with latitude.",
                "a number from -180 to 180",
            ),
        ]
        | UnsetType
    ) = UNSET
    channel: Annotated[Channel, Meta(description="Where the customer stood.")] | UnsetType = UNSET
    entry_mode: Annotated[EntryMode, Meta(description="How the card's or account's data came in.")] | UnsetType = UNSET
    authorization_result: (
        Annotated[AuthorizationResult, Meta(description="What the issuer said, when known.")] | UnsetType
    ) = UNSET
    response_code: (
        Annotated[
            str,
            _text(
                "^[0-9A-Z]{2,4}$",
                "The issuer's response code, ISO 8583 data element 39.",
                "a response code of 2 to 4 capitals and digits, as a text",
            ),
        ]
        | UnsetType
    ) = UNSET
    original_transaction_id: (
        Annotated[str, _transaction_id("The transaction that this one takes back; required for REFUND and REVERSAL.")]
        | UnsetType
    ) = UNSET
    counterparty_token: Annotated[str, _entity("The other side's account or customer.")] | UnsetType = UNSET
    account_opened_at: (
        Annotated[
            int,
            _time(
                _EPOCH_MILLISECONDS_1900,
                "When the customer's account was opened, in epoch milliseconds.",
                "epoch milliseconds, as an integer, since 1900 and not in the future",
            ),
        ]
        | UnsetType
    ) = UNSET
    metadata: (
        Annotated[
            Metadata,
            Meta(
                max_length=10,
                description="Short codes of the client's own; never a name, an address or a card number.",
                extra={
                    "must_be": "an object of at most 10 codes: names of 1 to 32 letters, digits and _ that start with "
                    "a small letter, texts of 1 to 32 letters, digits and . _ : / -"
                },
            ),
        ]
        | UnsetType
    ) = UNSET
