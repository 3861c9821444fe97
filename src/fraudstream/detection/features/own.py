"""What a model sees of the transaction itself, beside its features: codes and comparisons of fields that are logged.

They are no part of a stored vector: the log has the fields, and each value follows from them, in Python and in SQL
alike. Rules have the fields themselves. As for features, a value never changes its meaning by its name.

What the issuer answered is left out: of declined payments hardly any is labelled but fraud, so that a model would learn
that each of them is.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from fraudstream.detection.features.registry import MEANINGS, NAMES, Vector
from fraudstream.transactions.transaction import (
    Channel,
    EntryMode,
    Transaction,
    TransactionType,
)

SINCE: Final = 5
"""The schema of features that they came with."""


class OwnValue(NamedTuple):
    """A value that follows from a transaction's own fields."""

    name: str
    description: str
    of: Callable[[Transaction], float | None]
    """Returns the value; None where a field that it needs is missing."""
    sql: str
    """Expression for the value in a row of the decision log."""


def _codes(name: str, field: str, attribute: str, codes: Mapping[str, int], description: str) -> OwnValue:
    numbers = {key: float(number) for key, number in codes.items()}

    def of(transaction: Transaction) -> float | None:
        return numbers.get(getattr(transaction, attribute))

    cases = " ".join(f"WHEN '{key}' THEN {number}e0" for key, number in codes.items())
    return OwnValue(name, description, of, f"CASE {field} {cases} END")


def _same(name: str, first: tuple[str, str], second: tuple[str, str], description: str) -> OwnValue:
    (column, attribute), (other_column, other_attribute) = first, second

    def of(transaction: Transaction) -> float | None:
        value, other = getattr(transaction, attribute), getattr(transaction, other_attribute)
        return None if value is None or other is None else float(value == other)

    is_same = f"CASE WHEN {column} = {other_column} THEN 1e0 WHEN {column} <> {other_column} THEN 0e0 END"
    return OwnValue(name, description, of, is_same)


def _places(kinds: Iterable[str]) -> dict[str, int]:
    # New members come last, or these codes change: a test holds them.
    return {str(kind): place for place, kind in enumerate(kinds)}


def _group(transaction: Transaction) -> float | None:
    code = transaction.merchant_category_code
    return None if code is None else float(code[:2])


_CARD: Final = ("cardCountry", "card_country")
_MERCHANT: Final = ("merchantCountry", "merchant_country")
_BILLING: Final = ("billingCountry", "billing_country")
_ADDRESS: Final = ("ipCountry", "ip_country")

VALUES: Final = (
    _codes("ownType", "type", "type", _places(TransactionType), "type of the transaction, as a number"),
    _codes("ownChannel", "channel", "channel", _places(Channel), "channel, as a number"),
    _codes("ownEntryMode", "entryMode", "entry_mode", _places(EntryMode), "entry mode, as a number"),
    OwnValue(
        "ownMerchantGroup",
        "first two digits of the merchant category code",
        _group,
        "CAST(substr(merchantCategoryCode, 1, 2) AS DOUBLE)",
    ),
    _same("ownCardAtHome", _CARD, _MERCHANT, "1 if the merchant is in the card's country, else 0"),
    _same("ownAddressAtCard", _ADDRESS, _CARD, "1 if the internet address is in the card's country, else 0"),
    _same(
        "ownAddressAtMerchant", _ADDRESS, _MERCHANT, "1 if the internet address is in the merchant's country, else 0"
    ),
    _same("ownBillingAtCard", _BILLING, _CARD, "1 if the billing address is in the card's country, else 0"),
)
INPUTS: Final = (*NAMES, *(each.name for each in VALUES))
"""What a model can learn from, in the order of its input."""
INPUT_MEANINGS: Final[Mapping[str, int]] = MappingProxyType(dict(MEANINGS) | {each.name: SINCE for each in VALUES})
"""The schema that brought each with the meaning that it has now."""
_OF: Final = tuple(each.of for each in VALUES)


def own_values(transaction: Transaction) -> Vector:
    """Return the values of a transaction, in the order of `VALUES`."""
    return tuple([of(transaction) for of in _OF])


def inputs(vector: Vector, transaction: Transaction) -> Vector:
    """Return what a model sees: the transaction's features, and what follows from its own fields."""
    return vector + own_values(transaction)
