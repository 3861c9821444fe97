"""Which entities a transaction touches, and the keys of their profiles."""

from operator import attrgetter
from typing import Final

from fraudstream.contract import EntityKind
from fraudstream.transactions.transaction import FIELDS, Transaction

PERSONAL: Final = frozenset({EntityKind.CUSTOMER, EntityKind.CARD})
"""Kinds that belong to one person. The others are met by many people, may be busy, and are written by many at once."""

_TOKENS: Final = tuple(
    (field.spec.identifies, field.spec.identifies.key_prefix, attrgetter(field.name))
    for field in FIELDS
    if field.spec.identifies is not None
)
"""Kind of entity, what its profiles' keys begin with, and what gives its token."""


def tokens(transaction: Transaction) -> dict[EntityKind, str]:
    """Return the token of every entity that a transaction touches."""
    return {kind: token for kind, _, get in _TOKENS if (token := get(transaction)) is not None}


def entities(transaction: Transaction) -> dict[EntityKind, str]:
    """Return the profile keys of the entities that a transaction touches, such as `card#tok_…`."""
    return {kind: prefix + token for kind, prefix, get in _TOKENS if (token := get(transaction)) is not None}


def kind_of(entity: str) -> EntityKind:
    """Return the kind of the entity that a profile key belongs to."""
    return EntityKind(entity.partition("#")[0])
