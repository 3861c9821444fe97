"""One transaction and its profiles in, a decision and the profiles after it out: pure, and in one pass.

The analyzer, replay and backtest all judge by this one class.
"""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Final, NamedTuple

from fraudstream.detection import features
from fraudstream.detection.decision import decide
from fraudstream.detection.entities import EntityKind, entities
from fraudstream.detection.events import Event, event_of, single
from fraudstream.detection.profiles import Profile
from fraudstream.detection.ruleset import RATES_FILE, Ruleset
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

    def __init__(self, ruleset: Ruleset, time_zone: tzinfo = UTC) -> None:
        """Take what to judge by.

        Args:
            ruleset: the rules, rates and lists.
            time_zone: what hours of the day refer to.
        """
        self.ruleset = ruleset
        self._time_zone = time_zone

    def judge(self, transaction: Transaction, profiles: Mapping[str, Profile], decided_at: int) -> Judgement:
        """Judge a transaction by its past without itself.

        Args:
            transaction: what to judge; `events.check` must accept it.
            profiles: the profiles before it, by key; an entity without one is new.
            decided_at: epoch milliseconds.
        """
        rated = self.ruleset.rates.to_base(transaction.amount_minor, transaction.currency, transaction.timestamp)
        amount = None if rated is None else single(rated)
        touched: dict[EntityKind, tuple[Profile, Event]] = {}
        changed: dict[str, Profile] = {}
        seen = False
        for kind, key in entities(transaction).items():
            profile = profiles.get(key) or Profile(kind)
            event = event_of(transaction, kind, amount)
            after = profile.after(event)
            # Judged by the profile that has learnt it, and reads it without it: so a retry finds the same past.
            touched[kind] = after, event
            if after is profile:
                seen = True
            else:
                changed[key] = after
        packed = features.pack(features.compute(transaction, touched, amount, self._time_zone))
        outcome = decide(self.ruleset, self.ruleset.evaluate(transaction, features.unpack(packed)))
        decision = Decision(
            decision=outcome.verdict,
            score=outcome.score,
            reasons=outcome.reasons if amount is not None else (*outcome.reasons, NO_EXCHANGE_RATE),
            features=packed,
            unevaluable_rules=outcome.unevaluable,
            shadow_hits=outcome.shadow_hits,
            ruleset_version=self.ruleset.version,
            decided_at=decided_at,
        )
        return Judgement(decision, changed, seen)
