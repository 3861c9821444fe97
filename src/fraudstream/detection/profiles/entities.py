"""Which entities a transaction touches, and the keys of their profiles."""

from operator import attrgetter
from typing import Final

from fraudstream.transactions.fields import EntityKind
from fraudstream.transactions.transaction import FIELDS, Transaction

PERSONAL: Final = frozenset({EntityKind.CUSTOMER, EntityKind.CARD})
"""Kinds that belong to one person. The others are met by many people, may be busy, and are written by many at once."""

_TOKENS: Final = tuple(
    (field.spec.identifies, attrgetter(field.name)) for field in FIELDS if field.spec.identifies is not None
)


def tokens(transaction: Transaction) -> dict[EntityKind, str]:
    """Return the token of every entity that a transaction touches."""
    return {kind: token for kind, get in _TOKENS if (token := get(transaction)) is not None}


def entities(transaction: Transaction) -> dict[EntityKind, str]:
    """Return the profile keys of the entities that a transaction touches, such as `card#tok_…`."""
    return {kind: f"{kind.value}#{token}" for kind, token in tokens(transaction).items()}


def kind_of(entity: str) -> EntityKind:
    """Return the kind of the entity that a profile key belongs to."""
    return EntityKind(entity.partition("#")[0])
