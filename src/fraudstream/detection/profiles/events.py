"""What a profile remembers of one transaction."""

import zlib
from hashlib import blake2b
from typing import Final, NamedTuple

from fraudstream.contract import EntityKind
from fraudstream.transactions.transaction import (
    AuthorizationResult,
    Channel,
    EntryMode,
    Transaction,
    TransactionType,
)
from fraudstream.transactions.values.money import EXPONENTS, MAX_AMOUNT_MINOR

NO_AMOUNT: Final = 2**32 - 1
MAX_AMOUNT: Final = NO_AMOUNT - 1
"""Hundredths of the base currency; a larger amount is remembered as this one, 42.9 million."""
NO_PEER: Final = 0
NO_COUNTRY: Final = 0
NO_PLACE: Final = -32768
MAX_TIME: Final = 2**48
"""Epoch milliseconds; far beyond any real clock, and small enough to be stored and computed with."""

SPEND: Final = 1
"""Money leaves the customer: a payment, transfer or withdrawal, whatever the issuer said."""
DECLINED: Final = 2
EVIDENCE: Final = 4
"""The decline says something about the card or its holder."""
IN: Final = 8
"""A deposit: money comes to the customer."""
OUT: Final = 16
"""Money is passed on: a transfer or withdrawal."""
REFUND: Final = 32
NEAR_THRESHOLD: Final = 64
"""Just below the amount from which on it would have to be reported; not what was declined, or takes money back."""
FRAUD: Final = 128
"""It is known to be fraud: a label said so."""

NEAR_SHARE: Final = 0.9
"""Own choice: from this share of the reporting threshold on, up to the threshold itself, an amount is near it."""

_FLAGS: Final = {
    TransactionType.PAYMENT: SPEND,
    TransactionType.TRANSFER: SPEND | OUT,
    TransactionType.WITHDRAWAL: SPEND | OUT,
    TransactionType.DEPOSIT: IN,
    TransactionType.REFUND: REFUND,
    TransactionType.REVERSAL: 0,
}
_FAILURES: Final = (
    *("03", "06", "09", "12", "13", "19", "22", "30", "31", "40", "58", "68"),
    *("90", "91", "92", "94", "95", "96", "98"),
)
"""ISO 8583:1987 DE39: merchant, format and network failures. An outage must not look like card testing."""
_SOFT_DECLINES: Final = ("1A", "65", "70")
"""The issuer asks to authenticate (Visa 1A, Mastercard 65) or for the PIN (Visa 70)."""
NOT_ABOUT_THE_CARD = frozenset({*_FAILURES, *_SOFT_DECLINES})
_TAKES_BACK: Final = frozenset({TransactionType.REFUND, TransactionType.REVERSAL})
_REMOTE_CHANNELS: Final = frozenset({Channel.ECOMMERCE, Channel.MOBILE, Channel.MOTO})
_REMOTE_ENTRY: Final = frozenset({EntryMode.ECOMMERCE, EntryMode.CREDENTIAL_ON_FILE})
_AT_HAND: Final = frozenset({EntryMode.CHIP, EntryMode.CONTACTLESS, EntryMode.MAGSTRIPE})
"""A card or a telephone was held to a reader, whatever the channel."""
_MAX_DEGREES = {"latitude": 90.0, "longitude": 180.0}


class Event(NamedTuple):
    """One transaction in a profile; events order by time, then identity."""

    time: int
    """Epoch milliseconds."""
    identity: int
    """32-bit hash of the transaction's id: with the time it tells the events of one entity apart."""
    amount: int
    """Hundredths of the base currency; `NO_AMOUNT` where no exchange rate is known."""
    flags: int
    peer: int
    """32-bit hash of what the entity met, or `NO_PEER`: a customer its device, a card its merchant, a terminal or a
    counterparty its customer, all others the card."""
    other_peer: int
    """32-bit hash of a second thing that the entity met: a customer the payee, a card, a device or an address the
    customer, a merchant the card's issuer prefix; `NO_PEER` for the others. Of a customer's refund or reversal it is
    the identity of the transaction that is taken back."""
    country: int
    """Country of a customer's event, as `country_code`, or `NO_COUNTRY`: who orders abroad is not there."""
    latitude: int
    """Latitude of a customer's event in hundredths of a degree, or `NO_PLACE`: a refund needs nobody there, and a
    thief online says what he likes."""
    longitude: int

    def is_same_as(self, other: "Event") -> bool:
        """Return whether both are of the same transaction."""
        return self.time == other.time and self.identity == other.identity


