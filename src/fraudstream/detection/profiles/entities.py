"""Which entities a transaction touches, and the keys of their profiles."""

from enum import StrEnum
from typing import Final

from fraudstream.transactions.transaction import Transaction


class EntityKind(StrEnum):
    """The kinds of entity that have a profile."""

    CUSTOMER = "customer"
    CARD = "card"
    MERCHANT = "merchant"
    TERMINAL = "terminal"
    DEVICE = "device"
    IP = "ip"


PERSONAL: Final = frozenset({EntityKind.CUSTOMER, EntityKind.CARD})
"""Kinds that belong to one person. The others are met by many people, may be busy, and are written by many at once."""


def tokens(transaction: Transaction) -> dict[EntityKind, str]:
    """Return the token of every entity that a transaction touches."""
    found = {EntityKind.CUSTOMER: transaction.customer_id}
    if transaction.card_token is not None:
        found[EntityKind.CARD] = transaction.card_token
    if transaction.merchant_id is not None:
        found[EntityKind.MERCHANT] = transaction.merchant_id
    if transaction.terminal_id is not None:
        found[EntityKind.TERMINAL] = transaction.terminal_id
    if transaction.device_id is not None:
        found[EntityKind.DEVICE] = transaction.device_id
    if transaction.ip_address is not None:
        found[EntityKind.IP] = transaction.ip_address
    return found


def entities(transaction: Transaction) -> dict[EntityKind, str]:
    """Return the profile keys of the entities that a transaction touches, such as `card#tok_…`."""
    return {kind: f"{kind.value}#{token}" for kind, token in tokens(transaction).items()}


def kind_of(entity: str) -> EntityKind:
    """Return the kind of the entity that a profile key belongs to."""
    return EntityKind(entity.partition("#")[0])
