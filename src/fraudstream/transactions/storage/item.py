"""The stored item of a transaction, decoded: for the store, the stream, the decision log and the commands."""

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec

from fraudstream.contract import RESTORED_AT, ItemKind
from fraudstream.transactions.decisions.decision import ActionTaken, Decision, Label
from fraudstream.transactions.decisions.inline import INLINE_ATTRIBUTE, InlineResult, inline_from_item
from fraudstream.transactions.storage.attributes import AttributeValue, from_attribute
from fraudstream.transactions.transaction import Transaction

_MOMENTS: Final = ("redrivenAt", RESTORED_AT)


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


def decode_readable(item: Mapping[str, AttributeValue]) -> StoredTransaction:
    """Read the item of a transaction for somebody who asks for it: a damaged addition must not keep the rest away.

    Raises:
        PoisonRecordError: the item is not one of a transaction, or its decision cannot be read.
    """
    return decode_changed(item, item)


def decode_changed(new: Mapping[str, AttributeValue], old: Mapping[str, AttributeValue]) -> StoredTransaction:
    """Read the item of a transaction as a change left it: what was damaged before it must not keep the change away.

    Args:
        new: the item after the change.
        old: before it; empty where there was none.

    Raises:
        PoisonRecordError: the item is not one of a transaction, or the change has written what cannot be read.
    """
    try:
        return decode(new)
    except PoisonRecordError:
        readable = without_damaged(new)
        if any(new[name] != old.get(name) for name in new.keys() - readable.keys()):
            raise
        return decode(readable)


def image_of_transaction(image: Mapping[str, AttributeValue]) -> Mapping[str, AttributeValue]:
    """Return an image of a stream; empty where it is of no transaction.

    Whoever may label may write attributes of a label under the key of a transaction that is not there yet: it comes as
    a change of that item then, and is new all the same.
    """
    return image if image.get("kind") == {"S": ItemKind.TRANSACTION.value} else {}


def without_damaged(item: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    """Return an item without those additions to a transaction and its decision that cannot be read.

    People may write some of them, and an inline decision only advises: none of them says what the transaction is.
    """
    gone = {name for addition in (Label, ActionTaken) for name in damaged(item, addition)}
    if not _can_be_read(inline_from_item, item):
        gone.add(INLINE_ATTRIBUTE)
    gone |= {name for name in _MOMENTS if name in item and not _can_be_read(_whole_number, item[name])}
    return {name: attribute for name, attribute in item.items() if name not in gone}


def damaged(item: Mapping[str, AttributeValue], addition: type[Label | ActionTaken]) -> set[str]:
    """Return the names of the attributes of a label, or an action, that cannot be read; none where it can.

    Args:
        item: of a transaction.
        addition: which of the two.
    """
    names = {field.encode_name for field in msgspec.structs.fields(addition)}
    # Another attribute that cannot be read is none of it.
    own = {name: item[name] for name in names if name in item}
    return set() if _can_be_read(addition.from_item, own) else set(own)


def _can_be_read(read: Callable[[Mapping[str, AttributeValue]], object], stored: Mapping[str, AttributeValue]) -> bool:
    try:
        read(stored)
    except (msgspec.ValidationError, KeyError, ValueError, TypeError, AttributeError, OverflowError):
        return False
    return True


def _whole_number(attribute: AttributeValue) -> int:
    return msgspec.convert(from_attribute(attribute), int)


def is_restoration(new: Mapping[str, AttributeValue], old: Mapping[str, AttributeValue]) -> bool:
    """Return whether a change of an item only brings back what a backup holds: it was logged and learnt before."""
    return RESTORED_AT in new and new[RESTORED_AT] != old.get(RESTORED_AT)
