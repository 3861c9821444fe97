"""What is told of a payment after it was decided: what it turned out to be, and what the client did with it."""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream.transactions.card_numbers.iban import holds_iban
from fraudstream.transactions.decisions.decision import ActionTaken, Label, Truth

SOURCE_MUST_BE: Final = "a code of 1 to 32 letters, digits and . _ : -, without a card number or account number (IBAN)"
"""What a label's source has to be; it appears in logs, reports and events: no sentence about a person fits in."""
_SOURCE: Final = re.compile(r"[A-Za-z0-9._:-]{1,32}")


def is_source(text: str) -> bool:
    """Return whether a text may be the source of a label; see `SOURCE_MUST_BE`."""
    return _SOURCE.fullmatch(text) is not None and not holds_card_number(text) and not holds_iban(text)


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
