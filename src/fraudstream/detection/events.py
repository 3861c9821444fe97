"""What a profile remembers of one transaction."""

import struct
import zlib
from hashlib import blake2b
from typing import Final, NamedTuple

from fraudstream.detection.entities import EntityKind
from fraudstream.transactions.money import MAX_AMOUNT_MINOR
from fraudstream.transactions.transaction import AuthorizationResult, Transaction, TransactionType

NO_AMOUNT: Final = -1.0
NO_PEER: Final = 0
NO_PLACE: Final = -32768
MAX_TIME: Final = 2**48
"""Epoch milliseconds; far beyond any real clock, and small enough to be stored and computed with."""

SPEND: Final = 1
"""Money leaves the customer: a payment, transfer or withdrawal, whatever the issuer said."""
DECLINED: Final = 2
EVIDENCE: Final = 4
"""The decline says something about the card or its holder."""

_SPENDING = frozenset({TransactionType.PAYMENT, TransactionType.TRANSFER, TransactionType.WITHDRAWAL})
_NOT_ABOUT_THE_CARD = frozenset(
    # ISO 8583:1987 DE39: merchant, format and network failures. An outage must not look like card testing.
    ["03", "06", "09", "12", "13", "19", "22", "30", "31", "40", "58", "68", "90", "91", "92", "94", "95", "96", "98"]
)
_SINGLE = struct.Struct("<f")
_MAX_DEGREES = {"latitude": 90.0, "longitude": 180.0}


class Event(NamedTuple):
    """One transaction in a profile; events order by time, then identity."""

    time: int
    """Epoch milliseconds."""
    identity: int
    """64-bit hash of the transaction's id."""
    amount: float
    """Base currency, in single precision; `NO_AMOUNT` where no exchange rate is known."""
    flags: int
    peer: int
    """32-bit hash of what the entity met (a customer its device, a device and an address the card), or `NO_PEER`."""
    latitude: int
    """Hundredths of a degree, or `NO_PLACE`."""
    longitude: int


class UnusableTransactionError(ValueError):
    """A stored transaction holds a value that no validated transaction can hold."""


def check(transaction: Transaction) -> None:
    """Refuse what would not fit into an event; the door's validation lets nothing of it through.

    Raises:
        UnusableTransactionError: the message names the field.
    """
    if not 0 <= transaction.timestamp < MAX_TIME:
        raise UnusableTransactionError("timestamp is out of range")
    if not 0 <= transaction.received_at < MAX_TIME:
        raise UnusableTransactionError("receivedAt is out of range")
    if not 0 <= transaction.amount_minor <= MAX_AMOUNT_MINOR:
        raise UnusableTransactionError("amountMinor is out of range")
    for field, most in _MAX_DEGREES.items():
        degrees: float | None = getattr(transaction, field)
        if degrees is not None and not -most <= degrees <= most:
            raise UnusableTransactionError(f"{field} is out of range")


def single(value: float) -> float:
    """Round to single precision, so that what is judged now is what is read back later."""
    (rounded,) = _SINGLE.unpack(_SINGLE.pack(value))
    return rounded


def peer_hash(value: str) -> int:
    """Hash an identifier to 32 bits, never to `NO_PEER`. Tokens are uniformly random, so a checksum spreads them."""
    return zlib.crc32(value.encode()) or 1


def card_identity(transaction: Transaction) -> str | None:
    """Name the card that was used: by issuer prefix and last digits where both are known, else by its token.

    A wallet may mint a new token for each attempt; its attempts are still those of one card.
    """
    if transaction.card_bin is not None and transaction.card_last4 is not None:
        return f"{transaction.card_bin}…{transaction.card_last4}"
    return transaction.card_token


def event_of(transaction: Transaction, kind: EntityKind, amount: float | None) -> Event:
    """Make the event that a transaction is to an entity of one kind.

    Args:
        transaction: what happened; `check` must accept it.
        kind: the entity's kind: it decides what the peer is.
        amount: in the base currency and single precision; None where no exchange rate is known.
    """
    flags = SPEND if transaction.type in _SPENDING else 0
    if transaction.authorization_result is AuthorizationResult.DECLINED:
        flags |= DECLINED
        if transaction.response_code not in _NOT_ABOUT_THE_CARD:
            flags |= EVIDENCE
    match kind:
        case EntityKind.CUSTOMER:
            met = transaction.device_id
        case EntityKind.CARD:
            met = transaction.merchant_id
        case EntityKind.DEVICE | EntityKind.IP:
            met = card_identity(transaction)
    placed = transaction.latitude is not None and transaction.longitude is not None
    return Event(
        transaction.timestamp,
        int.from_bytes(blake2b(transaction.transaction_id.encode(), digest_size=8).digest(), "little"),
        NO_AMOUNT if amount is None else amount,
        flags,
        NO_PEER if met is None else peer_hash(met),
        round(transaction.latitude * 100) if placed and transaction.latitude is not None else NO_PLACE,
        round(transaction.longitude * 100) if placed and transaction.longitude is not None else NO_PLACE,
    )
