"""What the analyzer has to do for a record of the stream of transactions."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from fraudstream.detection.events import UnusableTransactionError, check
from fraudstream.transactions.decision import Label
from fraudstream.transactions.transaction import Kind, Transaction


class Work(NamedTuple):
    """What one record asks for; both may be None: nothing."""

    sequence_number: str
    undecided: Transaction | None
    """A transaction to judge."""
    labelled: tuple[str, Label] | None
    """The id of a transaction and its new label."""
    truth_known: bool
    """The transaction to judge has a label already: nobody needs to be alerted."""


class PoisonRecordError(ValueError):
    """A record that can never be processed; the message names fields, never values."""


def sequence_number(record: Mapping[str, Any]) -> str:
    """Give the record's sequence number.

    Raises:
        PoisonRecordError: it has none, so that its failure could not be reported.
    """
    number: object = record.get("dynamodb", {}).get("SequenceNumber")
    if not isinstance(number, str) or not number:
        raise PoisonRecordError("a stream record has no SequenceNumber")
    return number


def read(record: Mapping[str, Any]) -> Work:
    """Compare a record's old and new image and say what there is to do.

    Raises:
        PoisonRecordError: the new image is no transaction.
    """
    number = sequence_number(record)
    change: Mapping[str, Any] = record["dynamodb"]
    new: Mapping[str, Any] = change.get("NewImage") or {}
    old: Mapping[str, Any] = change.get("OldImage") or {}
    nothing = Work(number, None, None, truth_known=False)
    if new.get("kind") != {"S": Kind.TRANSACTION}:
        return nothing
    is_new = not old
    redriven = new.get("redrivenAt") != old.get("redrivenAt")
    relabelled = any(new.get(name) != old.get(name) for name in ("label", "labelSource", "labeledAt"))
    to_judge = "decision" not in new and (is_new or redriven)
    if not to_judge and not relabelled:
        return nothing
    try:
        transaction = Transaction.from_item(new)
        label = Label.from_item(new)
        check(transaction)
    except msgspec.ValidationError as error:
        # msgspec's own message may hold the value; what follows "$." is the field.
        where = re.search(r"(?:\$\.|field `)(\w+)", str(error))
        raise PoisonRecordError(
            f"the new image is no transaction: {where[1] if where else 'a field'} is wrong"
        ) from None
    except UnusableTransactionError as error:
        raise PoisonRecordError(f"the new image is no transaction: {error}") from None
    except (ValueError, TypeError, AttributeError):
        raise PoisonRecordError("the new image is no transaction: an attribute cannot be read") from None
    labelled = (transaction.transaction_id, label) if relabelled and label else None
    return Work(number, transaction if to_judge else None, labelled, truth_known=label is not None)