def marked_as_fraud(event: Event) -> Event:
    """Return an event whose transaction is known to be fraud."""
    return event._replace(flags=event.flags | FRAUD)


def is_spending(event: Event) -> int:
    """Return 1 for an event in which money leaves the customer, else 0."""
    return event.flags & SPEND


def is_evidence(event: Event) -> int:
    """Return 1 for a decline that says something about the card or its holder, else 0."""
    return 1 if event.flags & EVIDENCE else 0


def is_refund(event: Event) -> int:
    """Return 1 for a refund, else 0."""
    return 1 if event.flags & REFUND else 0


def is_near_threshold(event: Event) -> int:
    """Return 1 for an amount just below the reporting threshold, else 0."""
    return 1 if event.flags & NEAR_THRESHOLD else 0


def spent(event: Event) -> int:
    """Return what was spent, in hundredths of the base currency; 0 for what was declined or has no rate."""
    return event.amount if event.flags & (SPEND | DECLINED) == SPEND and event.amount != NO_AMOUNT else 0


def moved(event: Event) -> int:
    """Return what moved, in hundredths of the base currency: 0 for what was declined, `NO_AMOUNT` without a rate."""
    return 0 if event.flags & DECLINED else event.amount


def takes_back(event: Event) -> bool:
    """Return whether an event is a refund or a reversal."""
    return not event.flags & (SPEND | IN)


def payee(event: Event) -> int:
    """Return the hash of whom a customer's event paid or was paid by, or `NO_PEER`."""
    return NO_PEER if takes_back(event) else event.other_peer


def refunded(event: Event) -> int:
    """Return what was refunded, in hundredths of the base currency."""
    return event.amount if event.flags & REFUND and event.amount != NO_AMOUNT else 0


def received(event: Event) -> int:
    """Return what a counterparty was sent, in hundredths of the base currency; 0 for what was declined."""
    return _moved(event, OUT)


def paid_out(event: Event) -> int:
    """Return what a counterparty paid a customer, in hundredths of the base currency; 0 for what was declined."""
    return _moved(event, IN)


def _moved(event: Event, way: int) -> int:
    return event.amount if event.flags & (way | DECLINED) == way and event.amount != NO_AMOUNT else 0


class UnusableTransactionError(ValueError):
    """A stored transaction holds a value that no validated transaction can hold."""


def check(transaction: Transaction) -> None:
    """Raise if a value does not fit into an event; the API's validation refuses such values before.

    Raises:
        UnusableTransactionError: the message names the field.
    """
    if not 0 <= transaction.timestamp < MAX_TIME:
        raise UnusableTransactionError("timestamp is out of range")
    if not 0 <= transaction.received_at < MAX_TIME:
        raise UnusableTransactionError("receivedAt is out of range")
    if not 0 <= transaction.amount_minor <= MAX_AMOUNT_MINOR:
        raise UnusableTransactionError("amountMinor is out of range")
    if transaction.currency not in EXPONENTS:
        raise UnusableTransactionError("currency must be a currency code of ISO 4217, in capitals")
    for field, most in _MAX_DEGREES.items():
        degrees: float | None = getattr(transaction, field)
        if degrees is not None and not -most <= degrees <= most:
            raise UnusableTransactionError(f"{field} is out of range")


def peer_hash(value: str | None) -> int:
    """Hash an identifier to 32 bits. Tokens are uniformly random, so a checksum spreads them."""
    return NO_PEER if value is None else zlib.crc32(value.encode()) or 1


def country_code(country: str | None) -> int:
    """Return a country's two letters as a 16-bit number; `NO_COUNTRY` for none."""
    return NO_COUNTRY if country is None else int.from_bytes(country.encode()[:2], "big")


def card_identity(transaction: Transaction) -> str | None:
    """Return what identifies the card: issuer prefix and last digits where both are known, else its token.

    A wallet may mint a new token for each attempt; its attempts are still those of one card.
    """
    if transaction.card_bin is not None and transaction.card_last4 is not None:
        return f"{transaction.card_bin}…{transaction.card_last4}"
    return transaction.card_token


