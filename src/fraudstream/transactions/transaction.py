"""A transaction as it is stored: validated, and with every identifier of a person or place replaced by a token."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from fraudstream.transactions.attributes import AttributeValue, Item, from_item, to_item


class Kind(StrEnum):
    """What an item of the table of transactions is."""

    CLAIM = "CLAIM"
    TRANSACTION = "TXN"


class TransactionType(StrEnum):
    """What the payment event was."""

    PAYMENT = "PAYMENT"
    TRANSFER = "TRANSFER"
    WITHDRAWAL = "WITHDRAWAL"
    DEPOSIT = "DEPOSIT"
    REFUND = "REFUND"
    REVERSAL = "REVERSAL"


class Channel(StrEnum):
    """Where the customer stood."""

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


class Transaction(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One payment event. Times are epoch milliseconds, amounts minor units, identifiers tokens (`tok_…`)."""

    transaction_id: str
    timestamp: int
    """When it happened, by the client's clock."""
    received_at: int
    """When it came in, by ours."""
    amount_minor: int
    currency: str
    type: TransactionType
    customer_id: str
    card_token: str | None = None
    card_bin: str | None = None
    card_last4: str | None = None
    merchant_id: str | None = None
    merchant_category_code: str | None = None
    merchant_country: str | None = None
    card_country: str | None = None
    billing_country: str | None = None
    ip_country: str | None = None
    terminal_id: str | None = None
    device_id: str | None = None
    ip_address: str | None = None
    latitude: float | None = None
    """Degrees, rounded to two decimals (about a kilometre) at the door."""
    longitude: float | None = None
    channel: Channel | None = None
    entry_mode: EntryMode | None = None
    authorization_result: AuthorizationResult | None = None
    response_code: str | None = None
    original_transaction_id: str | None = None
    counterparty_token: str | None = None
    account_opened_at: int | None = None
    metadata: dict[str, str] | None = None

    def to_item(self) -> Item:
        """Return the transaction's part of its DynamoDB item."""
        return to_item(msgspec.to_builtins(self))

    @classmethod
    def from_item(cls, item: Mapping[str, AttributeValue]) -> "Transaction":
        """Read a transaction from its DynamoDB item or stream image; what else the item holds is passed over.

        Raises:
            msgspec.ValidationError: the item is not a transaction.
        """
        return msgspec.convert(from_item(item), cls)
