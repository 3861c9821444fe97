"""What rules can speak of: the transaction's fields and the features, with their types."""

from enum import Enum, StrEnum
from operator import attrgetter
from typing import Final, NamedTuple

from fraudstream.detection.features import registry
from fraudstream.transactions.transaction import FIELDS as DECLARED
from fraudstream.transactions.transaction import Transaction, TransactionType


class FieldType(Enum):
    """The types of the rule language; the value is how messages name them."""

    NUMBER = "a number"
    TEXT = "text"
    FLAG = "true or false"


class Field(NamedTuple):
    """A name that rules can use."""

    name: str
    type: FieldType
    optional: bool
    """It may be missing; a rule that needs it is then unevaluable."""
    choices: tuple[str, ...] = ()
    """All values that a text can have; empty: any text."""
    place: str | int | None = None
    """Where it is: an attribute of the transaction, or a place in its vector. None: it is an argument of its own."""


REFUSED: Final = {
    field.public_name: field.spec.instead_in_rules for field in DECLARED if field.spec.instead_in_rules is not None
}
"""Fields of a transaction that rules cannot use, and what to use instead."""

FIRST_ASKED: Final = "type"
"""The field that nearly every rule asks for first."""
TYPES: Final = {each: each.value for each in TransactionType}
"""What rules are given of it: a plain text compares faster than a member of an enumeration."""
_IN_RULES: Final = tuple(field for field in DECLARED if field.spec.in_rules)


def _choices(kind: object) -> tuple[str, ...]:
    return tuple(str(member) for member in kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else ()


def _transaction_fields() -> tuple[Field, ...]:
    return tuple(
        Field(
            field.public_name,
            FieldType.TEXT,
            not field.required,
            _choices(field.type),
            None if field.public_name == FIRST_ASKED else field.name,
        )
        for field in _IN_RULES
    )


FIELDS: Final = _transaction_fields() + tuple(
    Field(name, FieldType.NUMBER, True, place=place) for place, name in enumerate(registry.NAMES)
)
"""In the order in which `values` gives their values."""
BY_NAME: Final = {field.name: field for field in FIELDS}

_texts_of = attrgetter(*(field.name for field in _IN_RULES))


def values(transaction: Transaction, vector: registry.Vector) -> tuple[str | float | None, ...]:
    """Return the values of `FIELDS` for a transaction and its features, as judged."""
    return (*_texts_of(transaction), *vector)
