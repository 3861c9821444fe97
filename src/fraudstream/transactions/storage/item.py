"""The stored item of a transaction, decoded: for the store, the stream, the decision log and the commands."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from fraudstream.contract import RESTORED_AT
from fraudstream.transactions.decisions.decision import ActionTaken, Decision, Label
from fraudstream.transactions.decisions.inline import InlineResult, inline_from_item
from fraudstream.transactions.storage.attributes import AttributeValue
from fraudstream.transactions.transaction import Transaction


class PoisonRecordError(ValueError):
    """A record or an item that can never be read; the message names a field or a kind of fault, never a value."""


class StoredTransaction(NamedTuple):
    """A transaction with what has been added to it since."""

    transaction: Transaction
    decision: Decision | None = None
    label: Label | None = None
    inline: InlineResult | None = None
    """What its client was answered at once, or why nothing; None if it did not wait."""
    action: ActionTaken | None = None
    """What the client did with it; None while nobody said."""


def decode(item: Mapping[str, AttributeValue]) -> StoredTransaction:
    """Read the item of a transaction, as the table or a stream image holds it.

    Raises:
        PoisonRecordError: the item is not one of a transaction.
    """
    try:
        return StoredTransaction(
            Transaction.from_item(item),
            Decision.from_item(item),
            Label.from_item(item),
            inline_from_item(item),
            ActionTaken.from_item(item),
        )
    except msgspec.ValidationError as error:
        # msgspec's own message may hold the value; what follows "$." is the field.
        where = re.search(r"(?:\$\.|field `)(\w+)", str(error))
        raise PoisonRecordError(f"not a stored transaction: {where[1] if where else 'a field'} is wrong") from None
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        raise PoisonRecordError("not a stored transaction: an attribute cannot be read") from None


def is_restoration(new: Mapping[str, AttributeValue], old: Mapping[str, AttributeValue]) -> bool:
    """Return whether a change of an item only brings back what a backup holds: it was logged and learnt before."""
    return RESTORED_AT in new and new[RESTORED_AT] != old.get(RESTORED_AT)
