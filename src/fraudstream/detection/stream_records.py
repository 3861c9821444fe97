"""What the analyzer has to do for a record of the stream of transactions."""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from fraudstream.detection.batch_steps import Relabelling
from fraudstream.detection.profiles.events import MAX_TIME, UnusableTransactionError, check, identity
from fraudstream.detection.profiles.profile import LabelChange
from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream.transactions.decisions.inline import InlineResult
from fraudstream.transactions.storage.item import (
    PoisonRecordError,
    decode_changed,
    image_of_transaction,
    is_restoration,
)
from fraudstream.transactions.transaction import Transaction


class Work(NamedTuple):
    """What one record asks for."""

    sequence_number: str
    transaction: Transaction | None = None
    """None: nothing is to be done."""
    undecided: bool = False
    """It is to be judged."""
    label: Label | None = None
    """Its label, new or not: no alert is needed for what is known."""
    relabelled: bool = False
    """The label is new or another one than before: what the alert is to show."""
    relabelling: Relabelling | None = None
    """What the label may change in profiles: whether it does depends on what they have learnt by then."""
    redriven: bool = False
    """Somebody has sent it again after it had been given up."""
    inline: InlineResult | None = None
    """What its client was answered at once, if it waited."""
    known_fraud: bool = False
    """Profiles have learnt that it is fraud."""


_FRAUD = {"S": Truth.FRAUD}
_OF_LABEL = ("label", "labelSource", "labeledAt", "labelApprovedAt")


def sequence_number(record: Mapping[str, Any]) -> str:
    """Return the record's sequence number.

    Raises:
        PoisonRecordError: it has none, so that its failure could not be reported.
    """
    match record:
        case {"dynamodb": {"SequenceNumber": str(number)}} if number:
            return number
        case _:
            raise PoisonRecordError("a stream record has no SequenceNumber")


def transaction_id(record: Mapping[str, Any]) -> str | None:
    """Return the id of the transaction that a record is about, also where the record itself cannot be processed.

    None where its keys cannot be read, and for a card number: what is wrong with a record may be that it did not come
    through the API.
    """
    match record:
        case {"dynamodb": {"Keys": {"transactionId": {"S": str(name)}}}} if not holds_card_number(name):
            return name
        case _:
            return None


def read(record: Mapping[str, Any]) -> Work:
    """Compare a record's old and new image and say what there is to do.

    Raises:
        PoisonRecordError: the new image is no transaction.
    """
    number = sequence_number(record)
    change: Mapping[str, Any] = record["dynamodb"]
    new, old = (image_of_transaction(_image(change.get(image))) for image in ("NewImage", "OldImage"))
    if not new or is_restoration(new, old):
        return Work(number)
    is_new = not old
    redriven = new.get("redrivenAt") != old.get("redrivenAt")
    relabelled = any(new.get(name) != old.get(name) for name in _OF_LABEL) or (
        redriven and new.get("labeledAt") != new.get("learntLabeledAt")
    )
    to_judge = "decision" not in new and (is_new or redriven)
    if not to_judge and not relabelled:
        return Work(number)
    transaction, _, label, inline, _ = decode_changed(new, old)
    try:
        check(transaction)
    except UnusableTransactionError as error:
        raise PoisonRecordError(f"not a transaction that can be judged: {error}") from None
    relabelling = None
    if relabelled:
        # Of what is redriven, and where labels need two people, what was there may never have been learnt.
        noted = redriven or "labelApprovedAt" in {**old, **new}
        before = new.get("learntLabel") if noted else old.get("label")
        relabelling = _relabelling(record, label, was_fraud=before == _FRAUD)
    is_labelled = relabelled and label is not None
    known_fraud = new.get("learntLabel") == _FRAUD
    return Work(number, transaction, to_judge, label, is_labelled, relabelling, redriven, inline, known_fraud)


def _image(image: object) -> Mapping[str, Any]:
    """Return an image of the item, empty where there is none.

    Raises:
        PoisonRecordError: it is no item.
    """
    if not isinstance(image or {}, Mapping):
        raise PoisonRecordError("a stream record's image is no item")
    return cast("Mapping[str, Any]", image or {})


def _relabelling(record: Mapping[str, Any], label: Label | None, *, was_fraud: bool) -> Relabelling | None:
    """Compare what was known to be true with what is known now; `LEGITIMATE` counts as what nobody complained about."""
    if label is None:
        return None
    # A record that is delivered again has the same time and number: so profiles know it again.
    seconds: object = record["dynamodb"].get("ApproximateCreationDateTime")
    if not isinstance(seconds, int | float) or not 0 <= seconds < MAX_TIME / 1000:
        raise PoisonRecordError("a stream record's ApproximateCreationDateTime is no time")
    change = LabelChange(int(seconds * 1000), identity(sequence_number(record)))
    return Relabelling(change, was_fraud, label.label is Truth.FRAUD, label.labeled_at)