def identity(transaction_id: str) -> int:
    """Hash a transaction's id to 32 bits."""
    return int.from_bytes(blake2b(transaction_id.encode(), digest_size=4).digest(), "little")


def events_of(
    transaction: Transaction, keys: dict[EntityKind, str], amount: float | None, reporting_threshold: float
) -> dict[EntityKind, Event]:
    """Build the events that a transaction is to its entities.

    Args:
        transaction: what happened; `check` must accept it.
        keys: the profiles' keys of its entities.
        amount: in the base currency; None where no exchange rate is known.
        reporting_threshold: in the base currency.
    """
    flags = _FLAGS[transaction.type]
    if transaction.authorization_result is AuthorizationResult.DECLINED:
        flags |= DECLINED
        if transaction.response_code not in NOT_ABOUT_THE_CARD:
            flags |= EVIDENCE
    is_near = amount is not None and NEAR_SHARE * reporting_threshold <= amount < reporting_threshold
    if is_near and not flags & DECLINED and transaction.type not in _TAKES_BACK:
        flags |= NEAR_THRESHOLD
    stored = NO_AMOUNT if amount is None else min(round(amount * 100), MAX_AMOUNT)
    common = transaction.timestamp, identity(transaction.transaction_id), stored, flags
    card = peer_hash(card_identity(transaction))
    made: dict[EntityKind, Event] = {}
    for kind in keys:
        match kind:
            case EntityKind.CUSTOMER:
                made[kind] = Event(
                    *common,
                    peer_hash(transaction.device_id),
                    _other_peer(transaction),
                    country_code(_shown_country(transaction)),
                    *_shown_place(transaction),
                )
            case EntityKind.CARD:
                made[kind] = _met(common, peer_hash(transaction.merchant_id), peer_hash(transaction.customer_id))
            case EntityKind.TERMINAL | EntityKind.COUNTERPARTY:
                made[kind] = _met(common, peer_hash(transaction.customer_id))
            case EntityKind.MERCHANT:
                # Who collects anew from stored cards, with no customer at a device, tries no numbers out.
                collected = transaction.entry_mode is EntryMode.CREDENTIAL_ON_FILE and transaction.device_id is None
                seen = flags & ~EVIDENCE if collected else flags
                made[kind] = _met((*common[:3], seen), card, peer_hash(transaction.card_bin))
            case EntityKind.DEVICE | EntityKind.IP:
                made[kind] = _met(common, card, peer_hash(transaction.customer_id))
    return made


def _met(common: tuple[int, int, int, int], peer: int, other_peer: int = NO_PEER) -> Event:
    return Event(*common, peer, other_peer, NO_COUNTRY, NO_PLACE, NO_PLACE)


def _other_peer(transaction: Transaction) -> int:
    if transaction.type in _TAKES_BACK and transaction.original_transaction_id is not None:
        return identity(transaction.original_transaction_id)
    return peer_hash(transaction.counterparty_token)


def place(transaction: Transaction) -> tuple[int, int]:
    """Return latitude and longitude in hundredths of a degree; `NO_PLACE` for both where nobody has to be there."""
    if transaction.type in _TAKES_BACK or transaction.latitude is None or transaction.longitude is None:
        return NO_PLACE, NO_PLACE
    return round(transaction.latitude * 100), round(transaction.longitude * 100)


def _shown_place(transaction: Transaction) -> tuple[int, int]:
    """Return the place that somebody was seen at."""
    return place(transaction) if _is_in_person(transaction) else (NO_PLACE, NO_PLACE)


def _shown_country(transaction: Transaction) -> str | None:
    """Return the country of the address, or of a shop where somebody was seen, or that is in the card's own country."""
    shop = transaction.merchant_country
    is_there = _is_in_person(transaction) or shop == transaction.card_country
    return transaction.ip_country or (shop if is_there and transaction.type not in _TAKES_BACK else None)


def _is_in_person(transaction: Transaction) -> bool:
    """Return whether somebody may have been there: online, and by telephone, anybody can be anywhere."""
    remote = transaction.channel in _REMOTE_CHANNELS or transaction.entry_mode in _REMOTE_ENTRY
    return not remote or transaction.entry_mode in _AT_HAND
