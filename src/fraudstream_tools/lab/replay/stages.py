"""Features by replay, in two stages that can run in two processes and give what one would, to the last bit.

Profiles of merchants, terminals, devices, addresses and counterparties are shared by customers, so that a history can
not be divided by customer. But a profile never reads another kind's: the profiles of customers and cards learn all
transactions in one process, all others in a second one. Only whether a transaction or label had been learnt before is
the customer's profile to say; that goes from the first stage to the second with the features.

Profiles learn by the analyzer's own code (`detection.learning`); tests compare both ways, feature by feature.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from fraudstream.contract import EntityKind
from fraudstream.detection.features import codec
from fraudstream.detection.features.compute import Calendar, compute
from fraudstream.detection.features.counterparty import of_longer_memory
from fraudstream.detection.learning import ALL_KINDS, learn_label, learn_transaction
from fraudstream.detection.profiles.entities import PERSONAL
from fraudstream.detection.profiles.events import identity
from fraudstream.detection.profiles.profile import LabelChange, Profile
from fraudstream.detection.profiles.view import FeatureValues
from fraudstream.detection.rules.rates import Rates
from fraudstream.transactions.transaction import Transaction

SHARED_KINDS: Final = ALL_KINDS - PERSONAL


class HistoryStep(msgspec.Struct, frozen=True, array_like=True):
    """What happens next in a history."""

    transaction: Transaction
    fraud_known_at: int | None = None
    """None: the transaction takes place. Else: it becomes known to be fraud, at this time (epoch milliseconds)."""


class Seen(NamedTuple):
    """What a stage gives of a step."""

    new: bool
    """The customer's profile had not learnt it before."""
    values: FeatureValues | None
    """Features that this stage knows; None of a label."""


class Stage:
    """The profiles of some kinds of entities, through a history."""

    def __init__(self, kinds: frozenset[EntityKind], rates: Rates, calendar: Calendar) -> None:
        """Begin with nothing known.

        Args:
            kinds: of entities; those of the first stage hold the customer.
            rates: to the base currency.
            calendar: time zone and delay of labels.
        """
        self._kinds = kinds
        self._rates = rates
        self._calendar = calendar
        self._profiles: dict[str, Profile] = {}

    def take(self, step: HistoryStep, *, new: bool | None = None) -> Seen:
        """Process a step.

        Args:
            step: the next one.
            new: what the first stage found; None in the first stage.
        """
        if step.fraud_known_at is not None:
            return self._learn(step.transaction, step.fraud_known_at, new=new)
        return self._see(step.transaction, new=new)

    def _see(self, transaction: Transaction, *, new: bool | None) -> Seen:
        amount = self._rates.to_base(transaction.amount_minor, transaction.currency, transaction.timestamp)
        learned = learn_transaction(
            transaction,
            self._profiles,
            amount,
            reporting_threshold=self._rates.reporting_threshold,
            label_delay_days=self._calendar.label_delay_days,
            kinds=self._kinds,
            seen=None if new is None else not new,
        )
        self._profiles.update(learned.changed)
        return Seen(not learned.seen, compute(transaction, learned.views, amount, self._calendar))

    def _learn(self, transaction: Transaction, known_at: int, *, new: bool | None) -> Seen:
        change = LabelChange(known_at, identity(transaction.transaction_id))
        seen = None if new is None else not new
        learned = learn_label(transaction, self._profiles, change, 1, kinds=self._kinds, seen=seen)
        self._profiles.update(learned.changed)
        return Seen(not learned.seen, None)


def packed(personal: FeatureValues, shared: Mapping[str, float | None]) -> bytes:
    """Join the features of both stages, in their stored form.

    Both may know the payee.
    """
    return codec.pack({**personal, **shared, **of_longer_memory(personal, shared)})


def take_all(stages: Sequence[Stage], steps: Sequence[HistoryStep]) -> list[list[Seen]]:
    """Process steps by several first stages side by side; return for each step what each stage gives."""
    return [[stage.take(step) for stage in stages] for step in steps]
