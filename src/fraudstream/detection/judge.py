"""One transaction and its profiles in, a decision and the profiles after it out: pure, and in one pass.

The analyzer, replay and backtest all judge by this one class.
"""

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from fraudstream.contract import RATES_FILE
from fraudstream.detection.features import registry
from fraudstream.detection.features.compute import Calendar, compute
from fraudstream.detection.profiles.entities import EntityKind, entities
from fraudstream.detection.profiles.events import events_of
from fraudstream.detection.profiles.profile import LabelChange, Profile
from fraudstream.detection.profiles.view import ProfileView
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.detection.scoring import decide
from fraudstream.transactions.decision import Decision, Reason
from fraudstream.transactions.transaction import Transaction

NO_EXCHANGE_RATE: Final = Reason(code="NO_EXCHANGE_RATE", source=RATES_FILE)


class Judgement(NamedTuple):
    """What judging a transaction gives."""

    decision: Decision
    profiles: dict[str, Profile]
    """The profiles that it changes, by key."""
    seen: bool
    """Some profile had learnt it before, or is too new to know: the transaction may have been decided already."""


class Judge:
    """Judges by one ruleset."""

    def __init__(self, ruleset: Ruleset, calendar: Calendar | None = None) -> None:
        """Take what to judge by: the rules, rates and lists, and what hours and labels' delays refer to."""
        self.ruleset = ruleset
        self._calendar = calendar or Calendar()

    def judge(
        self,
        transaction: Transaction,
        profiles: Mapping[str, Profile],
        decided_at: int,
        *,
        undecided: bool = False,
    ) -> Judgement:
        """Judge a transaction by its past without itself.

        Args:
            transaction: what to judge; `events.check` must accept it.
            profiles: the profiles before it, by key; an entity without one is new.
            decided_at: epoch milliseconds.
            undecided: it is known to have no decision yet, so that it counts even where profiles cannot tell it from an
                old one.
        """
        rates = self.ruleset.rates
        amount = rates.to_base(transaction.amount_minor, transaction.currency, transaction.timestamp)
        sights, changed, seen = self._look(transaction, profiles, amount, undecided=undecided)
        packed = registry.pack(compute(transaction, sights, amount, self._calendar))
        vector = registry.unpack(packed)
        outcome = decide(self.ruleset, self.ruleset.evaluate(transaction, vector), vector)
        live, shadow = self.ruleset.models
        decision = Decision(
            decision=outcome.verdict,
            score=outcome.score,
            reasons=outcome.reasons if amount is not None else (*outcome.reasons, NO_EXCHANGE_RATE),
            features=packed,
            unevaluable_rules=outcome.unevaluable,
            shadow_hits=outcome.shadow_hits,
            ruleset_version=self.ruleset.version,
            model_version=live.version if live else None,
            shadow_model=shadow.version if shadow else None,
            shadow_score=outcome.shadow_score,
            decided_at=decided_at,
        )
        return Judgement(decision, changed, seen)

    def _look(
        self, transaction: Transaction, profiles: Mapping[str, Profile], amount: float | None, *, undecided: bool
    ) -> tuple[dict[EntityKind, ProfileView], dict[str, Profile], bool]:
        """Let the profiles learn the transaction; return what they let it see, which ones changed, whether it was seen.

        It is judged by the profiles that have learnt it, which are read without it: so a retry finds the same past.
        """
        keys = entities(transaction)
        events = events_of(transaction, keys, amount, self.ruleset.rates.reporting_threshold)
        customer = profiles.get(keys[EntityKind.CUSTOMER])
        seen = customer is not None and customer.knows(events[EntityKind.CUSTOMER])
        held = customer is not None and customer.holds(events[EntityKind.CUSTOMER])
        late = not seen or (undecided and not held)
        sights: dict[EntityKind, ProfileView] = {}
        changed: dict[str, Profile] = {}
        for kind, key in keys.items():
            event, before = events[kind], profiles.get(key) or Profile.new(kind)
            after = before.after(event, late=late)
            if after is not before:
                changed[key] = after
            sights[kind] = ProfileView(
                after,
                event,
                counted=after is not before or before.holds(event),
                label_delay_days=self._calendar.label_delay_days,
            )
        return sights, changed, seen


def learn_label(
    transaction: Transaction, profiles: Mapping[str, Profile], change: LabelChange, frauds: int
) -> dict[str, Profile]:
    """Let the profiles of a transaction's entities learn that its label has changed.

    Args:
        transaction: what was labelled.
        profiles: the profiles before the change, by key.
        change: what tells this change from others.
        frauds: 1 if the transaction is now known to be fraud, -1 if it is no longer.

    Returns:
        The profiles that it changes, by key.
    """
    keys = entities(transaction)
    # Profiles find the event by its time and identity.
    events = events_of(transaction, keys, None, math.inf)
    customer = profiles.get(keys[EntityKind.CUSTOMER])
    seen = customer is not None and customer.knows_label(change)
    changed: dict[str, Profile] = {}
    for kind, key in keys.items():
        before = profiles.get(key) or Profile.new(kind)
        after = before.after_label(change, events[kind], frauds, late=not seen)
        if after is not before:
            changed[key] = after
    return changed
