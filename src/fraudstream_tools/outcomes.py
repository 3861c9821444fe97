"""What is told of a payment after it was decided: what it turned out to be, and what the client did with it."""

from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from fraudstream.transactions.decisions.decision import ActionTaken, Label, Truth


class PaymentKey(NamedTuple):
    """What names a payment."""

    name: str
    is_reference: bool = False
    """It is the id that a card scheme, acquirer or processor gave it (`networkReference`), and not `transactionId`."""


@dataclass(frozen=True, kw_only=True)
class PaymentOutcome:
    """What is told of one payment; None where nothing is."""

    label: Label | None = None
    action: ActionTaken | None = None

    @property
    def times(self) -> tuple[int, ...]:
        """When it happened, epoch milliseconds."""
        label, action = self.label, self.action
        return (*([label.labeled_at] if label else []), *([action.action_at] if action else []))


def newest(there: PaymentOutcome, told: PaymentOutcome) -> PaymentOutcome:
    """Return what holds after something was told: the newest of each part, in whatever order it was told.

    Args:
        there: what was known before.
        told: what is told now.
    """
    return PaymentOutcome(
        label=_newest_label(there.label, told.label), action=_newest_action(there.action, told.action)
    )


def _newest_label(there: Label | None, told: Label | None) -> Label | None:
    if there is None or told is None:
        return there or told
    # Of two at the same moment, the one that says fraud.
    winner = max(there, told, key=lambda label: (label.labeled_at, label.label is Truth.FRAUD))
    # Whoever says fraud later may not know which: what is known of that stays, until somebody names another kind.
    typed = [label for label in (there, told) if label.fraud_type is not None]
    if not typed:
        return winner
    named = max(typed, key=lambda label: (label.fraud_type_at or 0, label.fraud_type))
    return msgspec.structs.replace(winner, fraud_type=named.fraud_type, fraud_type_at=named.fraud_type_at)


def _newest_action(there: ActionTaken | None, told: ActionTaken | None) -> ActionTaken | None:
    if there is None or told is None:
        return there or told
    return max(there, told, key=lambda action: (action.action_at, action.action_taken))
