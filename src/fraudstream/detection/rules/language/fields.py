"""What rules can speak of: the transaction's fields and the features, with their types."""

from enum import Enum, StrEnum
from operator import attrgetter
from types import UnionType
from typing import Final, NamedTuple, get_args

import msgspec

from fraudstream.detection.features import registry
from fraudstream.transactions.transaction import Transaction


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


_TEXTS = (
    "currency", "type", "channel", "entry_mode", "authorization_result", "response_code", "merchant_category_code",
    "merchant_country", "card_country", "billing_country", "ip_country", "card_bin", "customer_id", "card_token",
    "merchant_id", "terminal_id", "device_id", "ip_address", "counterparty_token", "original_transaction_id",
)  # fmt: skip

REFUSED: Final = {
    "amountMinor": "minor units differ between currencies: compare amountBase, the amount in the base currency",
    "timestamp": "rules speak of time by features: localHour, arrivalDelaySeconds and the windows of counts",
    "receivedAt": "rules speak of time by features: localHour, arrivalDelaySeconds and the windows of counts",
    "accountOpenedAt": "use accountAgeDays",
    "latitude": "places are judged by travelKm, travelHours and travelKmPerHour",
    "longitude": "places are judged by travelKm, travelHours and travelKmPerHour",
    "metadata": "metadata is stored for the client and not judged",
}
"""Fields of a transaction that rules cannot use, and what to use instead."""


def _choices(annotation: object) -> tuple[str, ...]:
    candidates = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    return tuple(
        str(member)
        for candidate in candidates
        if isinstance(candidate, type) and issubclass(candidate, StrEnum)
        for member in candidate
    )


def _transaction_fields() -> tuple[Field, ...]:
    known = {field.name: field for field in msgspec.structs.fields(Transaction)}
    return tuple(
        Field(known[name].encode_name, FieldType.TEXT, not known[name].required, _choices(known[name].type))
        for name in _TEXTS
    )


FIELDS: Final = _transaction_fields() + tuple(Field(name, FieldType.NUMBER, True) for name in registry.NAMES)
"""In the order in which `values` gives their values."""
BY_NAME: Final = {field.name: field for field in FIELDS}

_texts_of = attrgetter(*_TEXTS)


def values(transaction: Transaction, vector: registry.Vector) -> tuple[str | float | None, ...]:
    """Return the values of `FIELDS` for a transaction and its features, as judged."""
    return (*_texts_of(transaction), *vector)
