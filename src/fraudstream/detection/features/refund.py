"""Features of a refund: what the profiles' newest events know of the payment that it takes back."""

from collections.abc import Mapping

from fraudstream.contract import EntityKind
from fraudstream.detection.profiles.entities import PERSONAL
from fraudstream.detection.profiles.events import DECLINED, NO_AMOUNT, NO_PEER, REFUND, Event, identity, refunded
from fraudstream.detection.profiles.view import FeatureValues, ProfileView
from fraudstream.transactions.transaction import Transaction, TransactionType


def add(values: FeatureValues, transaction: Transaction, views: Mapping[EntityKind, ProfileView]) -> None:
    """Add the features of a refund; they are missing for everything else.

    What compares it with the payment is missing where that is not remembered.
    """
    if transaction.type is not TransactionType.REFUND or transaction.original_transaction_id is None:
        return
    original = identity(transaction.original_transaction_id)
    payers = [view for kind, view in views.items() if kind in PERSONAL]
    if any(_payments(view, original) for view in views.values()):
        values["refundSearchedDays"] = 0.0
    elif payers:
        # A replay's second stage has no payers, and changes what the first one found only where it knows better.
        values["refundSearchedDays"] = max(each.remembered_days() for each in payers)
    if customer := views.get(EntityKind.CUSTOMER):
        # The card may remember a payment that the customer, who does more than pay by this card, has forgotten.
        paid = [each.amount for view in payers for each in _payments(view, original)]
        others = [each for each in customer.known if each.other_peer == original and not each.flags & DECLINED]
        amount = customer.event.amount
        if paid and paid[-1] not in {0, NO_AMOUNT} and amount != NO_AMOUNT:
            values["customerRefundRatio"] = (sum(map(refunded, others)) + amount) / paid[-1]
    if merchant := views.get(EntityKind.MERCHANT):
        cards = {each.peer for each in merchant.known if each.identity == original} - {NO_PEER}
        if cards and merchant.event.peer != NO_PEER:
            values["merchantRefundOtherCard"] = 0 if merchant.event.peer in cards else 1


def _payments(view: ProfileView, original: int) -> list[Event]:
    """Return what a profile knows of the payment that is taken back: a refund gave money, and a decline moved none."""
    return [each for each in view.known if each.identity == original and not each.flags & (DECLINED | REFUND)]
